//! What can go wrong with the chain as a whole: never a bad block, always us.

use bitcoin::{BlockHash, OutPoint};
use quintet_bitcoin_protocol::{
    DecodeError,
    coins::CoinError,
    header::HeaderError,
    rules::{BlockError, DisconnectError},
};
use quintet_store::StoreError;
use quintet_utxo::{CacheError, checks::PoolError};
use thiserror::Error;

use crate::storage::{StorageError, blk::BlkError};

/// Why the coins cannot be reached.
#[derive(Debug, Error)]
pub enum CoinsError {
    /// The cache, or the store beneath it.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A stored coin is no coin.
    #[error(
        "the stored coin {outpoint} is damaged: {source}: check the disk, then rebuild the coins with reindex-chainstate"
    )]
    Damaged {
        /// The coin's name.
        outpoint: OutPoint,
        /// What is wrong with it.
        source: CoinError,
    },
}

/// The chain cannot go on. Nothing of it is a block's fault.
#[derive(Debug, Error)]
pub enum ChainError {
    /// The files or the store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The coins.
    #[error(transparent)]
    Coins(#[from] CoinsError),
    /// The threads for script checks could not be started.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A block out of our own files does not parse.
    #[error("the stored block {hash} is damaged: {source}: check the disk, then reindex")]
    BlockDamaged {
        /// The block.
        hash: BlockHash,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Undo data out of our own files does not parse or does not fit its block.
    #[error(
        "the undo data of block {hash} is damaged: {reason}: check the disk, then rebuild the coins with reindex-chainstate"
    )]
    UndoDamaged {
        /// The block.
        hash: BlockHash,
        /// What is wrong with it.
        reason: String,
    },
    /// A header out of our own index does not fit the others.
    #[error("index entry {number} is damaged: {source}: rebuild the index with a reindex")]
    IndexDamaged {
        /// Number of the entry.
        number: u32,
        /// What is wrong with it.
        source: HeaderError,
    },
    /// A block that is needed has no data: it was pruned, or the files are not those of the index.
    #[error(
        "block {hash} is needed and its {what} is not on disk: it was pruned, or files were removed"
    )]
    DataAbsent {
        /// The block.
        hash: BlockHash,
        /// `data` or `undo data`.
        what: &'static str,
    },
    /// The coins are those of a block the index does not know.
    #[error("the coins are those of block {hash}, which the index does not know: reindex")]
    UnknownTip {
        /// The block the coins name.
        hash: BlockHash,
    },
    /// A block that was connected once does not connect again.
    #[error("block {hash} was valid and is refused now: {source}: check the disk, then reindex")]
    ReplayRefused {
        /// The block.
        hash: BlockHash,
        /// Why it is refused.
        source: BlockError,
    },
    /// Taking a block back found other coins than the block had made.
    #[error(
        "taking back block {hash} met coins that are not its own: rebuild them with reindex-chainstate"
    )]
    CoinsInconsistent {
        /// The block.
        hash: BlockHash,
    },
    /// Threads that read and decode blocks could not be started.
    #[error("could not start {threads} threads: {source}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The reason.
        source: rayon::ThreadPoolBuildError,
    },
    /// A thread ended before its work did.
    #[error("a thread that {doing} ended early: report this")]
    ThreadLost {
        /// What it did.
        doing: &'static str,
    },
    /// Something went wrong before, in the midst of a change: what is in memory is not to be trusted.
    #[error(
        "the chain stopped at an earlier error: open it again, it goes on from what is on disk"
    )]
    Stopped,
    /// Genesis is part of every chain.
    #[error("genesis cannot be made invalid")]
    Genesis,
    /// Blocks of the chain's own files could not be walked.
    #[error("walking the block files: {source}")]
    OwnFiles {
        /// The reason.
        source: BlkError,
    },
    /// The script checks themselves are broken.
    #[error("a script check of block {hash} panicked: {reason}: report this")]
    CheckPanicked {
        /// The block.
        hash: BlockHash,
        /// The panic's message.
        reason: String,
    },
}

impl From<StoreError> for ChainError {
    fn from(error: StoreError) -> Self {
        Self::Storage(error.into())
    }
}

impl From<CacheError> for ChainError {
    fn from(error: CacheError) -> Self {
        Self::Coins(error.into())
    }
}

impl ChainError {
    /// Tells what became of taking `hash` back.
    pub(super) fn from_disconnect(hash: BlockHash, error: DisconnectError<CoinsError>) -> Self {
        match error {
            DisconnectError::Coins(error) => Self::Coins(error),
            mismatch @ DisconnectError::UndoMismatch { .. } => {
                Self::UndoDamaged { hash, reason: mismatch.to_string() }
            }
        }
    }
}
