//! A socket as the runtime watches it by itself.

use std::{io, net::SocketAddr};

use socket2::Socket;
use tokio::net::UdpSocket;

/// A bound socket that does not block.
#[derive(Debug)]
pub(in crate::socket) struct Endpoint(UdpSocket);

impl Endpoint {
    /// Takes a bound socket that does not block.
    pub(in crate::socket) fn new(socket: Socket) -> io::Result<Self> {
        UdpSocket::from_std(socket.into()).map(Self)
    }

    pub(in crate::socket) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    pub(in crate::socket) fn try_recv_from(
        &self,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        self.0.try_recv_from(buffer)
    }

    pub(in crate::socket) fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.0.try_send_to(bytes, to)
    }

    /// Completes when there may be a packet to read.
    pub(in crate::socket) async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Completes when there may be room to send.
    pub(in crate::socket) async fn writable(&self) -> io::Result<()> {
        self.0.writable().await
    }
}
