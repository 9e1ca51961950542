//! What can go wrong with a ledger on disk, and how consensus is told.

use std::sync::Arc;

use quintet_kaspa_protocol::dag::BlockId;
use quintet_primitives::Hash256;
use quintet_store::{DecodeError, StoreError, segment::Position};
use quintet_utxo::CacheError;

use crate::ports::LedgerError;

/// A ledger that cannot be opened. A bad block is never one of these.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The store or the files underneath.
    #[error(transparent)]
    Store(#[from] StoreError),

    /// The coins.
    #[error(transparent)]
    Coins(#[from] CacheError),

    /// What was read while the ledger was made whole again.
    #[error(transparent)]
    Ledger(#[from] LedgerError),

    /// The data directory belongs to another network.
    #[error(
        "the DAG begins with block {actual}, expected {expected}: choose another data directory"
    )]
    OtherNetwork {
        /// Genesis of the network asked for.
        expected: Hash256,
        /// Genesis the directory names.
        actual: Hash256,
    },

    /// The store relies on records that the files do not hold.
    #[error(
        "the {log} files end at {actual:?}, the state relies on them up to {expected:?}: put the files back, or start with an empty data \
         directory"
    )]
    FilesBehind {
        /// Folder of the log.
        log: &'static str,
        /// End the state was committed with.
        expected: Position,
        /// End found.
        actual: Position,
    },
}

/// Tells consensus of a failure below.
pub(super) fn told(error: StoreError) -> LedgerError {
    match error {
        StoreError::Io { .. } | StoreError::Engine { .. } => {
            let action = error.to_string();
            LedgerError::Io { action, source: Arc::new(std::io::Error::other(error)) }
        }
        StoreError::Poisoned { reason } => LedgerError::Poisoned { reason },
        StoreError::SegmentDamaged { .. }
        | StoreError::SegmentMissing { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Damaged { .. } => LedgerError::Damaged {
            expected: "records as they were written".to_owned(),
            actual: error.to_string(),
        },
        error => LedgerError::Store { reason: error.to_string() },
    }
}

/// Tells consensus of a failure of the coins.
pub(super) fn told_of_coins(error: CacheError) -> LedgerError {
    match error {
        CacheError::Store(error) => told(error),
        CacheError::Exists { key } => LedgerError::Damaged {
            expected: format!("output {key} not to be in the set it is added to"),
            actual: "it is".to_owned(),
        },
        error => LedgerError::Store { reason: error.to_string() },
    }
}

/// Names a record that passed its checksum and is none nevertheless.
pub(super) fn undecodable(
    log: &'static str,
    position: Position,
    error: &DecodeError,
) -> LedgerError {
    LedgerError::Damaged {
        expected: format!(
            "a record of `{log}` in segment {} at offset {}",
            position.segment, position.offset
        ),
        actual: error.to_string(),
    }
}

/// Names a record that is another block's.
pub(super) fn misplaced(
    log: &'static str,
    position: Position,
    block: BlockId,
    expected: u64,
    actual: u64,
) -> LedgerError {
    LedgerError::Damaged {
        expected: format!(
            "the record of block number {} (serial {expected}) in `{log}` in segment {} at offset {}",
            block.number(),
            position.segment,
            position.offset
        ),
        actual: format!("that of serial {actual}"),
    }
}
