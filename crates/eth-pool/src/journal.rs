//! Local transactions on disk, so that what a client handed in outlives a restart, and a killed process.
//!
//! ```text
//!   taken, and still waiting ──► keep ──► row
//!   mined, replaced, gone ─────► forget ─► no row
//!   next start ────────────────► open ───► rows in the order of arrival ──► Pool::add, like anything else
//! ```
//!
//! # Invariants
//!
//! - At most [`JOURNAL_ROWS_MAX`] rows; what comes above waits in memory alone.
//! - A commit is buffered: a killed process loses nothing, a power cut what came last.

use alloy_primitives::{B256, map::B256Set};
use quintet_store::{Batch, Durability, Store, StoreError, Table};

use crate::transaction::PoolTransaction;

/// Most rows.
pub const JOURNAL_ROWS_MAX: usize = 1 << 17;

/// Local transactions by their hash: when they came, then the bytes as they travel.
///
/// The order matters: of one sender the first nonces must come back first, or the others wait as queued ones and meet their limit.
const LOCAL: Table<[u8; 32], (u64, Vec<u8>)> = Table::new("pool_local");

/// A transaction read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journaled {
    /// Its hash as the row says it.
    pub hash: B256,
    /// As it travels.
    pub bytes: Vec<u8>,
}

/// The journal of a pool, in a store that may hold its owner's tables too.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    /// What has a row.
    held: B256Set,
    /// Grows from one row to the next.
    arrival: u64,
}

impl Journal {
    /// Opens the journal, and returns what is in it in the order of arrival.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk cannot be read.
    pub fn open(store: Store) -> Result<(Self, Vec<Journaled>), StoreError> {
        let mut rows = Vec::new();
        for row in store.snapshot()?.range(&LOCAL, ..)?.take(JOURNAL_ROWS_MAX) {
            let (hash, (arrival, bytes)) = row?;
            rows.push((arrival, Journaled { hash: B256::new(hash), bytes }));
        }
        rows.sort_by_key(|(arrival, _)| *arrival);
        let arrival = rows.last().map_or(0, |(arrival, _)| arrival.saturating_add(1));
        let held = rows.iter().map(|(_, row)| row.hash).collect();
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Ok((Self { store, held, arrival }, rows))
    }

    /// Keeps a transaction; false if there is no room.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn keep(&mut self, transaction: &PoolTransaction) -> Result<bool, StoreError> {
        let hash = transaction.hash();
        if self.held.contains(&hash) {
            return Ok(true);
        }
        if self.held.len() >= JOURNAL_ROWS_MAX {
            return Ok(false);
        }
        let mut batch = Batch::new();
        batch.put(&LOCAL, &hash.0, &(self.arrival, transaction.network_encoding()));
        self.store.commit(batch, Durability::Buffered)?;
        self.arrival = self.arrival.saturating_add(1);
        self.held.insert(hash);
        Ok(true)
    }

    /// Takes transactions out; nothing happens to those that are not in it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if that cannot be written.
    pub fn forget(&mut self, hashes: impl IntoIterator<Item = B256>) -> Result<(), StoreError> {
        if self.held.is_empty() {
            return Ok(());
        }
        let gone: Vec<B256> = hashes.into_iter().filter(|hash| self.held.contains(hash)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for hash in &gone {
            batch.delete(&LOCAL, &hash.0);
        }
        self.store.commit(batch, Durability::Buffered)?;
        for hash in &gone {
            self.held.remove(hash);
        }
        Ok(())
    }

    /// What is in it.
    pub fn hashes(&self) -> impl Iterator<Item = &B256> {
        self.held.iter()
    }
}
