//! What calls ask of the network: of [`Network`], or of [`NoPeers`] where a node runs by itself.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use quintet_kaspa_protocol::tx::Transaction;
use quintet_primitives::Hash256;

use super::model::{PeerAddress, PeerInfo};
use crate::p2p::{self, Network, Target};

/// The network as calls see it.
pub trait Peers: Send + Sync + fmt::Debug {
    /// Returns who is connected.
    fn connected(&self) -> Vec<PeerInfo>;

    /// Returns addresses known, and addresses banned.
    fn addresses(&self) -> (Vec<PeerAddress>, Vec<IpAddr>);

    /// Connects to an address, again and again if it is permanent.
    ///
    /// # Errors
    ///
    /// What stands against it.
    fn add(&self, address: SocketAddr, is_permanent: bool) -> Result<(), String>;

    /// Bans an address.
    ///
    /// # Errors
    ///
    /// What stands against it.
    fn ban(&self, ip: IpAddr) -> Result<(), String>;

    /// Lifts a ban.
    ///
    /// # Errors
    ///
    /// What stands against it.
    fn unban(&self, ip: IpAddr) -> Result<(), String>;

    /// Tells peers of transactions.
    fn announce(&self, transactions: &[Arc<Transaction>]);

    /// Tells peers of a block that consensus took from a client or a miner.
    fn announce_block(&self, hash: Hash256);
}

impl Peers for Network {
    fn connected(&self) -> Vec<PeerInfo> {
        self.peers().into_iter().map(shown).collect()
    }

    fn addresses(&self) -> (Vec<PeerAddress>, Vec<IpAddr>) {
        let (known, banned) = self.peer_addresses();
        (known.into_iter().map(address).collect(), banned)
    }

    fn add(&self, address: SocketAddr, is_permanent: bool) -> Result<(), String> {
        if self.add_peer(Target::Addr(address), is_permanent) {
            Ok(())
        } else {
            Err(format!(
                "{address} is being connected to already, or too many others are; ban or wait for one"
            ))
        }
    }

    fn ban(&self, ip: IpAddr) -> Result<(), String> {
        Self::ban(self, ip);
        Ok(())
    }

    fn unban(&self, ip: IpAddr) -> Result<(), String> {
        if Self::unban(self, ip) { Ok(()) } else { Err(format!("{ip} is not banned")) }
    }

    fn announce(&self, transactions: &[Arc<Transaction>]) {
        self.announce_transactions(transactions.iter().map(|tx| tx.id()));
    }

    fn announce_block(&self, hash: Hash256) {
        Self::announce_block(self, hash);
    }
}

const fn address(address: SocketAddr) -> PeerAddress {
    PeerAddress { ip: address.ip(), port: address.port() }
}

fn shown(peer: p2p::PeerInfo) -> PeerInfo {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    PeerInfo {
        id: peer.id,
        address: address(peer.address),
        last_ping_duration: millis(peer.last_ping),
        is_outbound: peer.is_outbound,
        time_offset: peer.time_offset,
        user_agent: peer.user_agent,
        advertised_protocol_version: peer.advertised_protocol,
        time_connected: millis(peer.connected),
        is_ibd_peer: peer.is_ibd_peer,
    }
}

/// A node by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPeers;

const NOBODY: &str = "Method unavailable. No connection manager is currently available.";

impl Peers for NoPeers {
    fn connected(&self) -> Vec<PeerInfo> {
        Vec::new()
    }

    fn addresses(&self) -> (Vec<PeerAddress>, Vec<IpAddr>) {
        (Vec::new(), Vec::new())
    }

    fn add(&self, _: SocketAddr, _: bool) -> Result<(), String> {
        Err(NOBODY.to_owned())
    }

    fn ban(&self, _: IpAddr) -> Result<(), String> {
        Err(NOBODY.to_owned())
    }

    fn unban(&self, _: IpAddr) -> Result<(), String> {
        Err(NOBODY.to_owned())
    }

    fn announce(&self, _: &[Arc<Transaction>]) {}

    fn announce_block(&self, _: Hash256) {}
}
