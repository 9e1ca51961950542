//! Unspent outputs by who may spend them: the UTXO index.
//!
//! ```text
//!   on disk    script ‖ outpoint ──► amount, score, flags       the set of a chain block, the tip
//!   in memory  diff from there to the sink                      written every few seconds, after the ledger was made durable
//!              diff from there to the virtual block             what is shown is all three
//! ```
//!
//! The rows move in one batch with the tip in it, and only to where the ledger is durable already. So whatever a crash takes away, consensus
//! knows the tip when it is back, and the index goes on from there by the records of the chain. A tip that was pruned, because
//! the index was not kept for so long, means: anew, from the pruning point's set up.
//!
//! # Invariants
//!
//! - Rows are the UTXO set of the tip, exactly; the supply is the sum of their amounts.
//! - The tip is never ahead of what the ledger has made durable.
//! - What is shown is of one virtual block: rows and diffs change under one lock, and one thread follows.
//!
//! Reference: `indexes/utxoindex`.

mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quintet_kaspa_protocol::{
    state::{UtxoDiff, UtxoMap},
    tx::{Outpoint, ScriptPublicKey, UtxoEntry},
};
use quintet_primitives::Hash256;
use quintet_store::{Batch, Durability, Schema, Store, StoreError, StoreOptions, Table};
use thiserror::Error;
use tracing::info;

use crate::consensus::{Consensus, ConsensusError, VirtualState};
use rows::{Entry, Key, key, outpoint_of, script_bytes};

/// The schema of an index's store.
pub const INDEX_SCHEMA: Schema = Schema { name: "kaspa-utxo-index", version: 1, migrations: &[] };

const ROWS: Table<Key, Entry> = Table::new("utxos");
const META: Table<u8, [u8; 32]> = Table::new("meta");
const SUPPLY: Table<u8, u64> = Table::new("supply");

const TIP: u8 = 0;
const GENESIS: u8 = 1;

/// Entries written at once, and chain blocks walked at once.
const STEP: usize = 4096;

/// How often the rows are brought up to the sink, and what may be in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritePolicy {
    /// Time between two writes, at least.
    pub every: Duration,
    /// Entries of the diff from which on it is written at once.
    pub entries_max: usize,
    /// What the store's engine may cache, bytes.
    pub cache_bytes: usize,
}

impl Default for WritePolicy {
    /// Every 5 seconds, or at 65,536 entries: some ten megabytes; a cache of 32 MiB.
    fn default() -> Self {
        Self { every: Duration::from_secs(5), entries_max: 1 << 16, cache_bytes: 32 << 20 }
    }
}

/// Attempts to read the pruning point's set while the pruning point moves.
const ATTEMPTS_MAX: usize = 4;

/// Why the index cannot go on.
#[derive(Debug, Error)]
pub enum IndexError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Consensus failed.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// The store is another network's.
    #[error(
        "expected an index of genesis {expected}, it is of {actual}; remove it or name another directory"
    )]
    OtherGenesis {
        /// The network's.
        expected: Hash256,
        /// The index's.
        actual: Hash256,
    },
    /// The pruning point moved again and again while its set was read.
    #[error(
        "expected the pruning point to stand while its set is read, it moved {attempts} times; start again"
    )]
    PruningPointMoves {
        /// Attempts made.
        attempts: usize,
    },
}

#[derive(Debug)]
struct Shown {
    /// The chain block whose set the rows are.
    written: Hash256,
    /// The sum of the rows' amounts.
    supply: u64,
    /// The chain block the index stands at.
    tip: Hash256,
    /// From the rows to the set of the tip.
    pending: UtxoDiff,
    /// From there to the virtual block's.
    diff: Arc<UtxoDiff>,
    /// When the rows were written.
    since: Instant,
}

impl Shown {
    fn at(tip: Hash256, supply: u64) -> Self {
        let (pending, diff) = (UtxoDiff::new(), Arc::default());
        Self { written: tip, supply, tip, pending, diff, since: Instant::now() }
    }

    /// Returns the sum of the amounts with diffs on top of the rows.
    fn supply_with(&self, diffs: &[&UtxoDiff]) -> u64 {
        let sum = |map: &UtxoMap| map.values().map(|entry| i128::from(entry.amount)).sum::<i128>();
        let moved = diffs.iter().map(|diff| sum(diff.added()) - sum(diff.removed()));
        u64::try_from(i128::from(self.supply) + moved.sum::<i128>()).unwrap_or(0)
    }
}

/// The index.
#[derive(Debug)]
pub struct UtxoIndex {
    store: Store,
    consensus: Arc<Consensus>,
    policy: WritePolicy,
    shown: RwLock<Shown>,
    begun_anew: AtomicU64,
}

impl UtxoIndex {
    /// Opens the index in a directory and brings it up to the virtual block.
    ///
    /// # Errors
    ///
    /// [`IndexError`].
    pub fn open(
        directory: &Path,
        consensus: Arc<Consensus>,
        policy: WritePolicy,
    ) -> Result<Self, IndexError> {
        let options = StoreOptions::for_state(policy.cache_bytes);
        Self::with(Store::open(directory, &INDEX_SCHEMA, &options)?, consensus, policy)
    }

    /// The same over a store that is open.
    ///
    /// # Errors
    ///
    /// [`IndexError`].
    pub fn with(
        store: Store,
        consensus: Arc<Consensus>,
        policy: WritePolicy,
    ) -> Result<Self, IndexError> {
        let expected = consensus.params().genesis.header().hash();
        match store.get(&META, &GENESIS)?.map(Hash256::new) {
            Some(actual) if actual != expected => {
                return Err(IndexError::OtherGenesis { expected, actual });
            }
            Some(_) => {}
            None => {
                let mut batch = Batch::new();
                batch.put(&META, &GENESIS, expected.as_bytes());
                store.commit(batch, Durability::Sync)?;
            }
        }
        let tip = store.get(&META, &TIP)?.map(Hash256::new).unwrap_or_default();
        let supply = store.get(&SUPPLY, &TIP)?.unwrap_or(0);
        let shown = RwLock::new(Shown::at(tip, supply));
        let index = Self { store, consensus, policy, shown, begun_anew: AtomicU64::new(0) };
        let now = index.consensus.virtual_state();
        index.follow(&now)?;
        Ok(index)
    }

    /// Brings the index to a virtual block.
    ///
    /// # Errors
    ///
    /// [`IndexError`].
    pub fn follow(&self, now: &VirtualState) -> Result<(), IndexError> {
        let sink = now.sink_hash();
        loop {
            let tip = self.read().tip;
            let Some(path) = self.consensus.chain_from(&tip, STEP) else {
                self.rebuild()?;
                continue;
            };
            // The sink may have moved on since: no further than `now`.
            let end = path.added.iter().position(|block| *block == sink);
            let to = match end {
                _ if tip == sink => sink,
                Some(end) => path.added.get(end).copied().unwrap_or(sink),
                None => path.added.last().copied().unwrap_or(sink),
            };
            let Some(diff) = self.consensus.chain_diff(&tip, &to)? else {
                self.rebuild()?;
                continue;
            };
            let above = if to == sink { Arc::clone(&now.diff) } else { Arc::default() };
            self.step(to, &diff, above)?;
            self.write_if_due()?;
            if to == sink {
                return Ok(());
            }
            if path.added.is_empty() && path.removed.is_empty() {
                // A sink that was left again already: the next call has the one of now.
                return Ok(());
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown_mut(&self) -> RwLockWriteGuard<'_, Shown> {
        self.shown.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, to: Hash256, diff: &UtxoDiff, above: Arc<UtxoDiff>) -> Result<(), IndexError> {
        let mut shown = self.shown_mut();
        shown.pending.then(diff).map_err(ConsensusError::from)?;
        shown.tip = to;
        shown.diff = above;
        Ok(())
    }

    fn write_if_due(&self) -> Result<(), IndexError> {
        let is_due = {
            let shown = self.read();
            shown.written != shown.tip
                && (shown.pending.len() >= self.policy.entries_max
                    || shown.since.elapsed() >= self.policy.every)
        };
        if is_due { self.write() } else { Ok(()) }
    }

    /// Brings the rows up to the tip.
    fn write(&self) -> Result<(), IndexError> {
        // The order is what this index lives by: a tip that the ledger could lose would mean to begin anew.
        self.consensus.flush()?;
        let mut shown = self.shown_mut();
        let mut batch = Batch::new();
        // What goes first: one outpoint may go with one entry and come with another.
        for (outpoint, entry) in shown.pending.removed() {
            batch.delete(&ROWS, &key(&entry.script_public_key, outpoint));
        }
        for (outpoint, entry) in shown.pending.added() {
            batch.put(&ROWS, &key(&entry.script_public_key, outpoint), &Entry::of(entry));
        }
        let supply = shown.supply_with(&[&shown.pending]);
        batch.put(&META, &TIP, shown.tip.as_bytes());
        batch.put(&SUPPLY, &TIP, &supply);
        self.store.commit(batch, Durability::Buffered)?;
        let diff = Arc::clone(&shown.diff);
        *shown = Shown { diff, ..Shown::at(shown.tip, supply) };
        Ok(())
    }

    /// Begins anew with the pruning point's set.
    fn rebuild(&self) -> Result<(), IndexError> {
        self.begun_anew.fetch_add(1, Ordering::Relaxed);
        for _ in 0..ATTEMPTS_MAX {
            let point = self.consensus.pruning_point();
            info!(%point, "the utxo index begins anew");
            let mut batch = Batch::new();
            batch.put(&META, &TIP, Hash256::default().as_bytes());
            self.store.commit(batch, Durability::Sync)?;
            loop {
                let mut batch = Batch::new();
                let snapshot = self.store.snapshot()?;
                if batch.delete_range(&snapshot, &ROWS, .., STEP)? == 0 {
                    break;
                }
                self.store.commit(batch, Durability::Buffered)?;
            }
            let (mut after, mut supply) = (None, 0_u64);
            loop {
                let entries = self.consensus.pruning_point_utxos(after, STEP)?;
                let Some((last, _)) = entries.last() else { break };
                after = Some(*last);
                let mut batch = Batch::new();
                for (outpoint, entry) in &entries {
                    supply = supply.saturating_add(entry.amount);
                    let row = Entry::of(entry);
                    batch.put(&ROWS, &key(&entry.script_public_key, outpoint), &row);
                }
                self.store.commit(batch, Durability::Buffered)?;
            }
            if self.consensus.pruning_point() != point {
                continue;
            }
            let mut shown = self.shown_mut();
            let mut batch = Batch::new();
            batch.put(&META, &TIP, point.as_bytes());
            batch.put(&SUPPLY, &TIP, &supply);
            self.store.commit(batch, Durability::Sync)?;
            *shown = Shown::at(point, supply);
            return Ok(());
        }
        Err(IndexError::PruningPointMoves { attempts: ATTEMPTS_MAX })
    }

    /// Returns what scripts may spend, in the virtual block's set.
    ///
    /// # Errors
    ///
    /// [`IndexError`].
    pub fn utxos(
        &self,
        scripts: &BTreeSet<ScriptPublicKey>,
    ) -> Result<Vec<(Outpoint, UtxoEntry)>, IndexError> {
        let shown = self.read();
        let snapshot = self.store.snapshot()?;
        let mut found = Vec::new();
        for script in scripts {
            for row in snapshot.prefix(&ROWS, &script_bytes(script))? {
                let ((_, bytes), entry) = row?;
                let outpoint = outpoint_of(&bytes);
                let is_gone = |diff: &UtxoDiff| diff.removed().contains_key(&outpoint);
                if !is_gone(&shown.pending) && !is_gone(&shown.diff) {
                    found.push((outpoint, entry.with(script)));
                }
            }
        }
        let (pending, above) = (shown.pending.added().iter(), shown.diff.added().iter());
        let left = pending.filter(|(outpoint, _)| !shown.diff.removed().contains_key(outpoint));
        let mine =
            left.chain(above).filter(|(_, entry)| scripts.contains(&entry.script_public_key));
        found.extend(mine.map(|(outpoint, entry)| (*outpoint, entry.clone())));
        Ok(found)
    }

    /// Returns the sum of all amounts in the virtual block's set.
    #[must_use]
    pub fn supply(&self) -> u64 {
        let shown = self.read();
        shown.supply_with(&[&shown.pending, &shown.diff])
    }

    /// Returns how often the index began anew with the pruning point's set since it was opened.
    #[must_use]
    pub fn begun_anew(&self) -> u64 {
        self.begun_anew.load(Ordering::Relaxed)
    }

    /// Returns the chain block that the index stands at.
    #[must_use]
    pub fn tip(&self) -> Hash256 {
        self.read().tip
    }

    /// Brings the rows up to the tip and makes everything durable.
    ///
    /// # Errors
    ///
    /// [`IndexError`].
    pub fn flush(&self) -> Result<(), IndexError> {
        self.write()?;
        Ok(self.store.flush()?)
    }
}
