//! What calls ask of the network.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use quintet_kaspa_protocol::tx::Transaction;

use super::model::{PeerAddress, PeerInfo};

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
}
