//! What can go wrong with a state.

use alloy_primitives::B256;
use quintet_store::StoreError;

use crate::trie::TrieError;

/// An error of the state, never of a block.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A trie does not hold together.
    #[error("state is damaged: {0}; check the disk, then import a snapshot or restore a backup")]
    Trie(Box<TrieError<StoreError>>),
    /// There is no state yet.
    #[error("the store holds no state yet: commit a genesis or import a snapshot first")]
    Empty,
    /// There is a state already.
    #[error("the store holds a state of block {number} already: use another directory")]
    NotEmpty {
        /// Its number.
        number: u64,
    },
    /// The update was computed on another state.
    #[error(
        "update was computed on block {expected:?}, the state is that of {actual:?}: execute the block again"
    )]
    Stale {
        /// The hash of the block it was computed on.
        expected: Option<B256>,
        /// The hash of the block whose state is held.
        actual: Option<B256>,
    },
    /// Blocks come one after the other.
    #[error("block {actual} cannot follow, expected {expected}")]
    Number {
        /// The next number.
        expected: u64,
        /// The number given.
        actual: u64,
    },
    /// The state of the block is not there.
    #[error(
        "state of block {number} is not kept, only those of {oldest} to {newest}: ask an archive node"
    )]
    NotKept {
        /// The number asked for.
        number: u64,
        /// The oldest that is kept.
        oldest: u64,
        /// The newest.
        newest: u64,
    },
    /// Going back did not lead to the state that was there.
    #[error(
        "going back to block {number} leads to root {actual}, expected {expected}: the state is damaged; import a snapshot or restore a backup"
    )]
    RevertRoot {
        /// The block gone back to.
        number: u64,
        /// The root it had.
        expected: B256,
        /// The root computed.
        actual: B256,
    },
    /// Code that should be there is not.
    #[error(
        "no code with hash {hash}: the state is damaged; import a snapshot or restore a backup"
    )]
    Code {
        /// Its hash.
        hash: B256,
    },
    /// A snapshot file that is none, or is damaged.
    #[error("state snapshot is not usable at record {record}: {reason}; fetch it again")]
    Snapshot {
        /// Which record, counted from 0.
        record: u64,
        /// What was expected and what came.
        reason: String,
    },
    /// A snapshot file cannot be read or written.
    #[error("state snapshot could not be read or written: {0}")]
    Io(#[from] std::io::Error),
}

impl From<TrieError<StoreError>> for StateError {
    fn from(error: TrieError<StoreError>) -> Self {
        match error {
            TrieError::Source(error) => Self::Store(error),
            other => Self::Trie(Box::new(other)),
        }
    }
}
