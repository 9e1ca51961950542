//! Blocks that came in front of their parents: where they are, and for whom they wait.
//!
//! Core writes blocks as they arrive, up to 1,024 ahead of the chain, so its files hold children in front of their parents. The blocks
//! themselves stay in the file; once a parent is accepted its children are read again
//! (Core: `blocks_with_unknown_parent` of `LoadExternalBlockFile`).

use std::collections::{BTreeSet, HashMap};

use bitcoin::BlockHash;

use super::{BlkError, BlkPlace};

/// Most blocks that wait, blocks. About 150 MB; files given in the wrong order need the most.
pub const ORPHANS_MAX: usize = 1 << 20;

/// Places of blocks by the hash of the parent they wait for.
#[derive(Debug)]
pub struct Orphanage<P = BlkPlace> {
    waiting: HashMap<BlockHash, Vec<P>>,
    places: BTreeSet<P>,
    max: usize,
}

impl<P: Copy + Ord> Default for Orphanage<P> {
    fn default() -> Self {
        Self::with_limit(ORPHANS_MAX)
    }
}

impl<P: Copy + Ord> Orphanage<P> {
    /// Makes an empty one that holds at most `max` blocks.
    #[must_use]
    pub fn with_limit(max: usize) -> Self {
        Self { waiting: HashMap::new(), places: BTreeSet::new(), max }
    }

    /// Remembers that the block at `place` waits for `parent`.
    ///
    /// # Errors
    ///
    /// [`BlkError::OrphansFull`].
    pub fn insert(&mut self, parent: BlockHash, place: P) -> Result<(), BlkError> {
        if self.places.len() >= self.max {
            return Err(BlkError::OrphansFull { expected: self.max });
        }
        if self.places.insert(place) {
            self.waiting.entry(parent).or_default().push(place);
        }
        Ok(())
    }

    /// Takes the blocks that wait for `parent`, in the order in which they were found. The caller does the same for each it accepts.
    pub fn take_children(&mut self, parent: &BlockHash) -> Vec<P> {
        let children = self.waiting.remove(parent).unwrap_or_default();
        for place in &children {
            self.places.remove(place);
        }
        children
    }

    /// Returns the lowest place at which a block waits.
    #[must_use]
    pub fn first(&self) -> Option<P> {
        self.places.first().copied()
    }

    /// Returns how many blocks wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}
