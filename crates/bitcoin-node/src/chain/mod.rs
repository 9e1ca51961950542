//! The chain: which blocks there are, which of them are connected, and what coins that leaves.
//!
//! ```text
//!   header ──► accept_header ──► HeaderTree ─────────────┐
//!   block  ──► accept_block  ──► files · index ──► Candidates
//!                                                        │ most work, complete
//!                                                        ▼
//!              activate:  disconnect to the fork, connect to the best
//!                           │ coins now               │ scripts later
//!                           ▼                         ▼
//!                         Coins ◄── take back ──── Pending ──► check pool, blocks ahead
//!                           │        if one fails
//!              flush: files, index, coins, in this order
//! ```
//!
//! Scripts are nearly all of the work of a block and depend on nothing but the coins it spends, so the next blocks are connected while
//! the scripts of the last ones are still being checked. Whoever asks what is connected is told what [`Chain::settle`] has seen through;
//! nothing else reaches the disk as connected.
//!
//! # Invariants
//!
//! - The coins are those of the last connected block; every connected block that is not settled is in the list of pending ones with what
//!   takes it back.
//! - Coins are flushed only as of a settled block, after the files and the index that a replay needs.
//! - A block is marked invalid only for what its header commits to.
//!
//! One owner calls this, from one thread; the CPU-heavy parts run on pools of their own. Nothing here is async.
//!
//! **Spec:** Bitcoin Core, `ChainstateManager`, `Chainstate::ActivateBestChain`, `ConnectTip`, `DisconnectTip`.

mod accept;
mod activate;
mod ahead;
mod candidates;
mod checks;
mod coins;
mod coinset;
mod connect;
mod error;
mod flush;
mod import;
mod open;
mod pruning;
mod source;
mod verify;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{
    header::{ActiveChain, HeaderId, HeaderTree, Validity},
    network::Params,
};
use quintet_store::segment::Position;
use quintet_utxo::{checks::Pool, verified};
use rayon::ThreadPool;

pub use accept::{AcceptError, Accepted, Examined};
pub use activate::{REFUSED_MAX, Refused};
pub use coinset::{CoinSetError, CoinsProgress, CoinsView, SnapshotReport, TellCoins};
pub use error::{ChainError, CoinsError};
pub use import::{ImportError, ImportProgress, ImportReport, REFUSED_SHOWN_MAX, TellImport};
pub use open::{OpenProgress, TellOpen};
pub use pruning::Pruning;
pub use verify::{VerifyError, VerifyLevel, VerifyProgress, VerifyReport};

use self::{
    candidates::{Candidates, Rank},
    checks::Pending,
    coins::Coins,
};
use crate::storage::{BlockStatus, Storage};

/// How a chain is opened and run.
#[derive(Debug, Clone)]
pub struct ChainOptions {
    /// Folder of the chain's files.
    pub directory: PathBuf,
    /// Memory for coins at which they are flushed, bytes.
    pub coins_bytes: usize,
    /// Size of one commit of coins, bytes: 256 to 64 MiB. A flush of more takes several, and can be cut short between them.
    pub coins_batch_bytes: usize,
    /// Memory for the engine of the store, bytes.
    pub store_bytes: usize,
    /// Memory for the list of scripts known to pass, bytes.
    pub verified_bytes: usize,
    /// Threads for script checks, at least 1.
    pub check_threads: usize,
    /// The block whose ancestors' scripts are taken to be valid; `None` checks every script.
    pub assume_valid: Option<BlockHash>,
    /// Where a new block or undo file begins, bytes.
    pub segment_bytes_max: u32,
    /// Whether, and how, old blocks are given up.
    pub pruning: Pruning,
    /// Rebuild the index and the coins from the block files.
    pub reindex: bool,
    /// Rebuild the coins from the index and the block files.
    pub reindex_chainstate: bool,
    /// Random, chosen anew each time: keys of the hash tables.
    pub salt: [u8; 32],
}

impl ChainOptions {
    /// Options for a chain in `directory` with Bitcoin Core's default cache of 450 MiB, shared out as here it pays.
    #[must_use]
    pub const fn new(directory: PathBuf, params: &Params, salt: [u8; 32]) -> Self {
        Self {
            directory,
            coins_bytes: 400 << 20,
            coins_batch_bytes: 8 << 20,
            store_bytes: 32 << 20,
            verified_bytes: 16 << 20,
            check_threads: 1,
            assume_valid: params.assume_valid,
            segment_bytes_max: 128 << 20,
            pruning: Pruning::Off,
            reindex: false,
            reindex_chainstate: false,
            salt,
        }
    }
}

/// What the chain knows of a block besides its header.
#[derive(Debug, Clone, Copy, Default)]
struct BlockState {
    status: BlockStatus,
    tx_count: u32,
    block: Option<Position>,
    undo: Option<Position>,
    /// Whether its scripts were run since the chain was opened, not only taken to be valid.
    scripts_passed: bool,
    /// Transactions from genesis up to here; 0 while data of the block or of one below it has not been seen.
    chain_tx_count: u64,
    /// When its chain became complete, against other blocks: of rivals with equal work the lowest counts.
    sequence: i64,
}

/// Something that became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainEvent {
    /// It was connected, its scripts are not all checked.
    Connected {
        /// Its hash.
        hash: BlockHash,
        /// Blocks below it.
        height: u32,
    },
    /// It was taken back.
    Disconnected {
        /// Its hash.
        hash: BlockHash,
        /// Blocks below it.
        height: u32,
    },
    /// Nobody took the events for [`EVENTS_MAX`] of them, and those before here are gone: look at [`Chain::active`].
    Missed,
}

/// Events that are kept until somebody takes them, events.
pub const EVENTS_MAX: usize = 65_536;

/// The chain of one network, open.
#[derive(Debug)]
pub struct Chain {
    params: Arc<Params>,
    options: ChainOptions,
    storage: Storage,
    tree: HeaderTree,
    /// By number of the header.
    blocks: Vec<BlockState>,
    /// Entries of the index that differ from the disk.
    changed: BTreeSet<u32>,
    candidates: Candidates,
    /// The last number given to a block whose chain became complete.
    sequence: i64,
    /// The last number given to a block the operator prefers: below all others.
    precious: i64,
    /// Blocks refused since somebody asked, at most [`REFUSED_MAX`].
    refused: VecDeque<Refused>,
    /// Up to where the index covers the block files, while they are being indexed; all of them, at any other time.
    indexed_to: Option<Position>,
    /// Whether a block that was there once is gone.
    has_pruned: bool,
    /// The files being filled when pruning was looked at last.
    pruned_at: Option<(u32, u32)>,
    /// What is connected.
    active: ActiveChain,
    coins: Coins,
    /// Connected blocks whose scripts are being checked, oldest first.
    pending: VecDeque<Pending>,
    /// Checks scripts.
    pool: Pool,
    /// Reads and decodes blocks ahead.
    decoders: Arc<ThreadPool>,
    verified: Arc<verified::Cache>,
    events: VecDeque<ChainEvent>,
    /// Whether an error came in the midst of a change.
    stopped: bool,
}

impl Chain {
    /// Returns the network's rules.
    #[must_use]
    pub const fn params(&self) -> &Arc<Params> {
        &self.params
    }

    /// Returns every known header.
    #[must_use]
    pub const fn headers(&self) -> &HeaderTree {
        &self.tree
    }

    /// Returns the connected chain. Its last blocks may still fail, see [`Chain::settle`].
    #[must_use]
    pub const fn active(&self) -> &ActiveChain {
        &self.active
    }

    /// Returns the last connected block.
    #[must_use]
    pub fn tip(&self) -> HeaderId {
        self.active.tip()
    }

    /// Returns the hash of the last connected block.
    #[must_use]
    pub fn tip_hash(&self) -> BlockHash {
        self.tree.hash(self.tip())
    }

    /// Returns the height of the last connected block.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.active.height()
    }

    /// Returns the transactions of the connected chain, genesis' included.
    #[must_use]
    pub fn tx_count(&self) -> u64 {
        self.state(self.tip()).chain_tx_count
    }

    /// Returns what is known of a block besides its header.
    #[must_use]
    pub fn status(&self, id: HeaderId) -> BlockStatus {
        let known = self.state(id).status - (BlockStatus::FAILED | BlockStatus::FAILED_CHILD);
        // The tree knows what follows for descendants; the disk need not.
        match self.tree.validity(id) {
            Validity::Valid => known,
            Validity::Failed => known | BlockStatus::FAILED,
            Validity::FailedChild => known | BlockStatus::FAILED_CHILD,
        }
    }

    /// Returns whether a block's data and, if it was connected, its undo data are on disk.
    #[must_use]
    pub fn has_data(&self, id: HeaderId) -> (bool, bool) {
        let state = self.state(id);
        (state.block.is_some() || id == HeaderId::GENESIS, state.undo.is_some())
    }

    /// Returns whether every block from genesis to this one has been seen.
    #[must_use]
    pub fn is_complete(&self, id: HeaderId) -> bool {
        self.state(id).chain_tx_count > 0
    }

    /// Returns the transactions of a block, 0 if it has not been seen, and those from genesis up to it.
    #[must_use]
    pub fn transaction_counts(&self, id: HeaderId) -> (u32, u64) {
        let state = self.state(id);
        (state.tx_count, state.chain_tx_count)
    }

    /// Returns the list of scripts known to pass, for whoever checks transactions before they are in a block.
    #[must_use]
    pub const fn verified(&self) -> &Arc<verified::Cache> {
        &self.verified
    }

    /// Returns the files and the store.
    #[must_use]
    pub const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Returns the memory the coins take, bytes.
    #[must_use]
    pub fn coins_memory(&self) -> usize {
        self.coins.cache().memory_bytes()
    }

    /// Takes what happened since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<ChainEvent> {
        std::mem::take(&mut self.events).into()
    }

    fn tell(&mut self, event: ChainEvent) {
        if self.events.len() >= EVENTS_MAX {
            self.events.clear();
            self.events.push_back(ChainEvent::Missed);
        }
        self.events.push_back(event);
    }

    /// Refuses to go on after an error that came in the midst of a change.
    const fn check_sound(&self) -> Result<(), ChainError> {
        if self.stopped { Err(ChainError::Stopped) } else { Ok(()) }
    }

    /// Stops the chain if a change was not done to its end.
    fn watch<T>(&mut self, outcome: Result<T, ChainError>) -> Result<T, ChainError> {
        self.stopped |= outcome.is_err();
        outcome
    }

    fn rank(&self, id: HeaderId) -> Rank {
        (self.tree.work(id), Reverse(self.state(id).sequence))
    }

    fn state(&self, id: HeaderId) -> BlockState {
        self.blocks.get(id.index()).copied().unwrap_or_default()
    }

    /// Returns what is known of a block, to change what the disk does not keep.
    fn state_mut(&mut self, id: HeaderId) -> &mut BlockState {
        if self.blocks.len() <= id.index() {
            self.blocks.resize(id.index() + 1, BlockState::default());
        }
        &mut self.blocks[id.index()]
    }

    /// Changes what is known of a block; the index follows with the next flush.
    fn change(&mut self, id: HeaderId, change: impl FnOnce(&mut BlockState)) {
        change(self.state_mut(id));
        self.changed.extend(u32::try_from(id.index()));
    }
}
