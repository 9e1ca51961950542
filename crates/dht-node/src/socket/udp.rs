//! The UDP sockets of a node: at most one of each address family.
//!
//! With one socket a family, a reply leaves by the socket its query came in by.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use futures_util::future::select_all;
use quintet_dht_protocol::{contact::Family, dht::Packet};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::endpoint::Endpoint;

/// Bytes asked of the system for what waits to be read, and for what waits to be sent. It may grant
/// less (Linux: `net.core.rmem_max`, `net.core.wmem_max`).
const BUFFER_BYTES: usize = 4 << 20;

/// Time an acknowledgement waits for a full send buffer; then it is lost, as packets may be.
const SEND_TIMEOUT: Duration = Duration::from_millis(100);

/// Time until the next attempt where the system does not tell when a socket is ready.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// A UDP address cannot be had.
#[derive(Debug, Error)]
#[error(
    "cannot listen on UDP {addr}: {source}; is another node running there? choose another `dht.listen`"
)]
pub struct BindError {
    /// The address.
    pub addr: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way.
    Yes,
    /// The send buffer is full: keep it and wait.
    Later,
    /// It never will: no socket of its family, no route.
    Never,
}

/// The sockets, usable from several tasks.
#[derive(Debug)]
pub(crate) struct Sockets(Vec<Bound>);

#[derive(Debug)]
struct Bound {
    socket: Endpoint,
    /// With the port the system chose.
    addr: SocketAddr,
}

impl Sockets {
    /// Binds an address of each family.
    pub(crate) fn bind(addrs: impl IntoIterator<Item = SocketAddr>) -> Result<Self, BindError> {
        let bind = |addr| bind(addr).map_err(|source| BindError { addr, source });
        addrs.into_iter().map(bind).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the addresses, with the ports the system chose.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|bound| bound.addr).collect()
    }

    /// Returns the families there is a socket for.
    pub(crate) fn families(&self) -> Vec<Family> {
        self.0.iter().map(|bound| Family::of(&bound.addr)).collect()
    }

    /// Returns the number of sockets.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Reads a packet that has arrived at the socket `index`.
    pub(super) fn try_recv(
        &self,
        index: usize,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        let bound = self.0.get(index).ok_or(io::ErrorKind::WouldBlock)?;
        bound.socket.try_recv_from(buffer)
    }

    /// Sends a packet if that is possible right now.
    pub(super) fn try_send(&self, packet: &Packet) -> Sent {
        let Some(socket) = self.towards(packet.to) else { return Sent::Never };
        match socket.try_send_to(&packet.bytes, packet.to) {
            Ok(_) => Sent::Yes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sent::Later,
            Err(error) => {
                debug!(to = %packet.to, %error, "packet was not sent");
                Sent::Never
            }
        }
    }

    /// Sends a packet, waiting a little for room. A packet that cannot be sent is lost.
    pub(crate) async fn send(&self, packet: &Packet) {
        if self.try_send(packet) != Sent::Later {
            return;
        }
        let sent = timeout(SEND_TIMEOUT, async {
            while self.try_send(packet) == Sent::Later {
                self.writable(Some(packet.to)).await;
            }
        });
        let sent = sent.await.is_ok();
        debug!(to = %packet.to, sent, "packet had to wait");
    }

    /// Completes when a packet may have arrived.
    pub(super) async fn readable(&self) {
        let sockets = self.0.iter().map(|bound| Box::pin(bound.socket.readable()));
        let (ready, ..) = select_all(sockets).await;
        rest_after(ready).await;
    }

    /// Completes when there may be room for a packet to `to`; never, if there is none to send.
    pub(super) async fn writable(&self, to: Option<SocketAddr>) {
        let Some(socket) = to.and_then(|to| self.towards(to)) else { return pending().await };
        rest_after(socket.writable().await).await;
    }

    fn towards(&self, to: SocketAddr) -> Option<&Endpoint> {
        let same = |bound: &&Bound| bound.addr.is_ipv4() == to.is_ipv4();
        self.0.iter().find(same).map(|bound| &bound.socket)
    }
}

/// Where the system does not tell when a socket is ready, the next attempt comes a little later.
async fn rest_after(ready: io::Result<()>) {
    if let Err(error) = ready {
        debug!(%error, "a socket cannot be waited for");
        sleep(TRY_AGAIN).await;
    }
}

fn bind(addr: SocketAddr) -> io::Result<Bound> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        // IPv4 has its own socket and its own table (BEP 32).
        socket.set_only_v6(true)?;
    }
    for granted in
        [socket.set_recv_buffer_size(BUFFER_BYTES), socket.set_send_buffer_size(BUFFER_BYTES)]
    {
        if let Err(error) = granted {
            debug!(%addr, %error, "the system keeps its own buffer size");
        }
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    let socket = Endpoint::new(socket)?;
    Ok(Bound { addr: socket.local_addr()?, socket })
}
