//! The state on disk: flat tables to read from, tries to prove with, diffs to go back with.
//!
//! ```text
//!                        ┌─ accounts, slots, codes     flat, by hash        reads
//!   StateChanges         │
//!     │ root_of          ├─ nodes of tries             by path              roots, proofs
//!     ▼                  │
//!   Update ──commit──► one batch, with the caller's own (blocks, index)
//!                        ├─ diff of the block          last N blocks        views and proofs of recent blocks, revert
//!                        ├─ history                    archive only         views of any block
//!                        └─ head                       number, hash, root
//! ```
//!
//! Records lie under the hashes of addresses and slots, as tries have them: a scan is in the order of the trie, and nothing is
//! hashed twice. What was before a block lies in its diff; a view of a recent block looks through the diffs above it.
//!
//! # Invariants
//!
//! - Head, flat state, tries and diffs change in one batch. After a crash they agree, whatever was lost.
//! - One writer at a time; an [`Update`] commits on the state it was computed on or not at all.
//! - A [`StateReader`] reads one state for ever, whatever is committed meanwhile.
//! - Memory is bounded: caches by [`StateOptions`], everything else by the changes of one block or of the blocks gone back over.

mod cache;
mod changes;
mod check;
mod commit;
mod diff;
mod error;
mod history;
mod nodes;
mod reader;
mod snapshot;
mod tables;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use alloy_primitives::{B256, Bytes, U256};
use quintet_store::{MemoryEngine, Snapshot, Store};

use self::{cache::Cache, diff::Diff, nodes::NodePlace, tables::HEAD};
pub use self::{
    changes::Update, check::StateCheck, commit::BlockId, error::StateError, reader::StateReader,
    snapshot::SnapshotSummary,
};
use super::AccountLeaf;

/// Blocks to go back, if nobody says otherwise.
pub const HISTORY_BLOCKS_DEFAULT: u64 = 128;

/// Diffs kept in memory for views of recent blocks, bytes.
const DIFF_CACHE_BYTES: usize = 16 << 20;

/// How a state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateOptions {
    /// Blocks whose state can be read, proved and gone back to.
    pub history_blocks: u64,
    /// Whether the state of every block committed can be read.
    pub archive: bool,
    /// Memory for nodes of tries, bytes.
    pub node_cache_bytes: usize,
    /// Memory for accounts and slots, bytes.
    pub flat_cache_bytes: usize,
    /// Memory for code, bytes.
    pub code_cache_bytes: usize,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self {
            history_blocks: HISTORY_BLOCKS_DEFAULT,
            archive: false,
            node_cache_bytes: 48 << 20,
            flat_cache_bytes: 24 << 20,
            code_cache_bytes: 8 << 20,
        }
    }
}

/// The block whose state is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The root of its state.
    pub root: B256,
}

/// What is in memory; see [`cache`].
#[derive(Debug)]
struct Caches {
    accounts: Cache<B256, Option<AccountLeaf>>,
    slots: Cache<(B256, B256), U256>,
    nodes: Cache<NodePlace, Option<Bytes>>,
    codes: Cache<B256, Bytes>,
    /// By branch and number.
    diffs: Mutex<BTreeMap<(u64, u64), Arc<Diff>>>,
}

/// The newest state, as readers take it.
#[derive(Debug, Clone)]
struct Latest {
    /// `None` during a commit on an engine that copies what a snapshot holds.
    snapshot: Option<Snapshot>,
    head: Option<Head>,
    /// Which state the caches are of. Grows with each commit.
    epoch: u64,
    /// Which blocks diffs in memory are of. Grows with each revert, after which a number names another block.
    branch: u64,
}

/// A state in a store, which may hold the caller's tables too.
#[derive(Debug)]
pub struct StateStore {
    store: Store,
    options: StateOptions,
    caches: Arc<Caches>,
    latest: RwLock<Latest>,
    writer: Mutex<()>,
}

impl StateStore {
    /// Opens the state in `store`.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be read.
    pub fn open(store: Store, options: StateOptions) -> Result<Self, StateError> {
        let snapshot = store.snapshot()?;
        let head = snapshot.get(&HEAD, &())?;
        let caches = Caches {
            accounts: Cache::new(options.flat_cache_bytes / 2, |_| 0),
            slots: Cache::new(options.flat_cache_bytes / 2, |_| 0),
            nodes: Cache::new(options.node_cache_bytes, |node| {
                node.as_ref().map_or(0, |rlp| rlp.len())
            }),
            codes: Cache::new(options.code_cache_bytes, |code| code.len()),
            diffs: Mutex::default(),
        };
        let state = Self {
            store,
            options,
            caches: Arc::new(caches),
            latest: RwLock::new(Latest { snapshot: Some(snapshot), head, epoch: 0, branch: 0 }),
            writer: Mutex::default(),
        };
        state.prune()?;
        // Readers see what pruning left.
        let pruned = state.store.snapshot()?;
        state.latest.write().unwrap_or_else(PoisonError::into_inner).snapshot = Some(pruned);
        Ok(state)
    }

    /// The store beneath, for the caller's own tables.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The block whose state is held; none in a new store.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).head
    }

    /// The oldest block whose state can be read; none in a new store.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be read.
    pub fn oldest(&self) -> Result<Option<u64>, StateError> {
        let latest = self.latest()?;
        latest.head.map(|head| self.first_kept(&latest, head.number)).transpose()
    }

    /// Reads the newest state.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be read.
    pub fn view(&self) -> Result<StateReader, StateError> {
        let latest = self.latest()?;
        let at = latest.head.map_or(0, |head| head.number);
        Ok(StateReader::new(latest, Arc::clone(&self.caches), at, false))
    }

    /// Reads the state of a block that is kept.
    ///
    /// # Errors
    ///
    /// [`StateError::NotKept`] if it is not; [`StateError`] if the store cannot be read.
    pub fn view_at(&self, number: u64) -> Result<StateReader, StateError> {
        self.view_in(self.latest()?, number)
    }

    /// Reads the state of another block, as of when `reader` was made.
    ///
    /// # Errors
    ///
    /// As for [`Self::view_at`].
    pub fn view_beside(
        &self,
        reader: &StateReader,
        number: u64,
    ) -> Result<StateReader, StateError> {
        self.view_in(reader.latest().clone(), number)
    }

    fn view_in(&self, latest: WithSnapshot, number: u64) -> Result<StateReader, StateError> {
        let head = latest.head.ok_or(StateError::Empty)?.number;
        let back = head.checked_sub(number);
        let archive = self.options.archive && back > Some(self.options.history_blocks);
        let kept = match back {
            None => false,
            Some(0) => true,
            Some(_) if archive => number >= self.first_kept(&latest, head)?,
            Some(back) => {
                back <= self.options.history_blocks
                    && history::diff(&latest, &self.caches, number + 1).is_ok()
            }
        };
        if !kept {
            let oldest = self.first_kept(&latest, head)?;
            return Err(StateError::NotKept { number, oldest, newest: head });
        }
        Ok(StateReader::new(latest, Arc::clone(&self.caches), number, archive))
    }

    /// Returns the newest state, waiting for a commit to end if it must.
    fn latest(&self) -> Result<WithSnapshot, StateError> {
        let copy = || self.latest.read().unwrap_or_else(PoisonError::into_inner).clone();
        let latest = copy();
        let latest = if latest.snapshot.is_some() {
            latest
        } else {
            let _ended = self.write_lock();
            copy()
        };
        let Latest { snapshot, head, epoch, branch } = latest;
        let snapshot = match snapshot {
            Some(snapshot) => snapshot,
            None => self.store.snapshot()?,
        };
        Ok(WithSnapshot { snapshot, head, epoch, branch })
    }

    /// Forgets everything in memory and begins the state of `epoch`.
    fn renew_caches(&self, epoch: u64) {
        self.caches.accounts.renew(epoch);
        self.caches.slots.renew(epoch);
        self.caches.nodes.renew(epoch);
        self.caches.codes.renew(epoch);
    }

    fn write_lock(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the engine copies tables that a snapshot holds.
    fn snapshots_copy(&self) -> bool {
        self.store.engine_name() == MemoryEngine::NAME
    }
}

/// The newest state with a snapshot to read it from.
#[derive(Debug, Clone)]
struct WithSnapshot {
    snapshot: Snapshot,
    head: Option<Head>,
    epoch: u64,
    branch: u64,
}
