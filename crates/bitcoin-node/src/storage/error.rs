//! What can go wrong with a chain on disk.

use bitcoin::BlockHash;
use quintet_store::{StoreError, segment::Position};

/// The chain on disk is broken or misused. A bad block is never one of these.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The store or the files underneath.
    #[error(transparent)]
    Store(#[from] StoreError),

    /// The record at a position is another block's.
    #[error(
        "the {what} of block {expected} is at a position that holds those of {actual}: rebuild the index with a reindex"
    )]
    WrongBlock {
        /// `data` or `undo data`.
        what: &'static str,
        /// The block asked for.
        expected: BlockHash,
        /// The block found.
        actual: BlockHash,
    },

    /// A record too short to name its block.
    #[error(
        "the {what} of block {expected} has {actual} bytes, too few to name its block: rebuild the index with a reindex"
    )]
    RecordShort {
        /// `data` or `undo data`.
        what: &'static str,
        /// The block asked for.
        expected: BlockHash,
        /// Length found, bytes.
        actual: usize,
    },

    /// An index entry may not be committed before its data is durable.
    #[error(
        "an index entry points at {actual:?}, behind the synced end {expected:?}: append before the flush begins"
    )]
    NotSynced {
        /// Synced end of the file.
        expected: Position,
        /// Position in the entry.
        actual: Position,
    },

    /// The index relies on records that the files do not hold.
    #[error(
        "the {what} files end at {actual:?}, the index relies on them up to {expected:?}: put the files back, or rebuild the index \
         with a reindex"
    )]
    FilesBehind {
        /// `block` or `undo`.
        what: &'static str,
        /// End the index was committed with.
        expected: Position,
        /// End found.
        actual: Position,
    },

    /// The data directory belongs to another network.
    #[error(
        "the chain begins with block {actual}, expected {expected}: choose another data directory"
    )]
    OtherNetwork {
        /// Genesis block of the network asked for.
        expected: BlockHash,
        /// Genesis block the directory names.
        actual: BlockHash,
    },

    /// A target that leaves no room for the blocks a node must keep.
    #[error("a prune target of {actual} bytes is too small: allow at least {expected}")]
    PruneTarget {
        /// Least target, bytes.
        expected: u64,
        /// Target asked for, bytes.
        actual: u64,
    },

    /// The index has a gap, which no commit leaves.
    #[error(
        "the index goes on at entry {actual}, expected {expected}: check the disk and rebuild it with a reindex"
    )]
    IndexGap {
        /// Number of the next entry.
        expected: u32,
        /// Number found.
        actual: u32,
    },

    /// The index is full.
    #[error("the index holds {expected} headers, which is all it can: report this")]
    IndexFull {
        /// Most entries.
        expected: u32,
    },
}
