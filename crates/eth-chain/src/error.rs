//! What can go wrong: a block that is bad, a question that has no answer, a disk that fails.

use alloy_primitives::B256;
use quintet_eth::state::store::StateError;
use quintet_evm::{block::BlockError, execute::TransactionError, op::base_fee::ExtraDataError};
use quintet_store::StoreError;

use crate::block::{BlockRef, BlockTag};

/// Why the chain cannot answer or write. Never that a block is bad.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The state cannot be read or written, or is not kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store holds another chain.
    #[error(
        "the store holds the chain of genesis {actual}, expected {expected}: use another directory or genesis file"
    )]
    OtherGenesis {
        /// The genesis asked for.
        expected: B256,
        /// The genesis of the store.
        actual: B256,
    },
    /// There is no such block.
    #[error("block {tag:?} is not known")]
    UnknownBlock {
        /// The block asked for.
        tag: BlockTag,
    },
    /// What is asked of the block was pruned.
    #[error(
        "{what} of block {number} were pruned, the oldest kept are those of block {oldest}: ask a node that keeps them"
    )]
    Pruned {
        /// Bodies or receipts.
        what: &'static str,
        /// The block.
        number: u64,
        /// The oldest block that has them.
        oldest: u64,
    },
    /// The block was never executed: it is beside the head's chain.
    #[error("block {hash} is beside the head's chain and was not executed: make it head first")]
    NotExecuted {
        /// The block.
        hash: B256,
    },
    /// A search reaches over more than it may.
    #[error("search covers {actual} blocks, expected at most {most}: ask for a smaller range")]
    RangeBlocks {
        /// The most there may be.
        most: u64,
        /// What was asked for.
        actual: u64,
    },
    /// A search begins behind its end.
    #[error("search begins at block {from} behind its end, block {to}")]
    RangeOrder {
        /// The first block.
        from: u64,
        /// The last block.
        to: u64,
    },
    /// A search finds more than it may.
    #[error(
        "search finds more than {most} logs: ask for a smaller range, blocks {from} to {upto} hold that many"
    )]
    RangeLogs {
        /// The most there may be.
        most: usize,
        /// The first block.
        from: u64,
        /// The last block searched.
        upto: u64,
    },
    /// A replay or call could not run at all.
    #[error("interpreter: {reason}")]
    Interpreter {
        /// What it says.
        reason: String,
    },
    /// A transaction cannot run where it is asked to.
    #[error(transparent)]
    Refused(#[from] TransactionError),
    /// A record on disk makes no sense.
    #[error(
        "{what} of block {hash} are missing or damaged: restore a backup, or import the chain again"
    )]
    Damaged {
        /// Which record.
        what: &'static str,
        /// The block.
        hash: B256,
    },
}

/// Why a block was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Its parent is not known: it may be good.
    #[error("parent {parent} of block {} is not known: import it first", block.hash)]
    UnknownParent {
        /// The block.
        block: BlockRef,
        /// Its parent.
        parent: B256,
    },
    /// It is so far back that it can never be head.
    #[error("block {} ({}) is beside the chain and too old, blocks after {oldest} are taken", block.number, block.hash)]
    TooOld {
        /// The block.
        block: BlockRef,
        /// The oldest block whose state is kept.
        oldest: u64,
    },
    /// It is bad, and always will be.
    #[error("block {} ({}): {error}", block.number, block.hash)]
    Invalid {
        /// The block.
        block: BlockRef,
        /// Why.
        error: Box<BlockError>,
    },
    /// It stands on a block that is bad.
    #[error("block {} ({}) stands on bad block {ancestor}", block.number, block.hash)]
    BadAncestor {
        /// The block.
        block: BlockRef,
        /// The bad block.
        ancestor: B256,
    },
    /// The chain failed; the block may be good.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl From<StateError> for ImportError {
    fn from(error: StateError) -> Self {
        Self::Chain(error.into())
    }
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Chain(error.into())
    }
}

/// Why the head was not moved.
#[derive(Debug, thiserror::Error)]
pub enum ForkchoiceError {
    /// The block is not known.
    #[error("block {hash} is not known: import it first")]
    UnknownHead {
        /// The block.
        hash: B256,
    },
    /// The safe or finalised block is not an ancestor of the head.
    #[error("{what} block {hash} is not on the chain of the head")]
    Inconsistent {
        /// Which of the two.
        what: &'static str,
        /// The block.
        hash: B256,
    },
    /// Going there would take back more than can be.
    #[error(
        "head {hash} leaves the chain at block {ancestor}, the state reaches back to block {oldest} only"
    )]
    TooDeep {
        /// The block.
        hash: B256,
        /// The last block in common.
        ancestor: u64,
        /// The oldest state.
        oldest: u64,
    },
    /// Going there would take back a finalised block.
    #[error("head {hash} leaves the chain at block {ancestor}, block {finalized} is final")]
    Finalized {
        /// The block.
        hash: B256,
        /// The last block in common.
        ancestor: u64,
        /// The final block.
        finalized: u64,
    },
    /// A block on the way is bad; the head is where it was.
    #[error("head {hash} stands on a bad block: {source}")]
    Invalid {
        /// The block that was to be head.
        hash: B256,
        /// The newest good block under it.
        latest_valid: B256,
        /// Why.
        source: Box<ImportError>,
    },
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl From<StateError> for ForkchoiceError {
    fn from(error: StateError) -> Self {
        Self::Chain(error.into())
    }
}

impl From<StoreError> for ForkchoiceError {
    fn from(error: StoreError) -> Self {
        Self::Chain(error.into())
    }
}

/// Why no block was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The parent is not the head.
    #[error("parent {parent} is not the head {head}: make it head first")]
    NotHead {
        /// The parent asked for.
        parent: B256,
        /// The head.
        head: B256,
    },
    /// The timestamp is not after the parent's.
    #[error("expected a timestamp after {parent}, got {actual}")]
    Timestamp {
        /// The parent's.
        parent: u64,
        /// The one given.
        actual: u64,
    },
    /// A field is there that the fork does not have, or the other way round.
    #[error("expected {expected} {field} at this fork")]
    Field {
        /// The field.
        field: &'static str,
        /// `some` or `no`.
        expected: &'static str,
    },
    /// The extra data is too long.
    #[error("extra data has {actual} bytes, expected at most {most}")]
    ExtraData {
        /// The most there may be.
        most: usize,
        /// Its length.
        actual: usize,
    },
    /// The chain is one of proof of work still.
    #[error("blocks of proof of work are not built here: begin the chain at Paris or later")]
    ProofOfWork,
    /// A transaction that must be in the block cannot be.
    #[error("transaction {index} must be in the block and cannot be: {error}")]
    Forced {
        /// Which one.
        index: usize,
        /// Why.
        error: TransactionError,
    },
    /// A transaction that must be in the block is nobody's.
    #[error("transaction {index} must be in the block and its signature is nobody's")]
    ForcedSender {
        /// Which one.
        index: usize,
    },
    /// The parent's extra data holds no parameters of the base fee.
    #[error(transparent)]
    BaseFee(#[from] ExtraDataError),
    /// What comes after the transactions failed: a contract of the system.
    #[error("the block cannot be finished: {0}")]
    Finish(BlockError),
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl From<StateError> for BuildError {
    fn from(error: StateError) -> Self {
        Self::Chain(error.into())
    }
}

impl From<StoreError> for BuildError {
    fn from(error: StoreError) -> Self {
        Self::Chain(error.into())
    }
}
