//! The chain on disk: blocks and undo data in files, the index of blocks and the coins in a store.
//!
//! ```text
//!   <directory>/
//!     blocks/  segment log: serialised blocks in the order of arrival
//!     undo/    segment log: block hash · what disconnecting needs
//!     chain/   store: coins · coins-head (whose they are) · index · meta (how far the files are indexed)
//! ```
//!
//! # What is durable when
//!
//! ```text
//!   accept block ──append──► blocks ┐                       (buffered: nothing is promised)
//!   connect      ──append──► undo   ┤
//!                                   │ 1. begin_flush: sync blocks, sync undo, note both ends
//!                                   ▼
//!                                 Flush ◄── 2. changed index entries
//!                                   │
//!                                   ├─ 3. commit: one synced batch with the noted ends
//!                                   ▼
//!                              coins cache ── 4. flush: changed coins, and with the last of its commits the block T they are of
//! ```
//!
//! The store never says more than the files hold: an entry that points behind the noted ends is refused ([`StorageError::NotSynced`]).
//! The files may hold more than the store says. The coins are never ahead of the index: every block and undo record between the coins'
//! block and the tip of the chain is in the index before the coins move.
//!
//! # After a crash, at any moment
//!
//! The store is as of its last commit: coins of a block T, and a log end E for each file.
//!
//! ```text
//!   blocks   ─────────── indexed ───────────┤E├── whole blocks nobody indexed ──┊ torn: cut by the log
//!   undo     ─────────── indexed ───────────┤E├── cut by Storage::open: written anew when its block is connected anew
//! ```
//!
//! 1. A log that ends in front of its E lost what was synced: [`StorageError::FilesBehind`], and nothing is changed.
//! 2. [`Storage::unindexed_blocks`] gives the blocks behind E; the chain accepts them as if a peer had sent them, with the position they
//!    already have. Nothing is downloaded twice, and no other part of the files is read.
//! 3. [`Head::At`] T: the chain goes on from T, connecting blocks it has. [`Head::Between`]: a flush of several commits was cut short, and
//!    the chain replays it first. Every block and undo record that takes is in front of E, since step 3 comes before step 4.
//!
//! A reindex throws `chain/` and the undo data away and does step 2 from the first block ([`StorageOptions::reindex`]).
//!
//! The layouts are in `docs/formats/bitcoin-chain.md`.

pub mod blk;
mod error;
mod export;
mod files;
mod prune;
mod schema;

use std::path::Path;

use bitcoin::{BlockHash, hashes::Hash as _};
use quintet_store::{
    Batch, Durability, EngineKind, Store, StoreError, StoreOptions,
    segment::{Position, Scan},
};
use quintet_utxo::Head;

pub use error::StorageError;
pub use export::{ExportError, export};
pub use files::{BLOCK_BYTES_MAX, BlockFiles, UNDO_BYTES_MAX};
pub use prune::{KEEP_BLOCKS, PRUNE_TARGET_BYTES_MIN, PrunePlan, PruneTarget};
pub use schema::{BlockStatus, CHAIN_SCHEMA, COIN_TABLES, ENTRIES, IndexEntry, LogEnds};
use schema::{GENESIS, GENESIS_KEY, LOG_ENDS, LOG_ENDS_KEY};

/// The store's directory in a chain's.
const CHAIN_DIRECTORY: &str = "chain";

/// Coins removed with one commit when coins are thrown away, coins.
const CLEAR_COINS: usize = 200_000;

/// How to open a chain's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageOptions {
    /// Engine of the store.
    pub engine: EngineKind,
    /// What the store's engine may cache, bytes.
    pub cache_bytes: usize,
    /// Where a new block or undo file begins, bytes.
    pub segment_bytes_max: u32,
    /// Throw the index, the coins and the undo data away; [`Storage::unindexed_blocks`] then gives every block there is.
    pub reindex: bool,
}

impl StorageOptions {
    /// Returns the defaults with this much cache: fjall, files of 128 MiB.
    #[must_use]
    pub const fn new(cache_bytes: usize) -> Self {
        Self {
            engine: EngineKind::Fjall,
            cache_bytes,
            segment_bytes_max: 128 << 20,
            reindex: false,
        }
    }
}

/// A chain's files and store, open. Cheap to clone, safe to share; one owner flushes.
#[derive(Debug, Clone)]
pub struct Storage {
    store: Store,
    files: BlockFiles,
}

impl Storage {
    /// Opens the chain in `directory`, creating it if it is empty or absent. Undo data that no entry relies on is cut.
    ///
    /// # Errors
    ///
    /// [`StorageError::FilesBehind`] if the files lost what the index relies on, [`StorageError::OtherNetwork`] if the chain begins with
    /// another block, [`StorageError::Store`] if the directory is in use, damaged, newer or unreadable.
    pub fn open(
        directory: &Path,
        genesis: &BlockHash,
        options: &StorageOptions,
    ) -> Result<Self, StorageError> {
        // The files first: their locks keep others from an index that is about to go.
        let files = BlockFiles::open(directory, options.segment_bytes_max)?;
        let chain = directory.join(CHAIN_DIRECTORY);
        if options.reindex {
            remove_directory(&chain)?;
        }
        let engine = StoreOptions { engine: options.engine, cache_bytes: options.cache_bytes };
        let store = Store::open(&chain, &CHAIN_SCHEMA, &engine)?;
        let storage = Self { store, files };
        storage.check_network(genesis)?;
        storage.check_files()?;
        if storage.coins_head()? == Head::Empty {
            storage.clear_coins()?;
        }
        Ok(storage)
    }

    fn check_network(&self, genesis: &BlockHash) -> Result<(), StorageError> {
        match self.store.get(&GENESIS, &GENESIS_KEY)?.map(BlockHash::from_byte_array) {
            Some(actual) if actual != *genesis => {
                Err(StorageError::OtherNetwork { expected: *genesis, actual })
            }
            Some(_) => Ok(()),
            None => {
                let mut batch = Batch::new();
                batch.put(&GENESIS, &GENESIS_KEY, genesis.as_byte_array());
                Ok(self.store.commit(batch, Durability::Sync)?)
            }
        }
    }

    /// Compares the files with what the index relies on, and cuts undo data behind it.
    fn check_files(&self) -> Result<(), StorageError> {
        let found = self.files.ends();
        let relied = self.log_ends()?;
        if found.blocks < relied.blocks {
            let (expected, actual) = (relied.blocks, found.blocks);
            return Err(StorageError::FilesBehind { what: "block", expected, actual });
        }
        if found.undo < relied.undo {
            let (expected, actual) = (relied.undo, found.undo);
            return Err(StorageError::FilesBehind { what: "undo", expected, actual });
        }
        if found.undo > relied.undo {
            self.files.undo().truncate(relied.undo)?;
        }
        Ok(())
    }

    /// Returns up to where the files are indexed: the start of each, while nothing was committed.
    fn log_ends(&self) -> Result<LogEnds, StorageError> {
        let first =
            LogEnds { blocks: self.files.blocks().first(), undo: self.files.undo().first() };
        Ok(self.store.get(&LOG_ENDS, &LOG_ENDS_KEY)?.unwrap_or(first))
    }

    /// Returns the store, for the coins cache and for reading. Entries are written through [`Storage::begin_flush`].
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the files.
    #[must_use]
    pub const fn files(&self) -> &BlockFiles {
        &self.files
    }

    /// Returns which block the coins on disk are those of.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if it cannot be read.
    pub fn coins_head(&self) -> Result<Head, StorageError> {
        Ok(self.store.get(&COIN_TABLES.head, &())?.map(Head::from).unwrap_or_default())
    }

    /// Hands every entry to `each` in the order of acceptance, numbered from 0; returns how many there are, which is the next one's number.
    /// Cost: one sequential scan.
    ///
    /// # Errors
    ///
    /// [`StorageError::IndexGap`] if a number is missing, [`StorageError::Store`] if an entry is damaged; and whatever `each` returns.
    pub fn load_index<E: From<StorageError>>(
        &self,
        mut each: impl FnMut(u32, IndexEntry) -> Result<(), E>,
    ) -> Result<u32, E> {
        let broken = |error: StoreError| E::from(StorageError::from(error));
        let snapshot = self.store.snapshot().map_err(broken)?;
        let mut next = 0;
        for row in snapshot.range(&ENTRIES, ..).map_err(broken)? {
            let (number, entry) = row.map_err(broken)?;
            if number != next {
                return Err(StorageError::IndexGap { expected: next, actual: number }.into());
            }
            each(number, entry)?;
            next = next.checked_add(1).ok_or(StorageError::IndexFull { expected: u32::MAX })?;
        }
        Ok(next)
    }

    /// Returns up to where the block files are indexed.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if it cannot be read.
    pub fn unindexed_from(&self) -> Result<Position, StorageError> {
        Ok(self.log_ends()?.blocks)
    }

    /// Walks the blocks that arrived after the last commit, in the order of arrival: what a restart accepts again.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if the files cannot be read.
    pub fn unindexed_blocks(&self) -> Result<Scan, StorageError> {
        self.files.scan_blocks(self.log_ends()?.blocks)
    }

    /// Hands every block appended so far to the system: it outlives this process, though not a power cut.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if it cannot be written: the files take no more writes.
    pub fn write_out(&self) -> Result<(), StorageError> {
        self.files.write_out()
    }

    /// Makes every block and undo record appended so far durable and begins a flush. Every block appended before must be in the index, or go
    /// into it with this flush.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if the files could not be synced: they take no more writes.
    pub fn begin_flush(&self) -> Result<Flush, StorageError> {
        self.begin_flush_of(Indexed::All)
    }

    /// Like [`Storage::begin_flush`], where not every block appended before is in the index yet.
    ///
    /// # Errors
    ///
    /// As for [`Storage::begin_flush`].
    pub fn begin_flush_of(&self, indexed: Indexed) -> Result<Flush, StorageError> {
        let ends = self.files.sync()?;
        let blocks = match indexed {
            Indexed::All => ends.blocks,
            Indexed::UpTo(position) => position.min(ends.blocks),
            Indexed::AsBefore => self.log_ends()?.blocks,
        };
        let mut batch = Batch::new();
        batch.put(&LOG_ENDS, &LOG_ENDS_KEY, &LogEnds { blocks, ..ends });
        Ok(Flush { batch, ends })
    }

    /// Commits a flush: all of it, durably, or nothing.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] as for [`Store::commit`].
    pub fn commit(&self, flush: Flush) -> Result<(), StorageError> {
        Ok(self.store.commit(flush.batch, Durability::Sync)?)
    }

    /// Plans which files go so that those that stay meet `target`, as far as the last [`KEEP_BLOCKS`] blocks allow. `entries` are all entries that have data, with their heights, as they were last committed. `tip_height`
    /// is that of the block the coins on disk are those of: what lies between it and the tip is needed after a crash.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if the store cannot be read.
    pub fn plan_pruning<'a>(
        &self,
        tip_height: u32,
        target: PruneTarget,
        entries: impl IntoIterator<Item = (u32, &'a IndexEntry)>,
    ) -> Result<PrunePlan, StorageError> {
        Ok(prune::plan(&self.files, self.log_ends()?, tip_height, target, entries))
    }

    /// Commits `flush`, which holds every entry that [`PrunePlan::pruned`] changes, and then unlinks the files; returns the bytes freed. A crash
    /// in between leaves files that the next plan takes.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if the store cannot be written or a file cannot be removed.
    pub fn prune(&self, flush: Flush, plan: &PrunePlan) -> Result<u64, StorageError> {
        self.commit(flush)?;
        let blocks = self.files.blocks().remove_segments_before(plan.blocks_from)?;
        let undo = self.files.undo().remove_segments_before(plan.undo_from)?;
        Ok(blocks + undo)
    }

    /// Throws every coin away: what a rebuild of the coins from the blocks begins with. A crash in between is taken up by the next open.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if the store cannot be written.
    pub fn clear_coins(&self) -> Result<(), StorageError> {
        loop {
            let mut batch = Batch::new();
            let removed =
                batch.delete_range(&self.store.snapshot()?, &COIN_TABLES.coins, .., CLEAR_COINS)?;
            // With the first batch, so that no crash leaves part of the coins under their old name.
            batch.delete(&COIN_TABLES.head, &());
            self.store.commit(batch, Durability::Sync)?;
            if removed < CLEAR_COINS {
                return Ok(());
            }
        }
    }
}

fn remove_directory(path: &Path) -> Result<(), StorageError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let action = "remove the directory";
            Err(StoreError::Io { action, path: path.to_owned(), source: error }.into())
        }
        _ => Ok(()),
    }
}

/// How much of the block files the index covers once a flush is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexed {
    /// All of it.
    All,
    /// What lies in front of this position; what follows is looked at again after a restart.
    UpTo(Position),
    /// What it covered before: this is a part of a flush, and the last part follows.
    AsBefore,
}

/// What one commit changes. Made by [`Storage::begin_flush`] alone, so its data is durable before it says so.
#[derive(Debug)]
#[must_use = "nothing changes until it is committed"]
pub struct Flush {
    batch: Batch,
    ends: LogEnds,
}

impl Flush {
    /// Sets entry `number`. A new one takes the next number.
    ///
    /// # Errors
    ///
    /// [`StorageError::NotSynced`] if its data was appended after the flush began.
    pub fn put_entry(&mut self, number: u32, entry: &IndexEntry) -> Result<(), StorageError> {
        check_synced(entry.block, self.ends.blocks)?;
        check_synced(entry.undo, self.ends.undo)?;
        self.batch.put(&ENTRIES, &number, entry);
        Ok(())
    }

    /// Returns the batch, for tables of others that must move together with the chain.
    pub const fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }
}

fn check_synced(position: Option<Position>, expected: Position) -> Result<(), StorageError> {
    match position {
        Some(actual) if actual.end() > expected => {
            Err(StorageError::NotSynced { expected, actual })
        }
        _ => Ok(()),
    }
}
