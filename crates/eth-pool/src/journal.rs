//! Local transactions on disk, so that what a client handed in outlives a restart.
//!
//! A row is written when a local transaction is taken and deleted when it is mined or gone, in a batch of the caller's: whether an
//! acknowledgement waits for the disk is the caller's choice of durability. What is read back goes through [`Pool::add`] like anything
//! else.
//!
//! [`Pool::add`]: crate::Pool::add

use alloy_primitives::B256;
use quintet_store::{Batch, Snapshot, StoreError, Table};

use crate::transaction::PoolTransaction;

/// Most rows read back; what lies behind it is left.
pub const JOURNAL_ROWS_MAX: usize = 1 << 17;

/// Local transactions by their order of arrival: hash, then the bytes as they travel.
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

/// Adds a local transaction to a batch; `arrival` grows from one to the next, as a time in microseconds does.
pub fn put(batch: &mut Batch, transaction: &PoolTransaction, arrival: u64) {
    batch.put(&LOCAL, &transaction.hash().0, &(arrival, transaction.network_encoding()));
}

/// Takes a transaction out of the journal; nothing happens if it is not there.
pub fn delete(batch: &mut Batch, hash: &B256) {
    batch.delete(&LOCAL, &hash.0);
}

/// Returns what is in the journal, in the order of arrival.
///
/// # Errors
///
/// [`StoreError`] if the disk cannot be read.
pub fn read(snapshot: &Snapshot) -> Result<Vec<Journaled>, StoreError> {
    let mut rows = Vec::new();
    for row in snapshot.range(&LOCAL, ..)?.take(JOURNAL_ROWS_MAX) {
        let (hash, (arrival, bytes)) = row?;
        rows.push((arrival, Journaled { hash: B256::new(hash), bytes }));
    }
    rows.sort_by_key(|(arrival, _)| *arrival);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}
