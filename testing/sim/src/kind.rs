//! What a scenario needs to know of a kind of node.

use std::{net::SocketAddr, ops::Range, path::PathBuf};

use anyhow::Result;
use interop::Binary;
use rand::rngs::StdRng;

use crate::{
    fabric::{Fabric, Wire},
    network::Node,
};

/// Where one process is.
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
    /// Where it takes calls of another sort, if there are two.
    pub calls: SocketAddr,
    /// What stands for those it connects to.
    pub known: Vec<SocketAddr>,
}

/// A port that strangers find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// It takes connections.
    Tcp(SocketAddr),
    /// It takes packets.
    Udp(SocketAddr),
}

/// How far a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How many blocks lie below it; of a DAG the blue ones; 0 where there are no blocks.
    pub height: u64,
    /// Its hash, as the node writes it.
    pub hash: String,
}

/// A kind of node.
pub trait Kind: Send + Sync {
    /// What it is called.
    const NAME: &'static str;

    /// How many nodes a network of a scenario has: those that agree.
    const NODES: usize;

    /// How many processes there are beside them, with the numbers after theirs.
    const BESIDE: usize = 0;

    /// Whether its chain grows without work.
    const GOES_ON: bool;

    /// Pieces of work on the busier side of a partition.
    const PARTED_WORK: usize = 24;

    /// Pieces of work in foul weather.
    const FOUL_WORK: usize = 24;

    /// Height of a network in which something was done; 0 where there are no blocks.
    const FIRST: u64 = 1;

    /// Prepares a network's files in `folder`, if it has any.
    ///
    /// # Errors
    ///
    /// If they cannot be made.
    fn prepare(folder: &std::path::Path, binary: &Binary, places: &[Place]) -> Result<Self>
    where
        Self: Sized;

    /// Makes what lies between the processes: of chains a relay for each pair of nodes, of which the one with the higher number connects.
    ///
    /// # Errors
    ///
    /// If there is no port.
    fn fabric(places: &[Place], seed: u64) -> Result<Fabric> {
        let below = |from: usize| {
            let known = places.iter().take(from);
            known.map(move |to| Wire { from, to: to.index, target: to.peers })
        };
        let wires: Vec<_> = (0..Self::NODES).flat_map(below).collect();
        Ok(Fabric::of_wires(&wires, places.len(), seed)?)
    }

    /// Which processes start together, those first that others need.
    fn waves() -> Vec<Range<usize>> {
        let all = 0..Self::NODES + Self::BESIDE;
        vec![all]
    }

    /// Does what has to be done once a wave of processes runs for the first time.
    ///
    /// # Errors
    ///
    /// If it cannot be done.
    fn after_wave(&self, _wave: usize, _binary: &Binary) -> Result<()> {
        Ok(())
    }

    /// The command line that starts a process, behind the program's name.
    fn arguments(&self, place: &Place) -> Vec<String>;

    /// Ports that strangers find at a node.
    fn ports(&self, place: &Place) -> Vec<Port> {
        vec![Port::Tcp(place.peers), Port::Tcp(place.rpc)]
    }

    /// A node that goes on while a process is gone.
    fn apart_from(gone: usize) -> usize {
        (gone + 1) % Self::NODES
    }

    /// Does a piece of work at a process; returns what was acknowledged, by names that [`Kind::keeps`] understands.
    ///
    /// # Errors
    ///
    /// If it is not done: nothing is acknowledged then.
    fn work(&self, place: &Place, chance: &mut StdRng) -> Result<Vec<String>>;

    /// Returns how far a process is, once it is up.
    ///
    /// # Errors
    ///
    /// If it does not answer, or is not ready.
    fn head(&self, place: &Place) -> Result<Head>;

    /// Whether a head is one of the node's blocks. Chains that do not go on end in one block; others are compared where the shortest ends.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    fn holds(&self, place: &Place, head: &Head) -> Result<bool> {
        Ok(self.head(place)?.hash == head.hash)
    }

    /// Checks that nodes that agree on a head share all else they should.
    ///
    /// # Errors
    ///
    /// With what one lacks, or if it does not answer.
    fn share(&self, _group: &[&Node]) -> Result<()> {
        Ok(())
    }

    /// Whether the node still has what it acknowledged.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    fn keeps(&self, place: &Place, acknowledged: &str) -> Result<bool>;

    /// Whether a node has, once everybody agreed and went on, what another acknowledged. Work on a chain that was left behind is not among
    /// what everybody has.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    fn arrived(&self, _place: &Place, _acknowledged: &str) -> Result<bool> {
        Ok(true)
    }
}
