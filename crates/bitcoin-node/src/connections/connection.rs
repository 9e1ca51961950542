//! One connection, from its first byte to its last.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use quintet_bitcoin_protocol::p2p::{Frame, Framer, Message};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::MESSAGES_UNDER_WAY;
use crate::{
    kernel::{Clock, Input, KernelClient},
    peers::{Arrival, ConnectionKind, Outbox, PeerId, Permissions},
};

/// Time a connection that is ending has to send what is on its way.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) struct Connection {
    pub(super) id: PeerId,
    pub(super) kind: ConnectionKind,
    pub(super) permissions: Permissions,
    pub(super) address: SocketAddr,
    pub(super) name: String,
    pub(super) magic: [u8; 4],
    pub(super) kernel: KernelClient,
    pub(super) closing: CancellationToken,
}

impl Connection {
    pub(super) async fn run(self, socket: TcpStream) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(peer = self.id, %error, "connection without TCP_NODELAY");
        }
        let Self { id, kind, permissions, address, name, magic, kernel, closing } = self;
        let (outbox, frames) = Outbox::new(magic, closing.clone());
        let local = socket.local_addr().ok();
        let arrival =
            Arrival { id, kind, permissions, address, local, name, outbox: outbox.clone() };
        if kernel.tell(Input::Connected(Box::new(arrival))).await.is_err() {
            return;
        }
        let (read, write) = socket.into_split();
        let writer = tokio::spawn(write_all(id, write, frames, outbox.clone(), kernel.clone()));
        let reading = Reading { id, read, framer: Framer::new(magic), outbox, kernel };
        let kernel = reading.kernel.clone();
        let ended = tokio::select! {
            () = closing.cancelled() => Ok(()),
            ended = reading.run() => ended,
        };
        if let Err(error) = ended {
            tracing::debug!(peer = id, %error, "connection ends");
        }
        closing.cancel();
        if writer.await.is_err() {
            tracing::error!(peer = id, "the writer panicked");
        }
        // A kernel that is gone need not be told.
        if let Err(error) = kernel.tell(Input::Closed(id)).await {
            tracing::trace!(peer = id, %error, "told nobody");
        }
    }
}

struct Reading {
    id: PeerId,
    read: OwnedReadHalf,
    framer: Framer,
    outbox: Outbox,
    kernel: KernelClient,
}

impl Reading {
    async fn run(mut self) -> io::Result<()> {
        let places = Arc::new(Semaphore::new(MESSAGES_UNDER_WAY));
        loop {
            while let Some(frame) = self.framer.next_frame().map_err(io::Error::other)? {
                let (command, payload) = match frame {
                    Frame::Whole { command, payload } => (command, payload),
                    Frame::Spoilt { bytes } => {
                        self.outbox.traffic.count_received("*other*", bytes as u64);
                        continue;
                    }
                };
                let bytes = payload.len() as u64 + 24;
                let message = Message::decode(command, &payload);
                let known = !matches!(message, Ok(Message::Other { .. }));
                let kind = if known { command.as_str() } else { "*other*" };
                self.outbox.traffic.count_received(kind, bytes);
                let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
                let message = message.map(Box::new);
                let input = Input::Received { peer: self.id, message, place };
                self.kernel.tell(input).await.map_err(io::Error::other)?;
            }
            self.wait_for_room().await;
            let read = self.read.read_buf(self.framer.buffer()).await?;
            if read == 0 {
                return Ok(());
            }
            let traffic = &self.outbox.traffic;
            traffic.received.fetch_add(read as u64, Ordering::Relaxed);
            traffic.last_received.store(Clock::machine().as_secs(), Ordering::Relaxed);
        }
    }

    /// Waits while the peer takes less than it asks for.
    async fn wait_for_room(&self) {
        while self.outbox.is_full() {
            let drained = self.outbox.drained.notified();
            if !self.outbox.is_full() {
                return;
            }
            drained.await;
        }
    }
}

async fn write_all(
    id: PeerId,
    mut write: OwnedWriteHalf,
    mut frames: mpsc::UnboundedReceiver<Bytes>,
    outbox: Outbox,
    kernel: KernelClient,
) {
    loop {
        let frame = tokio::select! {
            () = outbox.closing.cancelled() => break,
            frame = frames.recv() => frame,
        };
        let Some(frame) = frame else { break };
        let written = tokio::select! {
            () = outbox.closing.cancelled() => break,
            written = write.write_all(&frame) => written,
        };
        if written.is_err() {
            outbox.close();
            return;
        }
        let traffic = &outbox.traffic;
        traffic.sent.fetch_add(frame.len() as u64, Ordering::Relaxed);
        traffic.last_sent.store(Clock::machine().as_secs(), Ordering::Relaxed);
        if outbox.written(frame.len()) {
            kernel.try_tell(Input::Drained(id));
        }
    }
    // What was on its way when the connection was given up may tell the peer why.
    let last_words = async {
        while let Ok(frame) = frames.try_recv() {
            if write.write_all(&frame).await.is_err() {
                return;
            }
        }
        drop(write.shutdown().await);
    };
    drop(timeout(LAST_WORDS, last_words).await);
}
