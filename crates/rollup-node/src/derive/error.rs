//! Why derivation ends.

use alloy_eips::BlockNumHash;
use quintet_rollup_protocol::pipeline::DerivationError;
use quintet_store::StoreError;
use thiserror::Error;

use crate::{engine::EngineError, l1::L1Error};

/// Why derivation ends. What a retry could mend has been retried.
#[derive(Debug, Error)]
pub enum DriveError {
    /// L1 gives no answer that can be used.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// L1 holds what no derivation can go beyond.
    #[error(transparent)]
    Derivation(#[from] DerivationError),
    /// The execution layer fails.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The disk fails.
    #[error("safe heads: {0}")]
    Store(#[from] StoreError),
    /// The directory holds another chain's safe heads.
    #[error(
        "safe heads: expected those of chain {expected}, got those of {actual}; name another data directory"
    )]
    OtherChain {
        /// The chain asked for.
        expected: String,
        /// The chain the directory was begun for.
        actual: String,
    },
    /// L1 was reorganised below what it had called final.
    #[error(
        "L1 was reorganised below its final block {finalized}: expected block {number} {hash} to be canonical; L1 has failed or its nodes lie: ask others",
        number = block.number,
        hash = block.hash
    )]
    FinalReorg {
        /// The newest block known that is no longer canonical.
        block: BlockNumHash,
        /// What L1 had called final.
        finalized: u64,
    },
    /// No written safe head holds any more.
    #[error("expected L1 block {number} {hash}, at which derivation began, to be canonical; it is not: is this L1 the right one?", number = block.number, hash = block.hash)]
    NoStart {
        /// The L1 block derivation began at.
        block: BlockNumHash,
    },
    /// The L1 block to begin at is not there.
    #[error("expected L1 to have block {number}, at which derivation begins; it has none")]
    NoBase {
        /// Its number.
        number: u64,
    },
    /// A safe block that a span overlaps is not at hand.
    #[error(
        "expected safe block {number}, which a batch is compared with; it is not at hand: execute, or begin earlier"
    )]
    NoSafeBlock {
        /// Its number.
        number: u64,
    },
    /// Reset after reset without a block between them.
    #[error("expected derivation to go on after {resets} resets, got another: {reason}")]
    ResetLoop {
        /// How many there were.
        resets: u32,
        /// Why the last one.
        reason: String,
    },
}
