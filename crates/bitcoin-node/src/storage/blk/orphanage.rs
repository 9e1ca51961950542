//! Blocks that came in front of their parents: where they are, and for whom they wait.
//!
//! Core writes blocks as they arrive, up to 1,024 ahead of the chain, so its files hold children in front of their parents. The blocks
//! themselves stay in the file; once a parent is accepted its children are read again
//! (Core: `blocks_with_unknown_parent` of `LoadExternalBlockFile`).

use std::collections::HashMap;

use bitcoin::BlockHash;

use super::{BlkError, BlkPlace};

/// Most blocks that wait, blocks. About 100 MB; files given in the wrong order need the most.
pub const ORPHANS_MAX: usize = 1 << 20;

/// Places of blocks by the hash of the parent they wait for.
#[derive(Debug)]
pub struct Orphanage {
    waiting: HashMap<BlockHash, Vec<BlkPlace>>,
    count: usize,
    max: usize,
}

impl Default for Orphanage {
    fn default() -> Self {
        Self::with_limit(ORPHANS_MAX)
    }
}

impl Orphanage {
    /// Makes an empty one that holds at most `max` blocks.
    #[must_use]
    pub fn with_limit(max: usize) -> Self {
        Self { waiting: HashMap::new(), count: 0, max }
    }

    /// Remembers that the block at `place` waits for `parent`.
    ///
    /// # Errors
    ///
    /// [`BlkError::OrphansFull`].
    pub fn insert(&mut self, parent: BlockHash, place: BlkPlace) -> Result<(), BlkError> {
        if self.count >= self.max {
            return Err(BlkError::OrphansFull { expected: self.max });
        }
        self.waiting.entry(parent).or_default().push(place);
        self.count += 1;
        Ok(())
    }

    /// Takes the blocks that wait for `parent`, in the order in which they were found. The caller does the same for each it accepts.
    pub fn take_children(&mut self, parent: &BlockHash) -> Vec<BlkPlace> {
        let children = self.waiting.remove(parent).unwrap_or_default();
        self.count -= children.len();
        children
    }

    /// Returns how many blocks wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Returns whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}
