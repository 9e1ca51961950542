//! Which block should be the tip: of all whose ancestors are on disk, the one with the most work.
//!
//! Blocks may arrive before their parents. Such a block waits, and becomes a candidate with all that wait for it once
//! the chain below it is complete.
//!
//! **Spec:** Bitcoin Core, `setBlockIndexCandidates`, `m_blocks_unlinked`, `ReceivedBlockTransactions`.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use quintet_bitcoin_protocol::header::{HeaderId, HeaderTree, Validity};
use ruint::aliases::U256;

/// Blocks that may become the tip.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// By work, then by whose data came first.
    complete: BTreeSet<(U256, Reverse<u64>, HeaderId)>,
    /// Blocks with data by their parent, whose chain is not complete.
    waiting: HashMap<HeaderId, Vec<HeaderId>>,
}

impl Candidates {
    /// Lets a block wait for its parent.
    pub(super) fn wait(&mut self, parent: HeaderId, id: HeaderId) {
        let waiting = self.waiting.entry(parent).or_default();
        if !waiting.contains(&id) {
            waiting.push(id);
        }
    }

    /// Takes the blocks that waited for `parent`.
    pub(super) fn take_waiting(&mut self, parent: HeaderId) -> Vec<HeaderId> {
        self.waiting.remove(&parent).unwrap_or_default()
    }

    /// Adds a block whose chain is complete; `sequence` says whose data came first.
    pub(super) fn add(&mut self, tree: &HeaderTree, id: HeaderId, sequence: u64) {
        self.complete.insert((tree.work(id), Reverse(sequence), id));
    }

    /// Returns the best one that is not known to be invalid; forgets those that are.
    pub(super) fn best(&mut self, tree: &HeaderTree) -> Option<HeaderId> {
        while let Some(&(.., id)) = self.complete.last() {
            if tree.validity(id) == Validity::Valid {
                return Some(id);
            }
            self.complete.pop_last();
        }
        None
    }

    /// Forgets the blocks with less work than the tip, which can only win with blocks on top that are added when they come.
    pub(super) fn prune(&mut self, tree: &HeaderTree, tip: HeaderId) {
        let least = (tree.work(tip), Reverse(u64::MAX), HeaderId::GENESIS);
        self.complete = self.complete.split_off(&least);
    }
}
