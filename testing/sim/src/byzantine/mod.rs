//! Peers that speak the protocol well and mean harm: each named sort comes to a network in turn, while honest nodes go on.

pub mod bitcoin;
pub mod dht;
pub mod kaspa;
pub mod lux;
pub mod rollup;

use std::{
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::net::TcpSocket;

use crate::{
    kind::Kind,
    network::{Network, Node},
};

/// How much memory liars may cost a node, bytes.
const LIAR_BYTES_MAX: u64 = 96 << 20;

/// Time to be taken in.
const CONNECT: Duration = Duration::from_secs(10);

/// Connects from an address of one's own: honest peers are not to be blamed for what a liar does.
async fn connected_from(ip: IpAddr, to: SocketAddr) -> Result<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((ip, 0).into())?;
    let connected = tokio::time::timeout(CONNECT, socket.connect(to)).await;
    Ok(connected.context("no connection in time")??)
}

/// As [`connected_from`], for those who wait.
fn connect_from(ip: impl Into<IpAddr>, to: SocketAddr) -> Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = runtime.block_on(connected_from(ip.into(), to))?.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Memory of nodes before somebody comes.
#[derive(Debug)]
struct Memory(Vec<u64>);

impl Memory {
    /// Takes note of what all nodes hold.
    fn of<K: Kind>(network: &Network<K>) -> Result<Self> {
        let nodes = network.nodes.iter().take(K::NODES);
        Ok(Self(nodes.map(Node::resident_bytes).collect::<Result<_>>()?))
    }

    /// Checks that no node has grown beyond what it may; returns by how much the one has that grew most, bytes.
    fn stayed<K: Kind>(&self, network: &Network<K>, with: &str) -> Result<u64> {
        let all: Vec<_> = (0..K::NODES).collect();
        self.stayed_of(network, &all, with)
    }

    /// As [`Memory::stayed`], of some nodes.
    fn stayed_of<K: Kind>(&self, network: &Network<K>, group: &[usize], with: &str) -> Result<u64> {
        let mut most = 0;
        for &index in group {
            let before = self.0.get(index).copied().unwrap_or_default();
            let now = network.nodes.get(index).context("a node")?.resident_bytes()?;
            let grown = now.saturating_sub(before);
            ensure!(
                grown < LIAR_BYTES_MAX,
                "{} {index} with {with}: from {before} to {now} bytes resident, expected at most {LIAR_BYTES_MAX} more",
                K::NAME
            );
            most = most.max(grown);
        }
        Ok(most)
    }
}
