//! A socket that is watched while somebody waits.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd},
};

use socket2::Socket;
use tokio::io::{Interest, unix::AsyncFd};

/// A bound socket that does not block.
#[derive(Debug)]
pub(in crate::socket) struct Endpoint(UdpSocket);

impl Endpoint {
    /// Takes a bound socket that does not block.
    pub(in crate::socket) fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self(socket.into()))
    }

    pub(in crate::socket) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    pub(in crate::socket) fn try_recv_from(
        &self,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buffer)
    }

    pub(in crate::socket) fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.0.send_to(bytes, to)
    }

    /// Completes when there may be a packet to read. One task may wait at a time.
    pub(in crate::socket) async fn readable(&self) -> io::Result<()> {
        wait(self.0.as_fd(), Interest::READABLE).await
    }

    /// Completes when there may be room to send. Watches another handle, since one handle cannot be
    /// watched twice at a time.
    pub(in crate::socket) async fn writable(&self) -> io::Result<()> {
        wait(self.0.try_clone()?, Interest::WRITABLE).await
    }
}

#[expect(unsafe_code, reason = "there is no other way to watch a socket for one thing alone")]
async fn wait(socket: impl AsFd + AsRawFd, interest: Interest) -> io::Result<()> {
    // SAFETY: an `AsFd` lends an open descriptor, and what is passed in here is a `BorrowedFd` or a
    // `UdpSocket`: either is the same open descriptor as long as it lives, which is until this returns.
    let watch = unsafe { AsyncFd::register_with_interest(socket, interest) }?;
    watch.ready(interest).await.map(|_| ())
}
