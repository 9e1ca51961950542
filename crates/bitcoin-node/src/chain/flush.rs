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
use crate::storage::IndexEntry;

/// Entries of the index that one commit takes: about 16 MB.
const ENTRIES_PER_COMMIT: usize = 100_000;

impl Chain {
    /// Puts everything on disk. What was connected stays connected after a crash.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn flush(&mut self) -> Result<(), ChainError> {
        self.flush_with(After::Keep)
    }

    /// Puts everything on disk if the coins have used up their memory.
    pub(super) fn flush_if_full(&mut self) -> Result<(), ChainError> {
        if self.coins.cache().should_flush() { self.flush_with(After::Drop) } else { Ok(()) }
    }

    fn flush_with(&mut self, after: After) -> Result<(), ChainError> {
        self.settle()?;
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

    /// Syncs the files and writes the changed entries of the index.
    pub(super) fn flush_index(&mut self) -> Result<(), ChainError> {
        loop {
            let numbers: Vec<u32> = self.changed.iter().take(ENTRIES_PER_COMMIT).copied().collect();
            let mut flush = self.storage.begin_flush()?;
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

    fn entry(&self, id: HeaderId) -> IndexEntry {
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
