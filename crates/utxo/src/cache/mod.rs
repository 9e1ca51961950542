//! The coins cache: what changed since the last flush, and what was read lately, over a table of the store.
//!
//! Most coins are spent soon after they are made. A coin made and spent between two flushes never reaches the
//! disk; the longer the cache can go without a flush, the less is written.
//!
//! ```text
//!   Cache    hash table of handles ──► slab of cells     5 bytes a slot, a cell for each coin
//!              │ journal: what this block replaced
//!              ▼
//!   store    coins: key ──► value      head: which block they are of
//! ```
//!
//! Each entry is clean (as on disk), *dirty* (differs from the disk), dirty and *fresh* (and the disk has nothing under its key), or
//! *spent* (dirty, to be deleted). These are the flags of Bitcoin Core's `CCoinsViewCache`, and mean the same:
//!
//! | operation | no entry | clean | dirty | fresh | spent |
//! |---|---|---|---|---|---|
//! | spend | read, then spent | spent | spent | entry removed | – |
//! | create, never there | fresh | error | error | error | dirty |
//! | create, possibly there | dirty | dirty | dirty | fresh | dirty |
//! | erase | spent | spent | spent | entry removed | spent |
//! | flush | | clean | written, clean | written, clean | deleted, entry removed |
//!
//! # Invariants
//!
//! - A key whose state differs from the disk's has an entry.
//! - A key has at most one entry. What changes without the journal, by reading and forgetting, is clean and no change of the journal names it.
//! - Between [`Cache::begin`] and [`Cache::commit`] nothing that was replaced is freed, so [`Cache::rollback`] puts back handles and copies nothing.
//! - What a spend returns is read from the cell the coin lay in; it is not copied.
//!
//! # Hashing
//!
//! Whoever makes transactions chooses among their ids by trying, and with an unkeyed hash could fill one
//! chain of the table. The hash is SipHash-1-3 under two random words: a pseudo-random function, for which no such choice
//! is known without the key, and the key never leaves the process. A cheaper keyed multiplication would resist a blind attacker
//! too, but not provably one that watches timing; and a lookup's cost is the cache miss behind the hash.

mod error;
mod flush;
mod reader;
mod slab;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub use error::CacheError;
pub use flush::{After, FlushReport, Head, HeadRecord, HeadTable, Tip};
use hashbrown::HashTable;
use quintet_store::{DecodeError, Store, Table, ValueCodec};
pub use reader::{Prefetched, Reader};
use siphasher::sip::SipHasher13;
pub use slab::VALUE_BYTES_MAX;
use slab::{Flags, Handle, Slab};

/// Names a coin: transaction id as hashed, then the output's index, little-endian.
pub type Key = [u8; 36];

/// The table of coins on disk.
pub type CoinTable = Table<Key, CoinBytes>;

/// A coin's value as stored: nothing added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinBytes(pub Vec<u8>);

impl ValueCodec for CoinBytes {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn decode_value(reader: &mut quintet_store::Reader<'_>) -> Result<Self, DecodeError> {
        let rest = reader.rest().len();
        reader.bytes(rest).map(|bytes| Self(bytes.to_vec()))
    }
}

/// The tables a cache works on, both in one store.
#[derive(Debug, Clone, Copy)]
pub struct Tables {
    /// The coins.
    pub coins: CoinTable,
    /// Which block they are of.
    pub head: HeadTable,
}

/// Fewest and most reading threads.
pub const READ_THREADS_MAX: usize = 64;

/// Smallest and largest [`CacheOptions::batch_bytes`]. A quarter of what the store takes, since the caller adds changes of its own.
const BATCH_BYTES: std::ops::RangeInclusive<usize> = 256..=quintet_store::BATCH_BYTES_MAX / 4;

/// How a cache is sized and keyed.
#[derive(Debug, Clone, Copy)]
pub struct CacheOptions {
    /// Memory at which [`Cache::should_flush`] asks for a flush, bytes. What one block adds goes on top.
    pub memory_bytes: usize,
    /// Size of one commit of a flush, as [`quintet_store::Batch::bytes`] counts. Memory of about twice that is needed meanwhile.
    pub batch_bytes: usize,
    /// Threads that read coins ahead, 1 to [`READ_THREADS_MAX`]. Most of their time is waiting for the disk, so more than the machine has cores.
    pub read_threads: usize,
    /// Key of the table's hash: random, chosen anew each time.
    pub salt: [u64; 2],
}

impl CacheOptions {
    /// Options with this much memory, and the defaults Bitcoin Core has come to: commits of 32 MiB, 8 reading threads.
    #[must_use]
    pub const fn new(memory_bytes: usize, salt: [u64; 2]) -> Self {
        Self { memory_bytes, batch_bytes: 32 << 20, read_threads: 8, salt }
    }
}

/// What the caller of [`Cache::create`] knows of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// No unspent coin has this key, neither here nor on disk: the rules have been checked, or make it impossible.
    /// The cache relies on it.
    Never,
    /// There may be one, and it is to be replaced.
    Possible,
}

/// What the cache knows of a key without asking the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peek<'a> {
    /// Unspent.
    Coin(&'a [u8]),
    /// Spent since the last flush.
    Spent,
    /// Nothing: the disk decides.
    Unknown,
}

/// The coins cache. It has one owner; other threads read the disk through a [`Reader`].
pub struct Cache {
    store: Store,
    tables: Tables,
    options: CacheOptions,
    hasher: Hasher,
    entries: HashTable<Handle>,
    slab: Slab,
    /// Entries that differ from the disk.
    dirty: usize,
    journal: Option<Vec<Change>>,
    head: Head,
    reader: Reader,
}

/// One step of a journal: which cell took the place of which.
#[derive(Debug, Clone, Copy)]
struct Change {
    old: Option<Handle>,
    new: Option<Handle>,
}

#[derive(Clone, Copy)]
struct Hasher(SipHasher13);

impl Hasher {
    fn hash(&self, key: &Key) -> u64 {
        self.0.hash(key)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("coins", &self.entries.len())
            .field("dirty", &self.dirty)
            .field("memory_bytes", &self.memory_bytes())
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// Opens an empty cache over `tables` of `store`.
    ///
    /// Look at [`Cache::head`] next: it may say that a flush was interrupted.
    ///
    /// # Errors
    ///
    /// [`CacheError::Option`], [`CacheError::Threads`]; [`CacheError::Store`] if the flush record cannot be read.
    pub fn open(store: Store, tables: Tables, options: CacheOptions) -> Result<Self, CacheError> {
        let check = |option, range: &std::ops::RangeInclusive<usize>, expected, actual| {
            let in_range = range.contains(&actual);
            in_range.then_some(()).ok_or(CacheError::Option { option, expected, actual })
        };
        check("batch_bytes", &BATCH_BYTES, "256 bytes to 64 MiB", options.batch_bytes)?;
        check("read_threads", &(1..=READ_THREADS_MAX), "1 to 64", options.read_threads)?;
        let head = store.get(&tables.head, &())?.map_or(Head::Empty, Head::from);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.read_threads)
            .thread_name(|at| format!("coins-read-{at}"))
            .build()
            .map_err(|source| CacheError::Threads { threads: options.read_threads, source })?;
        let reader = Reader {
            store: store.clone(),
            table: tables.coins,
            generation: Arc::new(AtomicU64::new(0)),
            pool: Arc::new(pool),
        };
        let [k0, k1] = options.salt;
        Ok(Self {
            store,
            tables,
            options,
            hasher: Hasher(SipHasher13::new_with_keys(k0, k1)),
            entries: HashTable::new(),
            slab: Slab::new(),
            dirty: 0,
            journal: None,
            head,
            reader,
        })
    }

    /// Returns the half that other threads read ahead with.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Returns the unspent coin of `key`. One read from the disk stays in the cache.
    ///
    /// # Errors
    ///
    /// [`CacheError::Store`] if the disk cannot be read.
    pub fn get(&mut self, key: &Key) -> Result<Option<&[u8]>, CacheError> {
        let hash = self.hasher.hash(key);
        let handle = self.find_or_read(hash, key)?;
        Ok(handle.filter(|&at| !self.slab.flags(at).is_spent()).map(|at| self.slab.value(at)))
    }

    /// Returns whether `key` names an unspent coin. One read from the disk stays in the cache.
    ///
    /// # Errors
    ///
    /// [`CacheError::Store`] if the disk cannot be read.
    pub fn contains(&mut self, key: &Key) -> Result<bool, CacheError> {
        self.get(key).map(|coin| coin.is_some())
    }

    /// Returns what the cache knows of `key`, without asking the disk; for readers that share a lock.
    #[must_use]
    pub fn peek(&self, key: &Key) -> Peek<'_> {
        match self.find(self.hasher.hash(key), key) {
            None => Peek::Unknown,
            Some(at) if self.slab.flags(at).is_spent() => Peek::Spent,
            Some(at) => Peek::Coin(self.slab.value(at)),
        }
    }

    /// Spends the coin of `key` and returns it, or `None` if there is none to spend.
    ///
    /// # Errors
    ///
    /// [`CacheError::Store`] if the disk cannot be read; nothing is spent then.
    pub fn spend(&mut self, key: &Key) -> Result<Option<&[u8]>, CacheError> {
        let hash = self.hasher.hash(key);
        let Some(old) = self.find_or_read(hash, key)? else { return Ok(None) };
        let flags = self.slab.flags(old);
        if flags.is_spent() {
            return Ok(None);
        }
        let new = match flags.is_fresh() {
            true => None,
            false => Some(self.slab.insert(key, &[], Flags::SPENT)?),
        };
        self.replace(hash, Some(old), new);
        Ok(Some(self.slab.value(old)))
    }

    /// Makes a coin. While an interrupted flush is replayed, every overwrite is [`Overwrite::Possible`].
    ///
    /// # Errors
    ///
    /// [`CacheError::Exists`] if an unspent coin is known where the caller ruled one out; [`CacheError::ValueLength`], [`CacheError::Full`].
    pub fn create(
        &mut self,
        key: &Key,
        value: &[u8],
        overwrite: Overwrite,
    ) -> Result<(), CacheError> {
        let possible = overwrite == Overwrite::Possible || self.is_recovering();
        let hash = self.hasher.hash(key);
        let old = self.find(hash, key);
        let flags = match old.map(|at| self.slab.flags(at)) {
            None if possible => Flags::DIRTY,
            None => Flags::FRESH,
            Some(flags) if flags.is_spent() => Flags::DIRTY,
            Some(_) if !possible => return Err(CacheError::Exists { key: error::hex(key) }),
            Some(flags) if flags.is_fresh() => Flags::FRESH,
            Some(_) => Flags::DIRTY,
        };
        let new = self.slab.insert(key, value, flags)?;
        self.replace(hash, old, Some(new));
        Ok(())
    }

    /// Makes sure that `key` names no unspent coin, without looking whether it did: for replay.
    ///
    /// # Errors
    ///
    /// [`CacheError::Full`].
    pub fn erase(&mut self, key: &Key) -> Result<(), CacheError> {
        let hash = self.hasher.hash(key);
        let old = self.find(hash, key);
        let new = match old.map(|at| self.slab.flags(at)) {
            Some(flags) if flags.is_spent() => return Ok(()),
            Some(flags) if flags.is_fresh() => None,
            _ => Some(self.slab.insert(key, &[], Flags::SPENT)?),
        };
        self.replace(hash, old, new);
        Ok(())
    }

    /// Forgets a coin that is as on disk, say one read for a transaction that was refused. A rollback does not bring it back.
    pub fn uncache(&mut self, key: &Key) {
        let hash = self.hasher.hash(key);
        if let Some(at) = self.find(hash, key)
            && self.slab.flags(at) == Flags::CLEAN
        {
            // Past the journal: the coin may be read again before a rollback, which would then link it a second time. No change in the
            // journal names the cell, since what a change puts somewhere is dirty and what it replaced is no entry.
            self.unlink(hash, at);
            self.slab.free(at);
        }
    }

    /// Returns those of `keys` the cache knows nothing of, to be read ahead.
    pub fn missing<'a>(&self, keys: impl IntoIterator<Item = &'a Key>) -> Vec<Key> {
        let unknown = |key: &&Key| self.find(self.hasher.hash(key), key).is_none();
        keys.into_iter().filter(unknown).copied().collect()
    }

    /// Takes coins that were read ahead, unless a flush came between; returns how many it took.
    ///
    /// # Errors
    ///
    /// [`CacheError::ValueLength`], [`CacheError::Full`].
    pub fn absorb(&mut self, prefetched: &Prefetched) -> Result<usize, CacheError> {
        if prefetched.generation != self.reader.generation.load(Ordering::SeqCst) {
            return Ok(0);
        }
        let mut taken = 0;
        for (key, value) in prefetched.iter() {
            let hash = self.hasher.hash(key);
            if self.find(hash, key).is_none() {
                self.link_clean(hash, key, value)?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// Reads those of `keys` that are not cached, in parallel, and keeps them; returns how many were found.
    ///
    /// # Errors
    ///
    /// [`CacheError::Store`] if the disk cannot be read.
    pub fn prefetch(&mut self, keys: &[Key]) -> Result<usize, CacheError> {
        let prefetched = self.reader.fetch(self.missing(keys))?;
        self.absorb(&prefetched)
    }

    /// Opens the journal of a block: until [`Cache::commit`], [`Cache::rollback`] can undo everything since.
    ///
    /// # Errors
    ///
    /// [`CacheError::JournalOpen`].
    pub fn begin(&mut self) -> Result<(), CacheError> {
        if self.journal.is_some() {
            return Err(CacheError::JournalOpen { wanted: "begin another" });
        }
        self.journal = Some(Vec::new());
        Ok(())
    }

    /// Keeps what was done since [`Cache::begin`]. Cost: freeing the cells that were replaced.
    ///
    /// # Errors
    ///
    /// [`CacheError::JournalClosed`].
    pub fn commit(&mut self) -> Result<(), CacheError> {
        let journal = self.journal.take();
        let journal = journal.ok_or(CacheError::JournalClosed { wanted: "commit" })?;
        for old in journal.iter().filter_map(|change| change.old) {
            self.slab.free(old);
        }
        Ok(())
    }

    /// Undoes what was done since [`Cache::begin`]; coins read meanwhile stay cached.
    ///
    /// # Errors
    ///
    /// [`CacheError::JournalClosed`].
    pub fn rollback(&mut self) -> Result<(), CacheError> {
        let journal = self.journal.take();
        let journal = journal.ok_or(CacheError::JournalClosed { wanted: "roll back" })?;
        for Change { old, new } in journal.into_iter().rev() {
            // The journal is closed, so this frees what the block had put there.
            if let Some(at) = new.or(old) {
                let hash = self.hasher.hash(&self.slab.key(at));
                self.replace(hash, new, old);
            }
        }
        Ok(())
    }

    /// Returns how many entries there are, spent ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns how many entries differ from the disk.
    #[must_use]
    pub const fn dirty(&self) -> usize {
        self.dirty
    }

    /// Returns the memory allocated, bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let journal = self.journal.as_ref().map_or(0, Vec::capacity) * size_of::<Change>();
        self.entries.allocation_size() + self.slab.memory_bytes() + journal
    }

    /// Returns whether memory, and what a flush needs on top for sorting, have reached the budget.
    #[must_use]
    pub fn should_flush(&self) -> bool {
        self.memory_bytes() + self.dirty * size_of::<u64>() >= self.options.memory_bytes
    }

    /// Sets the memory at which [`Cache::should_flush`] asks for a flush, bytes.
    pub const fn set_memory_budget(&mut self, bytes: usize) {
        self.options.memory_bytes = bytes;
    }

    /// Returns whether an interrupted flush has yet to be replayed.
    #[must_use]
    pub const fn is_recovering(&self) -> bool {
        matches!(self.head, Head::Between { .. })
    }

    fn find(&self, hash: u64, key: &Key) -> Option<Handle> {
        self.entries.find(hash, |&at| self.slab.has_key(at, key)).copied()
    }

    fn find_or_read(&mut self, hash: u64, key: &Key) -> Result<Option<Handle>, CacheError> {
        if let Some(at) = self.find(hash, key) {
            return Ok(Some(at));
        }
        let Self { store, tables, slab, .. } = self;
        let read =
            store.get_with(&tables.coins, key, |value| slab.insert(key, value, Flags::CLEAN))?;
        let Some(at) = read.transpose()? else { return Ok(None) };
        self.link(hash, at);
        Ok(Some(at))
    }

    fn link_clean(&mut self, hash: u64, key: &Key, value: &[u8]) -> Result<(), CacheError> {
        let at = self.slab.insert(key, value, Flags::CLEAN)?;
        self.link(hash, at);
        Ok(())
    }

    fn link(&mut self, hash: u64, at: Handle) {
        let Self { entries, slab, hasher, .. } = self;
        entries.insert_unique(hash, at, |&at| hasher.hash(&slab.key(at)));
    }

    fn unlink(&mut self, hash: u64, handle: Handle) {
        if let Ok(entry) = self.entries.find_entry(hash, |&at| at == handle) {
            entry.remove();
        }
    }

    /// Puts `new` where `old` is, both of one key. `old` is freed, or kept for the journal.
    fn replace(&mut self, hash: u64, old: Option<Handle>, new: Option<Handle>) {
        match (old, new) {
            (Some(old), Some(new)) => {
                if let Some(entry) = self.entries.find_mut(hash, |&at| at == old) {
                    *entry = new;
                }
            }
            (Some(old), None) => self.unlink(hash, old),
            (None, Some(new)) => self.link(hash, new),
            (None, None) => {}
        }
        let dirty = |at: Option<Handle>| at.is_some_and(|at| self.slab.flags(at).is_dirty());
        self.dirty = self.dirty + usize::from(dirty(new)) - usize::from(dirty(old));
        match (&mut self.journal, old) {
            (Some(journal), _) => journal.push(Change { old, new }),
            (None, Some(old)) => self.slab.free(old),
            (None, None) => {}
        }
    }

    fn clear(&mut self) {
        self.entries = HashTable::new();
        self.slab = Slab::new();
        self.dirty = 0;
    }

    fn next_generation(&self) {
        self.reader.generation.fetch_add(1, Ordering::SeqCst);
    }
}
