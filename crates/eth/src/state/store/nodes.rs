//! Nodes of tries: from memory, from disk, or as they were some blocks ago.

use std::collections::HashMap;

use alloy_primitives::{B256, Bytes};
use quintet_store::{Snapshot, StoreError};

use super::{
    Caches, WithSnapshot,
    tables::{NODES, NodeKey, Raw, SLOT_NODES},
};
use crate::{
    state::root::StateNodes,
    trie::{Nibbles, NodeUpdate},
};

/// A node's trie, none for that of accounts, and its path there.
pub(super) type NodePlace = (Option<B256>, Nibbles);

/// The nodes of one state on disk.
pub(super) struct DiskNodes<'a> {
    snapshot: &'a Snapshot,
    caches: &'a Caches,
    epoch: u64,
}

impl<'a> DiskNodes<'a> {
    pub(super) const fn new(latest: &'a WithSnapshot, caches: &'a Caches) -> Self {
        Self { snapshot: &latest.snapshot, caches, epoch: latest.epoch }
    }
}

impl StateNodes for DiskNodes<'_> {
    type Error = StoreError;

    fn node(
        &self,
        owner: Option<&B256>,
        path: &Nibbles,
        _hash: &B256,
    ) -> Result<Option<Bytes>, StoreError> {
        let place = (owner.copied(), *path);
        if let Some(node) = self.caches.nodes.get(self.epoch, &place) {
            return Ok(node);
        }
        let found = match owner {
            None => self.snapshot.get(&NODES, &NodeKey(*path))?,
            Some(owner) => self.snapshot.get(&SLOT_NODES, &(owner.0, NodeKey(*path)))?,
        };
        let node = found.map(|Raw(node)| node);
        self.caches.nodes.insert(self.epoch, place, node.clone());
        Ok(node)
    }
}

/// Nodes as they are after an update that is not on disk.
pub(super) struct Overlay<'a> {
    below: DiskNodes<'a>,
    above: HashMap<NodePlace, Option<Bytes>>,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(below: DiskNodes<'a>) -> Self {
        Self { below, above: HashMap::new() }
    }

    pub(super) fn extend(&mut self, owner: Option<B256>, nodes: Vec<NodeUpdate>) {
        self.above.extend(nodes.into_iter().map(|(path, rlp)| ((owner, path), rlp)));
    }
}

impl StateNodes for Overlay<'_> {
    type Error = StoreError;

    fn node(
        &self,
        owner: Option<&B256>,
        path: &Nibbles,
        hash: &B256,
    ) -> Result<Option<Bytes>, StoreError> {
        match self.above.get(&(owner.copied(), *path)) {
            Some(node) => Ok(node.clone()),
            None => self.below.node(owner, path, hash),
        }
    }
}
