//! Why a block cannot join the DAG.

use quintet_primitives::Hash256;
use thiserror::Error;

use super::BlockId;

/// A block that cannot be given its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DagError {
    /// There are no parents.
    #[error("expected at least one parent, got none")]
    NoParents,
    /// A parent is not in the DAG, or no longer.
    #[error("expected parents that are in the DAG, got number {}", parent.number())]
    UnknownParent {
        /// The parent.
        parent: BlockId,
    },
    /// A parent is an ancestor of another one, or named twice.
    #[error(
        "expected parents of which none is an ancestor of another, got number {} with a block in its future",
        parent.number()
    )]
    RelatedParents {
        /// The older of the two.
        parent: BlockId,
    },
    /// The block merges more blocks than is allowed.
    #[error("expected a mergeset of at most {limit} blocks, got more")]
    MergesetTooBig {
        /// Most blocks, the selected parent among them.
        limit: usize,
    },
    /// The block is there already.
    #[error("expected a new block, got {hash}, which is known")]
    Known {
        /// Its hash.
        hash: Hash256,
    },
    /// No more blocks can be numbered.
    #[error(
        "expected fewer than 2^32 blocks and entries of a column; start anew with a compacted DAG"
    )]
    Full,
    /// The window of earlier blocks cannot be known, for they are not there.
    #[error("expected the blocks of the window, got only {actual}")]
    InsufficientWindow {
        /// Blocks found.
        actual: usize,
    },
    /// A block merges one that its own chain left behind too long ago.
    #[error("expected reds above the merge depth root or under a kosherizing blue, got number {}", red.number())]
    MergeDepth {
        /// The red block.
        red: BlockId,
    },
}
