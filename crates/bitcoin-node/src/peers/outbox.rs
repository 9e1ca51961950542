//! What is on its way to a peer.
//!
//! # Invariants
//!
//! - A peer that takes nothing costs at most [`QUEUED_MAX`] bytes and one message more: then it is disconnected.
//! - Above [`QUEUED_PAUSE`] bytes nothing more is read from it, and nothing it asked for is looked up.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use quintet_bitcoin_protocol::p2p::Message;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// Bytes on their way to a peer above which it is not listened to.
///
/// **Spec:** Bitcoin Core, `-maxsendbuffer`.
pub const QUEUED_PAUSE: usize = 1_000_000;
/// Bytes on their way to a peer above which it is disconnected.
pub const QUEUED_MAX: usize = 16 << 20;
/// Kinds of messages that are counted apart; others count as `*other*`.
const KINDS_MAX: usize = 64;

/// Bytes and times of one connection.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Bytes received.
    pub received: AtomicU64,
    /// Bytes sent.
    pub sent: AtomicU64,
    /// When something was received last, Unix seconds.
    pub last_received: AtomicU64,
    /// When something was sent last, Unix seconds.
    pub last_sent: AtomicU64,
    received_by_kind: Mutex<BTreeMap<String, u64>>,
    sent_by_kind: Mutex<BTreeMap<String, u64>>,
}

impl Traffic {
    /// Counts a message that came.
    pub fn count_received(&self, kind: &str, bytes: u64) {
        count(&self.received_by_kind, kind, bytes);
    }

    /// Returns what came and what went by kind of message.
    #[must_use]
    pub fn by_kind(&self) -> [BTreeMap<String, u64>; 2] {
        [&self.received_by_kind, &self.sent_by_kind]
            .map(|map| map.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn count(map: &Mutex<BTreeMap<String, u64>>, kind: &str, bytes: u64) {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sum) = map.get_mut(kind) {
        *sum += bytes;
        return;
    }
    let kind = if map.len() < KINDS_MAX { kind } else { "*other*" };
    *map.entry(kind.to_owned()).or_default() += bytes;
}

/// The way to a peer's socket.
#[derive(Debug, Clone)]
pub struct Outbox {
    frames: mpsc::UnboundedSender<Bytes>,
    queued: Arc<AtomicUsize>,
    /// Told when the queue has become short.
    pub(crate) drained: Arc<Notify>,
    /// Cancelled when the connection is to end.
    pub(crate) closing: CancellationToken,
    /// What went over the connection.
    pub traffic: Arc<Traffic>,
    magic: [u8; 4],
}

impl Outbox {
    /// Makes a way to a socket, and the end of it at the socket. Bounded in bytes, not in messages.
    #[must_use]
    pub fn new(
        magic: [u8; 4],
        closing: CancellationToken,
    ) -> (Self, mpsc::UnboundedReceiver<Bytes>) {
        let (frames, taken) = mpsc::unbounded_channel();
        let outbox = Self {
            frames,
            queued: Arc::default(),
            drained: Arc::default(),
            closing,
            traffic: Arc::default(),
            magic,
        };
        (outbox, taken)
    }

    /// Puts a message on its way.
    pub fn send(&self, message: &Message) {
        let frame = Bytes::from(message.to_frame(self.magic));
        let len = frame.len();
        if self.queued.load(Ordering::Relaxed) > QUEUED_MAX {
            tracing::debug!("a peer takes nothing: disconnected");
            self.close();
            return;
        }
        count(&self.traffic.sent_by_kind, message.command().as_str(), len as u64);
        self.queued.fetch_add(len, Ordering::Relaxed);
        // Whoever took frames is gone if this fails, and the connection with it.
        drop(self.frames.send(frame));
    }

    /// Notes that a frame was written; returns whether the queue has just become short.
    pub(crate) fn written(&self, bytes: usize) -> bool {
        let before = self.queued.fetch_sub(bytes, Ordering::Relaxed);
        let short = before > QUEUED_PAUSE && before - bytes <= QUEUED_PAUSE;
        if before - bytes <= QUEUED_PAUSE {
            self.drained.notify_waiters();
        }
        short
    }

    /// Returns whether the peer has much left to take.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > QUEUED_PAUSE
    }

    /// Ends the connection.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Returns whether the connection is ending.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }
}
