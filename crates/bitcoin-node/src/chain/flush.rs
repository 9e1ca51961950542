//! Putting the chain on disk, in the order that a crash at any moment forgives.
//!
//! ```text
//!   1. settle: no connected block's scripts are outstanding
//!   2. block and undo files are synced, and the changed entries of the index committed with how far the files go
//!   3. changed coins, and with the last of their commits the block they are of
//! ```
//!
//! The index may be ahead of the coins, never behind; the files may be ahead of both. See [`crate::storage`].

use bitcoin::hashes::Hash as _;
use quintet_bitcoin_protocol::{block::encode_header, header::HeaderId};
use quintet_utxo::After;

use super::{Chain, ChainError};
use crate::storage::{IndexEntry, Indexed};

/// Entries of the index that one commit takes: about 16 MB.
const ENTRIES_PER_COMMIT: usize = 100_000;

impl Chain {
    /// Puts everything on disk. What was connected stays connected after a crash.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn flush(&mut self) -> Result<(), ChainError> {
        self.settle()?;
        let flushed = self.flush_settled(After::Keep);
        self.watch(flushed)
    }

    /// Brings every block to where it outlives this process, though not a power cut: before somebody is told that it was taken.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn write_out(&mut self) -> Result<(), ChainError> {
        let written = self.storage.write_out().map_err(ChainError::from);
        self.watch(written)
    }

    /// Puts everything on disk if the coins have used up their memory.
    pub(super) fn flush_if_full(&mut self) -> Result<(), ChainError> {
        if !self.coins.cache().should_flush() {
            return Ok(());
        }
        let flushed = self.drain().and_then(|()| self.flush_settled(After::Drop));
        self.watch(flushed)
    }

    /// Nothing is pending.
    pub(super) fn flush_settled(&mut self, after: After) -> Result<(), ChainError> {
        debug_assert!(self.pending.is_empty(), "scripts are outstanding");
        self.flush_index()?;
        let tip = self.tip_hash().to_byte_array();
        let report = self.coins.cache_mut().flush(tip, |_| (), after)?;
        tracing::debug!(
            height = self.height(),
            written = report.written,
            deleted = report.deleted,
            "flushed the coins"
        );
        Ok(())
    }

    /// Writes the index if so much of it has changed that it should not wait for the coins.
    pub(super) fn flush_index_if_large(&mut self) -> Result<(), ChainError> {
        if self.changed.len() < ENTRIES_PER_COMMIT {
            return Ok(());
        }
        let flushed = self.flush_index();
        self.watch(flushed)
    }

    /// Syncs the files and writes the changed entries of the index.
    pub(super) fn flush_index(&mut self) -> Result<(), ChainError> {
        loop {
            let numbers: Vec<u32> = self.changed.iter().take(ENTRIES_PER_COMMIT).copied().collect();
            // Until the last part is written, a crash leaves blocks without an entry: they are to be looked at again.
            let indexed = match self.indexed_to {
                _ if numbers.len() < self.changed.len() => Indexed::AsBefore,
                Some(position) => Indexed::UpTo(position),
                None => Indexed::All,
            };
            let mut flush = self.storage.begin_flush_of(indexed)?;
            for &number in &numbers {
                if let Some(id) = self.tree.id(number as usize) {
                    flush.put_entry(number, &self.entry(id))?;
                }
            }
            self.storage.commit(flush)?;
            for number in &numbers {
                self.changed.remove(number);
            }
            if self.changed.is_empty() {
                return Ok(());
            }
        }
    }

    pub(super) fn entry(&self, id: HeaderId) -> IndexEntry {
        let state = self.state(id);
        IndexEntry {
            header: encode_header(&self.tree.header(id)),
            status: state.status,
            tx_count: state.tx_count,
            block: state.block,
            undo: state.undo,
        }
    }
}
