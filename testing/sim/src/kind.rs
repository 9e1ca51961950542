//! What a scenario needs to know of a kind of node.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Result;
use rand::rngs::StdRng;

/// Where one node is.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its number, from 0.
    pub index: usize,
    /// Its data.
    pub folder: PathBuf,
    /// Where it takes peers.
    pub peers: SocketAddr,
    /// Where it takes calls.
    pub rpc: SocketAddr,
    /// Relays to the nodes it connects to.
    pub known: Vec<SocketAddr>,
}

/// The end of a chain as a node has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How many blocks lie below it; of a DAG the blue ones.
    pub height: u64,
    /// Its hash, as the node writes it.
    pub hash: String,
}

/// A kind of node whose networks make one chain.
pub trait Kind: Send + Sync {
    /// What it is called.
    const NAME: &'static str;

    /// How many nodes a network of a scenario has.
    const NODES: usize;

    /// Whether its chain grows without work.
    const GOES_ON: bool;

    /// Prepares a network's files in `folder`, if it has any.
    ///
    /// # Errors
    ///
    /// If they cannot be made.
    fn prepare(folder: &std::path::Path, binary: &interop::Binary) -> Result<Self>
    where
        Self: Sized;

    /// The command line that starts a node, behind the program's name.
    fn arguments(&self, place: &Place) -> Vec<String>;

    /// Does a piece of work at a node; returns what the node acknowledged, by names that [`Kind::keeps`] understands.
    ///
    /// # Errors
    ///
    /// If the node does not do it: nothing is acknowledged then.
    fn work(&self, place: &Place, chance: &mut StdRng) -> Result<Vec<String>>;

    /// Returns the end of the chain.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    fn head(&self, place: &Place) -> Result<Head>;

    /// Returns the hash of the block at a height of the node's chain; `None` if it has none there. Asked where chains go on.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    fn hash_at(&self, place: &Place, height: u64) -> Result<Option<String>>;

    /// Whether the node still has what it acknowledged.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    fn keeps(&self, place: &Place, acknowledged: &str) -> Result<bool>;
}
