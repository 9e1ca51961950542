//! Who a node's peers are: a port that the application fills, and a list as the simplest filling.

use std::{fmt, net::SocketAddr};

use futures_util::future::BoxFuture;
use libp2p::{Multiaddr, multiaddr::Protocol};

/// Finds peers. The application wires it to whatever knows some.
pub trait PeerSource: fmt::Debug + Send + Sync {
    /// Returns addresses worth dialling now; those already connected may be among them.
    fn find(&self) -> BoxFuture<'_, Vec<Multiaddr>>;

    /// Resolves once others than before may be found, so that nobody waits for the next round of dialling; never where nobody can know.
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// Peers that somebody wrote down.
#[derive(Debug, Clone, Default)]
pub struct StaticPeers(Vec<Multiaddr>);

impl StaticPeers {
    /// Takes their addresses.
    #[must_use]
    pub const fn new(addresses: Vec<Multiaddr>) -> Self {
        Self(addresses)
    }
}

impl PeerSource for StaticPeers {
    fn find(&self) -> BoxFuture<'_, Vec<Multiaddr>> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

/// Returns the TCP port of an address of libp2p's form, if it has one.
#[must_use]
pub fn port(address: &Multiaddr) -> Option<u16> {
    address.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    })
}

/// Returns libp2p's form of an address and port.
#[must_use]
pub fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}
