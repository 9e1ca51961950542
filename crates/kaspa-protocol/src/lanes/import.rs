//! The lanes of a pruning point, taken from a peer and checked against its header.
//!
//! ```text
//!   metadata ──► LaneImport::new: does it make the header's commitment?
//!   chunks   ──► push: sorted by key, active, not more than was said
//!   end      ──► finish: as many as was said, and their root
//! ```
//!
//! **Spec:** KIP-21; rusty-kaspa's `consensus/seq-commit/src/verify.rs`, `consensus/smt-store/src/streaming_import`.

use quintet_primitives::Hash256;
use thiserror::Error;

use super::{Lane, LaneTree};
use crate::hashing::seq_commit::{activity_root, seq_commit};

/// What a peer says of the lanes before it sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneMetadata {
    /// Root of the tree of active lanes.
    pub lanes_root: Hash256,
    /// Digest of the pruning point's context and payloads.
    pub payload_and_context: Hash256,
    /// Commitment of the pruning point's selected parent.
    pub parent_commitment: Hash256,
    /// How many lanes are active.
    pub active_lanes: u64,
}

/// Why lanes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LaneImportError {
    /// The peer and the headers disagree about the selected parent.
    #[error("expected the selected parent's commitment {expected}, got {actual}")]
    ParentCommitment {
        /// By the headers.
        expected: Hash256,
        /// As said.
        actual: Hash256,
    },
    /// What was said does not make the header's commitment.
    #[error("expected metadata that makes the commitment {expected}, it makes {actual}")]
    Commitment {
        /// Of the header.
        expected: Hash256,
        /// Of the metadata.
        actual: Hash256,
    },
    /// More lanes were announced than a node takes.
    #[error("expected at most {max} lanes, {actual} were announced")]
    TooManyAnnounced {
        /// Most lanes.
        max: u64,
        /// Lanes announced.
        actual: u64,
    },
    /// More or fewer lanes came than were announced.
    #[error("expected {expected} lanes, got {actual} or more")]
    Count {
        /// Lanes announced.
        expected: u64,
        /// Lanes that came.
        actual: u64,
    },
    /// Lanes are not sorted.
    #[error("expected a key above {previous}, got {actual}")]
    Order {
        /// The key before.
        previous: Hash256,
        /// The key that came.
        actual: Hash256,
    },
    /// A lane is not active at the pruning point.
    #[error("expected a lane touched at a blue score from {from} to {to}, got {actual}")]
    Inactive {
        /// Oldest active blue score.
        from: u64,
        /// The pruning point's blue score.
        to: u64,
        /// What came.
        actual: u64,
    },
    /// The lanes have another root.
    #[error("expected lanes of the root {expected}, got {actual}")]
    Root {
        /// As announced, which agrees with the header.
        expected: Hash256,
        /// Of what came.
        actual: Hash256,
    },
}

/// Lanes on their way in: 72 bytes each until the tree is made.
#[derive(Debug, Clone)]
pub struct LaneImport {
    metadata: LaneMetadata,
    active: core::ops::RangeInclusive<u64>,
    lanes: Vec<(Hash256, Lane)>,
}

impl LaneMetadata {
    /// Checks what was said against the pruning point's commitment, its selected parent's, and its inactivity shortcut.
    ///
    /// # Errors
    ///
    /// [`LaneImportError::ParentCommitment`], [`LaneImportError::Commitment`].
    pub fn check(
        &self,
        commitment: &Hash256,
        parent_commitment: &Hash256,
        inactivity_shortcut: &Hash256,
    ) -> Result<(), LaneImportError> {
        let (expected, actual) = (*parent_commitment, self.parent_commitment);
        if expected != actual {
            return Err(LaneImportError::ParentCommitment { expected, actual });
        }
        let activity_root = activity_root(inactivity_shortcut, &self.lanes_root);
        let actual = seq_commit(parent_commitment, &activity_root, &self.payload_and_context);
        if actual != *commitment {
            return Err(LaneImportError::Commitment { expected: *commitment, actual });
        }
        Ok(())
    }
}

impl LaneImport {
    /// Begins the import of what [`LaneMetadata::check`] let through. Active are lanes touched from `blue_score - finality_depth` to
    /// `blue_score`, that of the pruning point.
    ///
    /// # Errors
    ///
    /// [`LaneImportError::TooManyAnnounced`].
    pub const fn new(
        metadata: LaneMetadata,
        blue_score: u64,
        finality_depth: u64,
        lanes_max: u64,
    ) -> Result<Self, LaneImportError> {
        if metadata.active_lanes > lanes_max {
            let actual = metadata.active_lanes;
            return Err(LaneImportError::TooManyAnnounced { max: lanes_max, actual });
        }
        let active = blue_score.saturating_sub(finality_depth)..=blue_score;
        Ok(Self { metadata, active, lanes: Vec::new() })
    }

    /// Takes the next lanes.
    ///
    /// # Errors
    ///
    /// [`LaneImportError`]; what came before is to be thrown away then.
    pub fn push(
        &mut self,
        chunk: impl IntoIterator<Item = (Hash256, Lane)>,
    ) -> Result<(), LaneImportError> {
        for (key, lane) in chunk {
            if let Some(&(previous, _)) = self.lanes.last().filter(|(last, _)| *last >= key) {
                return Err(LaneImportError::Order { previous, actual: key });
            }
            if !self.active.contains(&lane.blue_score) {
                let (from, to) = (*self.active.start(), *self.active.end());
                return Err(LaneImportError::Inactive { from, to, actual: lane.blue_score });
            }
            self.lanes.push((key, lane));
            if self.count() > self.metadata.active_lanes {
                return Err(self.miscounted());
            }
        }
        Ok(())
    }

    /// Makes the tree, once all has come.
    ///
    /// # Errors
    ///
    /// [`LaneImportError::Count`], [`LaneImportError::Root`].
    pub fn finish(self) -> Result<LaneTree, LaneImportError> {
        if self.count() != self.metadata.active_lanes {
            return Err(self.miscounted());
        }
        let tree = LaneTree::from_lanes(self.lanes);
        let (expected, actual) = (self.metadata.lanes_root, tree.root());
        if expected != actual {
            return Err(LaneImportError::Root { expected, actual });
        }
        Ok(tree)
    }

    fn count(&self) -> u64 {
        u64::try_from(self.lanes.len()).unwrap_or(u64::MAX)
    }

    fn miscounted(&self) -> LaneImportError {
        LaneImportError::Count { expected: self.metadata.active_lanes, actual: self.count() }
    }
}
