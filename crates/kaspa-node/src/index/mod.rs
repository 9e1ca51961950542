//! Unspent outputs by who may spend them: the UTXO index.
//!
//! ```text
//!   on disk   script ‖ outpoint ──► amount, score, flags        the set of a chain block, the tip
//!   in memory diff of the virtual block on top                  what is shown is both
//! ```
//!
//! Every move of the tip is one batch with the tip in it. A tip that consensus does not know, or that was pruned, means: anew, from the pruning point's set
//! up. That happens after a power cut at worst, for consensus may have lost blocks that the index had seen.
//!
//! # Invariants
//!
//! - Rows are the UTXO set of the tip, exactly; the supply is the sum of their amounts.
//! - What is shown is of one virtual block: rows and diff change under one lock.
//!
//! Reference: `indexes/utxoindex`.

mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use quintet_kaspa_protocol::{
    state::UtxoDiff,
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

/// What the store's engine may cache, bytes.
const CACHE_BYTES: usize = 32 << 20;

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
    tip: Hash256,
    supply: u64,
    diff: Arc<UtxoDiff>,
}

/// The index.
#[derive(Debug)]
pub struct UtxoIndex {
    store: Store,
    consensus: Arc<Consensus>,
    shown: RwLock<Shown>,
}

impl UtxoIndex {
    /// Opens the index in a directory and brings it up to the virtual block.
    ///
    /// # Errors
    ///
    /// [`IndexError`].
    pub fn open(directory: &Path, consensus: Arc<Consensus>) -> Result<Self, IndexError> {
        Self::with(
            Store::open(directory, &INDEX_SCHEMA, &StoreOptions::for_state(CACHE_BYTES))?,
            consensus,
        )
    }

    /// The same over a store that is open.
    ///
    /// # Errors
    ///
    /// [`IndexError`].
    pub fn with(store: Store, consensus: Arc<Consensus>) -> Result<Self, IndexError> {
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
        let shown = RwLock::new(Shown { tip, supply, diff: Arc::new(UtxoDiff::new()) });
        let index = Self { store, consensus, shown };
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
            let shown = if to == sink { Arc::clone(&now.diff) } else { Arc::default() };
            self.step(to, &diff, shown)?;
            if to == sink {
                return Ok(());
            }
            if path.added.is_empty() && path.removed.is_empty() {
                // A sink that was left again already: the next call has the one of now.
                return Ok(());
            }
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, to: Hash256, diff: &UtxoDiff, above: Arc<UtxoDiff>) -> Result<(), IndexError> {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let mut supply = i128::from(shown.supply);
        if shown.tip != to {
            let mut batch = Batch::new();
            // What goes first: one outpoint may go with one entry and come with another.
            for (outpoint, entry) in diff.removed() {
                supply -= i128::from(entry.amount);
                batch.delete(&ROWS, &key(&entry.script_public_key, outpoint));
            }
            for (outpoint, entry) in diff.added() {
                supply += i128::from(entry.amount);
                let row = Entry::of(entry);
                batch.put(&ROWS, &key(&entry.script_public_key, outpoint), &row);
            }
            let supply = u64::try_from(supply).unwrap_or(0);
            batch.put(&META, &TIP, to.as_bytes());
            batch.put(&SUPPLY, &TIP, &supply);
            self.store.commit(batch, Durability::Buffered)?;
            shown.tip = to;
            shown.supply = supply;
        }
        shown.diff = above;
        Ok(())
    }

    /// Begins anew with the pruning point's set.
    fn rebuild(&self) -> Result<(), IndexError> {
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
            let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
            let mut batch = Batch::new();
            batch.put(&META, &TIP, point.as_bytes());
            batch.put(&SUPPLY, &TIP, &supply);
            self.store.commit(batch, Durability::Sync)?;
            *shown = Shown { tip: point, supply, diff: Arc::default() };
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
                if !shown.diff.removed().contains_key(&outpoint) {
                    found.push((outpoint, entry.with(script)));
                }
            }
        }
        let above = shown.diff.added().iter();
        let mine = above.filter(|(_, entry)| scripts.contains(&entry.script_public_key));
        found.extend(mine.map(|(outpoint, entry)| (*outpoint, entry.clone())));
        Ok(found)
    }

    /// Returns the sum of all amounts in the virtual block's set.
    #[must_use]
    pub fn supply(&self) -> u64 {
        let shown = self.read();
        let sum = |map: &quintet_kaspa_protocol::state::UtxoMap| {
            map.values().map(|entry| i128::from(entry.amount)).sum::<i128>()
        };
        let supply = i128::from(shown.supply) + sum(shown.diff.added()) - sum(shown.diff.removed());
        u64::try_from(supply).unwrap_or(0)
    }

    /// Returns the chain block whose set the rows are.
    #[must_use]
    pub fn tip(&self) -> Hash256 {
        self.read().tip
    }

    /// Makes everything durable.
    ///
    /// # Errors
    ///
    /// [`IndexError`].
    pub fn flush(&self) -> Result<(), IndexError> {
        Ok(self.store.flush()?)
    }
}
