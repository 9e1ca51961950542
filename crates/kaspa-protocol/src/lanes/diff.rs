//! What a chain block changes of the lanes, to be stored with it: enough to do it again and to undo it.

use quintet_primitives::Hash256;
use thiserror::Error;

use super::{Lane, LaneTree};

/// A lane before and after a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneChange {
    /// The lane's key.
    pub key: Hash256,
    /// What it was, if it was active.
    pub before: Option<Lane>,
    /// What it is, if it is active.
    pub after: Option<Lane>,
}

/// The lanes a block changed, sorted by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneDiff {
    /// The changes.
    pub changes: Vec<LaneChange>,
}

/// A diff was put to a tree that it was not made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "expected lane {key} to be {expected:?}, it is {actual:?}; apply diffs to the tree of the block they were made on"
)]
pub struct LaneDiffError {
    /// The lane's key.
    pub key: Hash256,
    /// Its tip as the diff says; none if it is not active.
    pub expected: Option<Hash256>,
    /// Its tip.
    pub actual: Option<Hash256>,
}

impl LaneDiff {
    /// Makes the diff of some new values; those that are no change are left out.
    #[must_use]
    pub fn new(tree: &LaneTree, new: impl IntoIterator<Item = (Hash256, Option<Lane>)>) -> Self {
        let change = |(key, after)| LaneChange { key, before: tree.get(&key), after };
        let mut changes: Vec<LaneChange> = new.into_iter().map(change).collect();
        changes.retain(|change| change.before != change.after);
        changes.sort_by_key(|change| change.key);
        Self { changes }
    }

    /// Returns the tree after the block, from that before it.
    ///
    /// # Errors
    ///
    /// [`LaneDiffError`].
    pub fn apply(&self, before: &LaneTree) -> Result<LaneTree, LaneDiffError> {
        self.turn(before, |change| (change.before, change.after))
    }

    /// Returns the tree before the block, from that after it.
    ///
    /// # Errors
    ///
    /// [`LaneDiffError`].
    pub fn undo(&self, after: &LaneTree) -> Result<LaneTree, LaneDiffError> {
        self.turn(after, |change| (change.after, change.before))
    }

    fn turn(
        &self,
        tree: &LaneTree,
        direction: impl Fn(&LaneChange) -> (Option<Lane>, Option<Lane>),
    ) -> Result<LaneTree, LaneDiffError> {
        for change in &self.changes {
            let (expected, actual) = (direction(change).0, tree.get(&change.key));
            if expected != actual {
                let [expected, actual] = [expected, actual].map(|lane| lane.map(|lane| lane.tip));
                return Err(LaneDiffError { key: change.key, expected, actual });
            }
        }
        Ok(tree.with(self.changes.iter().map(|change| (change.key, direction(change).1))))
    }
}
