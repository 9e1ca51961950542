//! Which block a transaction is in: an index of every transaction of the connected chain by its id, kept beside the chain.
//!
//! ```text
//!   kernel ── tip ──► Indexer (a thread): fork with what is indexed ──► next blocks ──► files ──► one batch
//!                                                                                                   │
//!   getrawtransaction ──► TxIndex::find ──► height, place ──► block of the chain ──► is it the one?  ▼
//!                                                                            transactions · blocks (its store)
//! ```
//!
//! The index names a height and a place, and each height's block by its hash. So it needs no order with what the chain has on disk: what
//! it says of blocks that are not the chain's is passed over, and written anew when the chain's own blocks are indexed.
//!
//! # Invariants
//!
//! - A batch holds whole blocks and their hashes: after a crash at any moment the index goes on behind the last one.
//! - Below [`IndexState::height`] every block of the chain is indexed, as far as its hash is the one that was written.
//! - Genesis is not indexed: its one transaction cannot be asked for.
//!
//! **Spec:** Bitcoin Core, `TxIndex`, `BaseIndex`, which keep a file position instead.

mod indexer;

use std::path::{Path, PathBuf};

use bitcoin::{BlockHash, Txid, hashes::Hash as _};
use quintet_store::{
    Batch, Durability, EngineKind, Schema, Store, StoreError, StoreOptions, Table,
};
use tokio::sync::watch;

pub(crate) use indexer::Indexer;
pub use indexer::{IndexError, LOOK_AHEAD};

const SCHEMA: Schema = Schema { name: "bitcoin-txindex", version: 1, migrations: &[] };

/// Height and place of each transaction.
const TRANSACTIONS: Table<[u8; 32], (u32, u32)> = Table::new("transactions");
/// The block that was indexed at each height.
const BLOCKS: Table<u32, [u8; 32]> = Table::new("blocks");

/// Memory for the engine of the index, bytes.
const CACHE_BYTES: usize = 16 << 20;

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexState {
    /// Height of the last block indexed; 0 if there is none.
    pub height: u32,
    /// The last block indexed, if there is one.
    pub hash: Option<BlockHash>,
    /// Whether it has reached the tip once since the start: from then on it follows block by block.
    pub synced: bool,
}

/// Where a transaction is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxPlace {
    /// Height of its block in the connected chain.
    pub height: u32,
    /// How many transactions stand before it.
    pub place: u32,
}

/// The index, for whoever asks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TxIndex {
    store: Store,
    state: watch::Receiver<IndexState>,
}

impl TxIndex {
    /// Returns the folder of the index in that of a network.
    #[must_use]
    pub fn directory(folder: &Path) -> PathBuf {
        folder.join("indexes").join("txindex")
    }

    /// Opens the index in a folder, or makes one; returns who is asked, and who fills it.
    pub(crate) fn open(directory: &Path) -> Result<(Self, Indexer), StoreError> {
        let options = StoreOptions { engine: EngineKind::Fjall, cache_bytes: CACHE_BYTES };
        let store = Store::open(directory, &SCHEMA, &options)?;
        let height = last_height(&store)?;
        let hash = block_at(&store, height)?;
        let (told, state) = watch::channel(IndexState { height, hash, synced: false });
        Ok((Self { store: store.clone(), state }, Indexer::new(store, told)))
    }

    /// Returns how far it is.
    #[must_use]
    pub fn state(&self) -> IndexState {
        *self.state.borrow()
    }

    /// Returns a view of how far it is that follows it.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<IndexState> {
        self.state.clone()
    }

    /// Returns where a transaction was last seen. Its block may have left the chain since: whoever asks compares.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the index cannot be read.
    pub fn find(&self, txid: &Txid) -> Result<Option<TxPlace>, StoreError> {
        let found = self.store.get(&TRANSACTIONS, &txid.to_byte_array())?;
        Ok(found.map(|(height, place)| TxPlace { height, place }))
    }
}

/// Returns the height of the last block indexed, 0 for none.
fn last_height(store: &Store) -> Result<u32, StoreError> {
    let snapshot = store.snapshot()?;
    let last = snapshot.range_rev(&BLOCKS, ..)?.next().transpose()?;
    Ok(last.map_or(0, |(height, _)| height))
}

/// Returns the block indexed at a height.
fn block_at(store: &Store, height: u32) -> Result<Option<BlockHash>, StoreError> {
    Ok(store.get(&BLOCKS, &height)?.map(BlockHash::from_byte_array))
}

/// Forgets the blocks above a height. What it says of their transactions is of no block then.
fn forget_above(store: &Store, height: u32) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for above in height.saturating_add(1)..=last_height(store)? {
        batch.delete(&BLOCKS, &above);
    }
    if batch.is_empty() { Ok(()) } else { store.commit(batch, Durability::Sync) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &Store, heights: impl IntoIterator<Item = u32>) {
        let mut batch = Batch::new();
        for height in heights {
            batch.put(&BLOCKS, &height, &[1; 32]);
        }
        store.commit(batch, Durability::Sync).unwrap();
    }

    #[test]
    fn what_is_indexed_ends_where_it_was_cut() {
        let store = Store::memory(&SCHEMA).unwrap();
        assert_eq!(last_height(&store).unwrap(), 0);
        put(&store, 1..=300);
        assert_eq!(last_height(&store).unwrap(), 300, "heights are in the order of numbers");
        forget_above(&store, 257).unwrap();
        assert_eq!(last_height(&store).unwrap(), 257);
        assert_eq!(block_at(&store, 258).unwrap(), None);
        forget_above(&store, 1_000).unwrap();
        assert_eq!(last_height(&store).unwrap(), 257);
    }
}
