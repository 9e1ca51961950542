//! Which block should be the tip: of all whose ancestors have been seen, the one with the most work.
//!
//! Blocks may arrive before their parents. Such a block waits, and becomes a candidate with all that wait for it once
//! the chain below it is complete. One whose chain turns out to have lost data (pruned) waits in the same way.
//!
//! **Spec:** Bitcoin Core, `setBlockIndexCandidates`, `m_blocks_unlinked`, `ReceivedBlockTransactions`.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use quintet_bitcoin_protocol::header::{HeaderId, HeaderTree, Validity};
use ruint::aliases::U256;

/// Which of two blocks should rather be the tip: the greater one. By work, then by which came first.
pub(super) type Rank = (U256, Reverse<i64>);

/// Blocks that may become the tip.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    complete: BTreeSet<(Rank, HeaderId)>,
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

    /// Adds a block whose chain is complete.
    pub(super) fn add(&mut self, rank: Rank, id: HeaderId) {
        self.complete.insert((rank, id));
    }

    /// Forgets a block.
    pub(super) fn remove(&mut self, rank: Rank, id: HeaderId) {
        self.complete.remove(&(rank, id));
    }

    /// Returns the best one that is not known to be invalid; forgets those that are.
    pub(super) fn best(&mut self, tree: &HeaderTree) -> Option<HeaderId> {
        while let Some(&(_, id)) = self.complete.last() {
            if tree.validity(id) == Validity::Valid {
                return Some(id);
            }
            self.complete.pop_last();
        }
        None
    }

    /// Forgets the blocks with less work than the tip, which can only win with blocks on top that are added when they come.
    pub(super) fn prune(&mut self, tree: &HeaderTree, tip: HeaderId) {
        let least = ((tree.work(tip), Reverse(i64::MAX)), HeaderId::GENESIS);
        if self.complete.first().is_some_and(|first| *first < least) {
            self.complete = self.complete.split_off(&least);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quintet_bitcoin_protocol::network::Params;

    use super::*;

    #[test]
    fn of_equal_work_the_first_wins_and_what_is_removed_is_gone() {
        let tree = HeaderTree::new(Arc::new(Params::regtest()), 1);
        let rank = |sequence| (U256::from(2), Reverse(sequence));
        let id = HeaderId::GENESIS;
        let mut candidates = Candidates::default();
        candidates.add(rank(5), id);
        assert_eq!(candidates.best(&tree), Some(id));
        assert!(rank(4) > rank(5) && (U256::from(3), Reverse(9)) > rank(4));
        candidates.remove(rank(5), id);
        assert_eq!(candidates.best(&tree), None);
    }

    #[test]
    fn a_block_waits_once_for_its_parent() {
        let mut candidates = Candidates::default();
        let id = HeaderId::GENESIS;
        candidates.wait(id, id);
        candidates.wait(id, id);
        assert_eq!(candidates.take_waiting(id), [id]);
        assert_eq!(candidates.take_waiting(id), []);
    }
}
