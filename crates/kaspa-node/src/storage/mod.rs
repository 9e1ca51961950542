//! The ledger on disk: everything that is written once in logs, the UTXO sets in a store.
//!
//! ```text
//!   <directory>/
//!     headers/  segment log: headers, parents as runs
//!     rows/     segment log: the columns of each header's block; where the header lies
//!     bodies/   segment log: transactions
//!     records/  segment log: diff, acceptance, multiset, lanes of each chain block
//!     events/   segment log: body valid · body invalid · virtual step · pruning
//!     state/    store: coins at the sink · coins at the pruning point · blocks that outlived their files · checkpoint
//! ```
//!
//! # What is durable when
//!
//! ```text
//!   append_header ─► headers, rows ┐
//!   append_body   ─► bodies ───────┤─► events ──┐
//!   commit        ─► records ──────┘            │  coins: in memory
//!                                               ▼
//!             every SYNC_INTERVAL, at flush():  sync all logs          what came before is acknowledged
//!             coins in memory are too many:     sync all logs, write the coins with a checkpoint
//! ```
//!
//! A step is one record of the event log, so it is there whole or not at all. The store never says more than the logs hold: it is
//! written after they were synced, and what the logs hold beyond it is gone over again at the next start ([`recover`]).
//!
//! # Numbers
//!
//! On disk a block has a *serial*, given in the order of appending and never twice; in memory a [`BlockId`], dense. [`Ledger::load`](crate::ports::Ledger::load) gives
//! ids to the blocks that are left, so columns shrink whenever they are loaded. References to blocks that are gone come back as the root,
//! or not at all where a list of blocks is meant; a selected parent that is gone is replaced by the last block of the chain that is not.
//!
//! # Another beginning
//!
//! A node that starts from a peer's pruning point makes a second ledger beside its own and then goes over to it ([`LedgerHome`]):
//!
//! ```text
//!   <directory>/start-<n>/  the ledger, as above         made whole there, then named in CURRENT; what was before is removed
//!   <directory>/CURRENT     start-<n>                    absent: the ledger lies in <directory> itself
//! ```
//!
//! # Invariants
//!
//! - One writer at a time; locks are taken in the order writer, index, coins.
//! - After a write that did not succeed no other is tried ([`LedgerError::Poisoned`]); reads go on.
//! - A record names whose it is, and is not taken for another's.
//! - Files are unlinked only after what outlives them was committed elsewhere.
//!
//! The layouts are in `docs/formats/kaspa-dag.md`.

mod codec;
mod coins;
mod error;
mod fold;
mod home;
mod import;
mod index;
mod ledger;
mod load;
mod logs;
mod prune;
mod read;
mod recent;
mod recover;
mod schema;
mod writer;

use std::{
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use quintet_kaspa_protocol::{dag::BlockId, header::Header, tx::Transaction};
use quintet_primitives::Hash256;
use quintet_store::{Batch, Durability, EngineKind, Store, StoreOptions};
use quintet_utxo::CacheOptions;

pub use error::StorageError;
pub use home::LedgerHome;
pub use logs::{
    BODY_BYTES_MAX, EVENT_BYTES_MAX, HEADER_BYTES_MAX, RECORD_BYTES_MAX, ROW_BYTES_MAX,
};
pub use schema::{COIN_TABLES, LEDGER_SCHEMA};

use crate::ports::{ChainRecord, LedgerError};
use coins::Coins;
use fold::Marks;
use index::{Entry, Numbers};
use logs::Logs;
use recent::Recent;
use writer::Writer;

/// Longest time that what was appended waits to be durable while more comes.
pub const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// The store's directory in a ledger's.
const STATE_DIRECTORY: &str = "state";

/// Sevenths of what is kept decoded for headers (parents of new blocks are among the last), for bodies (those on their way to the virtual block), and
/// for chain records.
const RECENT_SEVENTHS: [usize; 3] = [1, 4, 2];

/// How to open a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageOptions {
    /// Engine of the store.
    pub engine: EngineKind,
    /// What the store's engine may cache, bytes.
    pub cache_bytes: usize,
    /// Memory for coins at which they are written out, bytes.
    pub coins_bytes: usize,
    /// Size of one commit while coins are written out, bytes.
    pub coins_batch_bytes: usize,
    /// Headers, bodies and chain records kept decoded, bytes.
    pub recent_bytes: usize,
    /// Where a new file of headers, bodies or chain records begins, bytes; rows have a quarter of it and events an eighth.
    pub segment_bytes_max: u32,
    /// Key of the coins' hash table: random, chosen anew each time.
    pub salt: [u64; 2],
    /// Longest time that what was appended waits to be durable while more comes.
    pub sync_interval: Duration,
}

impl StorageOptions {
    /// Returns the defaults: fjall with 64 MiB of cache, 256 MiB of coins, 224 MiB of what is recent, files of 128 MiB.
    #[must_use]
    pub const fn new(salt: [u64; 2]) -> Self {
        Self {
            engine: EngineKind::Fjall,
            cache_bytes: 64 << 20,
            coins_bytes: 256 << 20,
            coins_batch_bytes: 32 << 20,
            recent_bytes: 224 << 20,
            segment_bytes_max: 128 << 20,
            salt,
            sync_interval: SYNC_INTERVAL,
        }
    }
}

/// A [`Ledger`] on disk.
pub struct DiskLedger {
    store: Store,
    logs: Logs,
    coins: Coins,
    index: RwLock<Index>,
    writer: Mutex<Writer>,
    /// Held while the pruning point's set is written, so that who reads it sees one set.
    pruning_set: RwLock<()>,
    headers: Recent<Header>,
    bodies: Recent<Vec<Transaction>>,
    records: Recent<ChainRecord>,
}

/// What is known of every block, in memory.
#[derive(Debug)]
struct Index {
    numbers: Numbers,
    /// By number, less one.
    entries: Vec<Entry>,
}

impl Index {
    fn get(&self, block: BlockId) -> Option<&Entry> {
        self.entries.get(block.row().checked_sub(1)?)
    }

    fn get_mut(&mut self, block: BlockId, what: &'static str) -> Result<&mut Entry, LedgerError> {
        let entry = block.row().checked_sub(1).and_then(|row| self.entries.get_mut(row));
        entry.ok_or(LedgerError::Missing { what, block })
    }

    /// Returns a block's number on disk.
    fn serial(&self, block: BlockId) -> codec::Serial {
        self.numbers.serial(block)
    }
}

impl fmt::Debug for DiskLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskLedger")
            .field("logs", &self.logs)
            .field("coins", &self.coins)
            .finish_non_exhaustive()
    }
}

/// What a ledger takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all logs.
    pub log_bytes: u64,
    /// Bytes of the store.
    pub store_bytes: u64,
    /// Memory of the coins, bytes.
    pub coins_bytes: usize,
}

impl DiskLedger {
    /// Opens the ledger in `directory`, creating it if the directory is empty or absent, and makes it whole if it was not closed.
    ///
    /// Call [`Ledger::load`](crate::ports::Ledger::load) next unless it is new.
    ///
    /// # Errors
    ///
    /// [`StorageError::FilesBehind`] if files lost what the state relies on, [`StorageError::OtherNetwork`] if the DAG begins with another
    /// block, otherwise if the directory is in use, damaged, newer or unreadable.
    pub fn open(
        directory: &Path,
        genesis: &Hash256,
        options: &StorageOptions,
    ) -> Result<Self, StorageError> {
        // The logs first: their locks keep others from a store that is about to change.
        let logs = Logs::open(directory, options)?;
        let engine = StoreOptions { engine: options.engine, cache_bytes: options.cache_bytes };
        let store = Store::open(&directory.join(STATE_DIRECTORY), &LEDGER_SCHEMA, &engine)?;
        Self::assemble(logs, store, genesis, options)
    }

    /// Opens the logs in `directory` beside a store that the caller made, with the schema [`LEDGER_SCHEMA`].
    ///
    /// # Errors
    ///
    /// As for [`DiskLedger::open`].
    pub fn open_beside(
        directory: &Path,
        store: Store,
        genesis: &Hash256,
        options: &StorageOptions,
    ) -> Result<Self, StorageError> {
        let logs = Logs::open(directory, options)?;
        Self::assemble(logs, store, genesis, options)
    }

    fn assemble(
        logs: Logs,
        store: Store,
        genesis: &Hash256,
        options: &StorageOptions,
    ) -> Result<Self, StorageError> {
        check_network(&store, genesis)?;
        let marks = Marks::read(&store)?;
        if let Some(checkpoint) = &marks.checkpoint {
            logs.check(&checkpoint.ends)?;
        }
        let mut cache = CacheOptions::new(options.coins_bytes, options.salt);
        cache.batch_bytes = options.coins_batch_bytes;
        let coins = Coins::open(&store, cache)?;
        let last = recover::cut_rows(&logs, &marks)?;
        recover::cut_events(&logs, &marks, last)?;
        let mut fold = fold::Fold::begin(&store, &marks, last)?;
        recover::replay_coins(&logs, &coins, &marks, &mut fold, last)?;
        prune::redo(&logs, &store, &marks)?;
        let mut numbers = Numbers::new();
        numbers.go_on_from(last.saturating_add(1));
        let sum: usize = RECENT_SEVENTHS.iter().sum();
        let [headers, bodies, records] =
            RECENT_SEVENTHS.map(|part| options.recent_bytes / sum * part);
        Ok(Self {
            store,
            logs,
            coins,
            index: RwLock::new(Index { numbers, entries: Vec::new() }),
            writer: Mutex::new(Writer::new(last, fold, options.sync_interval)),
            pruning_set: RwLock::new(()),
            headers: Recent::new(headers),
            bodies: Recent::new(bodies),
            records: Recent::new(records),
        })
    }

    /// Writes the coins, too, and makes everything durable: the next start finds nothing to go over again.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; the ledger takes no more writes then.
    pub fn close(&self) -> Result<(), LedgerError> {
        self.write(|writer| self.flush_coins(writer, |_| ()))
    }

    /// Returns what the ledger takes.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the store cannot be measured.
    pub fn usage(&self) -> Result<Usage, LedgerError> {
        Ok(Usage {
            log_bytes: self.logs.total_bytes(),
            store_bytes: self.store.disk_bytes().map_err(error::told)?,
            coins_bytes: self.coins.memory_bytes(),
        })
    }

    /// Returns the store, for checks of its integrity.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_network(store: &Store, expected: &Hash256) -> Result<(), StorageError> {
    let named = store.get(&schema::GENESIS, &schema::GENESIS_KEY)?.map(Hash256::new);
    match named {
        Some(actual) if actual == *expected => Ok(()),
        Some(actual) => Err(StorageError::OtherNetwork { expected: *expected, actual }),
        None => {
            let mut batch = Batch::new();
            batch.put(&schema::GENESIS, &schema::GENESIS_KEY, expected.as_bytes());
            Ok(store.commit(batch, Durability::Sync)?)
        }
    }
}
