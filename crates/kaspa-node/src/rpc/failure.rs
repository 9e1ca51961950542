//! Why a call is not answered. Clients get the words, which are the reference's where it has any.

use quintet_primitives::Hash256;
use thiserror::Error;

use super::wire::WireError;
use crate::{consensus::ConsensusError, index::IndexError, mining::TemplateError};

/// Why a call is not answered.
#[derive(Debug, Error)]
pub enum Failure {
    /// The request could not be read.
    #[error("request deserialization error: {0}")]
    Request(#[from] WireError),
    /// There is no such block.
    #[error("cannot find header {hash}")]
    UnknownBlock {
        /// Its hash.
        hash: Hash256,
    },
    /// There is no such transaction.
    #[error("Transaction {id} not found")]
    UnknownTransaction {
        /// Its id.
        id: Hash256,
    },
    /// The pool does not take a transaction.
    #[error("Rejected transaction {id}: {reason}")]
    Rejected {
        /// Its id.
        id: Hash256,
        /// Why.
        reason: String,
    },
    /// There is no index.
    #[error("Method unavailable. Run the node with the --utxoindex argument.")]
    NoUtxoIndex,
    /// It is for operators only.
    #[error("Method unavailable in safe mode. Run the node with --unsaferpc argument.")]
    SafeMode,
    /// The method is known and not there.
    #[error("RPC not implemented")]
    NotImplemented,
    /// The question is empty.
    #[error("transaction query must either not filter transactions or include orphans")]
    EmptyQuery,
    /// The question contradicts itself.
    #[error("If includeTransactions is set, then includeBlockVerboseData must be set as well.")]
    BlocksWithoutBlocks,
    /// The window is too long.
    #[error("Requested window size {actual} is larger than max {max} allowed in RPC safe mode.")]
    WindowTooLong {
        /// Blocks asked for.
        actual: u32,
        /// Most blocks.
        max: u32,
    },
    /// No chain block merged it yet.
    #[error("Block {hash} doesn't have any merger block.")]
    NoMerger {
        /// The block.
        hash: Hash256,
    },
    /// Anything else.
    #[error("{0}")]
    General(String),
    /// Consensus cannot go on.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// There is no template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The index cannot go on.
    #[error(transparent)]
    Index(#[from] IndexError),
}
