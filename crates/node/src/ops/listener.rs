//! A listener that bounds what clients can hold open.

use core::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};

/// Connections at once; further ones wait in the system's backlog.
pub const CONNECTIONS_MAX: usize = 64;

/// Time a connection may live. Bounds a client that sends its request byte by byte, or never.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(60);

/// Time to wait after the system refused to accept (no file descriptors left, as a rule).
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts at most [`CONNECTIONS_MAX`] connections at once.
pub(super) struct BoundedListener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }
}

impl axum::serve::Listener for BoundedListener {
    type Io = BoundedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedStream, SocketAddr) {
        // The semaphore is never closed; without it the bound would be gone, so wait for ever.
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return core::future::pending().await;
        };
        loop {
            match self.listener.accept().await {
                Ok((stream, addr)) => {
                    let age = Box::pin(sleep(CONNECTION_AGE_MAX));
                    return (BoundedStream { stream, age, _permit: permit }, addr);
                }
                Err(error) => {
                    tracing::warn!(%error, "operations server could not accept a connection");
                    sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A stream that ends at [`CONNECTION_AGE_MAX`] and then makes room for another.
pub(super) struct BoundedStream {
    stream: TcpStream,
    age: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl BoundedStream {
    fn poll_age(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.age.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_age(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_age(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
