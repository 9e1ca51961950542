//! Where nodes come from and where they go.

use std::{collections::BTreeMap, convert::Infallible};

use alloy_primitives::{B256, Bytes};

use super::{EMPTY_ROOT, nibbles::Nibbles};

/// Nodes to read, by their paths.
pub trait NodeSource: Sync {
    /// Why a node cannot be read.
    type Error: Send;

    /// Returns the RLP of the node at `path`, or `None` if there is none. `hash` is what its parent says of it: a source that does
    /// not trust itself compares, another need not.
    ///
    /// # Errors
    ///
    /// What keeps the node from being read.
    fn node(&self, path: &Nibbles, hash: &B256) -> Result<Option<Bytes>, Self::Error>;
}

/// A trie without nodes, or one in which nobody looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl NodeSource for Nothing {
    type Error = Infallible;

    fn node(&self, _path: &Nibbles, _hash: &B256) -> Result<Option<Bytes>, Infallible> {
        Ok(None)
    }
}

/// Takes what becomes of nodes.
pub trait NodeSink: Default + Send {
    /// The node at `path` is this now.
    fn put(&mut self, path: &Nibbles, rlp: &[u8]);

    /// There is no node at `path` any more.
    fn remove(&mut self, path: &Nibbles);

    /// Takes over what another sink took.
    fn append(&mut self, other: Self);
}

/// For those who want the root alone.
impl NodeSink for Nothing {
    fn put(&mut self, _path: &Nibbles, _rlp: &[u8]) {}

    fn remove(&mut self, _path: &Nibbles) {}

    fn append(&mut self, _other: Self) {}
}

/// What becomes of the node at one path: its RLP, or that there is none any more.
pub type NodeUpdate = (Nibbles, Option<Bytes>);

impl NodeSink for Vec<NodeUpdate> {
    fn put(&mut self, path: &Nibbles, rlp: &[u8]) {
        self.push((*path, Some(Bytes::copy_from_slice(rlp))));
    }

    fn remove(&mut self, path: &Nibbles) {
        self.push((*path, None));
    }

    fn append(&mut self, mut other: Self) {
        Self::append(self, &mut other);
    }
}

/// A trie in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryNodes {
    nodes: BTreeMap<Nibbles, Bytes>,
}

impl MemoryNodes {
    /// Takes over what an update says.
    pub fn apply(&mut self, updates: Vec<NodeUpdate>) {
        for (path, rlp) in updates {
            match rlp {
                Some(rlp) => self.nodes.insert(path, rlp),
                None => self.nodes.remove(&path),
            };
        }
    }

    /// The root, which is the node at the empty path.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.nodes.get(&Nibbles::EMPTY).map_or(EMPTY_ROOT, alloy_primitives::keccak256)
    }

    /// All nodes, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Nibbles, &Bytes)> {
        self.nodes.iter()
    }
}

impl NodeSource for MemoryNodes {
    type Error = Infallible;

    fn node(&self, path: &Nibbles, _hash: &B256) -> Result<Option<Bytes>, Infallible> {
        Ok(self.nodes.get(path).cloned())
    }
}
