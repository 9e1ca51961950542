//! A socket watched for reading alone.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    task::{Context, Poll},
};

use socket2::Socket;
use tokio::io::{Interest, unix::AsyncFd};

/// A bound socket that does not block.
#[derive(Debug)]
pub(in crate::socket) struct Endpoint(AsyncFd<UdpSocket>);

impl Endpoint {
    /// Takes a bound socket that does not block.
    pub(in crate::socket) fn new(socket: Socket) -> io::Result<Self> {
        watch(socket.into(), Interest::READABLE).map(Self)
    }

    pub(in crate::socket) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    pub(in crate::socket) fn try_recv_from(
        &self,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        self.0.try_io(Interest::READABLE, |socket| socket.recv_from(buffer))
    }

    pub(in crate::socket) fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.0.get_ref().send_to(bytes, to)
    }

    pub(in crate::socket) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx).map_ok(|_| ())
    }

    /// Completes when there may be room to send. Watches a second handle of the same socket meanwhile.
    pub(in crate::socket) async fn writable(&self) -> io::Result<()> {
        let second = watch(self.0.get_ref().try_clone()?, Interest::WRITABLE)?;
        second.writable().await.map(|_| ())
    }
}

#[expect(unsafe_code, reason = "there is no other way to watch a socket for reading alone")]
fn watch(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    // SAFETY: a `UdpSocket` owns its descriptor, returns the same one as long as it lives, and closes it
    // when it is dropped; the `AsyncFd` owns the socket and gives it out by shared reference only.
    unsafe { AsyncFd::register_with_interest(socket, interest) }.map_err(Into::into)
}
