//! Reading coins from the disk ahead of the thread that needs them.
//!
//! A lookup on a disk takes a thousand times longer than one in the cache, and most of it is waiting. So the coins
//! of the next blocks are read by several threads at once while the current block is connected:
//!
//! ```text
//!   owner     missing(keys) ─┐                       ┌─► absorb: takes a batch of the current generation,
//!   reader                   └─► fetch ── reads ─────┘           drops a batch of an older one
//! ```
//!
//! # Why a stale coin cannot get in
//!
//! The disk changes in a flush and at no other time. A batch carries the generation read *before* its first
//! read, and a flush moves the generation before its first write and again after its last. So a batch that overlapped a
//! flush, or came before it, has an older generation than the cache, and is dropped whole. Within one
//! generation every key whose state differs from the disk's has an entry in the cache, and
//! [`absorb`](super::Cache::absorb) never replaces an entry.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quintet_store::{Store, StoreError};
use rayon::{ThreadPool, prelude::*};

use super::{CoinTable, Key};

/// Keys one thread reads before it takes others.
const READ_KEYS: usize = 32;

/// Reads coins as of the last flush, from any thread; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) store: Store,
    pub(super) table: CoinTable,
    pub(super) generation: Arc<AtomicU64>,
    pub(super) pool: Arc<ThreadPool>,
}

/// Coins read ahead, for [`Cache::absorb`](super::Cache::absorb).
#[derive(Debug)]
pub struct Prefetched {
    pub(super) generation: u64,
    parts: Vec<Part>,
}

/// What one thread read: keys with where their values end, and the values.
#[derive(Debug, Default)]
struct Part {
    found: Vec<(Key, usize)>,
    values: Vec<u8>,
}

impl Reader {
    /// Returns the coin of `key` as of the last flush, whatever the cache knows of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read.
    pub fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get_with(&self.table, key, <[u8]>::to_vec)
    }

    /// Reads the coins of `keys`, in parallel, in sorted batches. Those that do not exist are left out.
    ///
    /// Memory: proportional to `keys`; the caller bounds how many it asks for and how many answers it holds.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if one cannot be read.
    pub fn fetch(&self, mut keys: Vec<Key>) -> Result<Prefetched, StoreError> {
        let generation = self.generation.load(Ordering::SeqCst);
        keys.sort_unstable();
        keys.dedup();
        let read = |keys: &[Key]| {
            let mut part = Part::default();
            for key in keys {
                let values = &mut part.values;
                let append = |value: &[u8]| values.extend_from_slice(value);
                if self.store.get_with(&self.table, key, append)?.is_some() {
                    part.found.push((*key, part.values.len()));
                }
            }
            Ok::<_, StoreError>(part)
        };
        let parts = if keys.len() <= READ_KEYS {
            vec![read(&keys)?]
        } else {
            let parallel = || keys.par_chunks(READ_KEYS).map(read).collect::<Result<_, _>>();
            self.pool.install(parallel)?
        };
        Ok(Prefetched { generation, parts })
    }
}

impl Prefetched {
    /// Returns the coins that were found.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &[u8])> {
        self.parts.iter().flat_map(|part| {
            let mut start = 0;
            part.found.iter().map(move |(key, end)| {
                let value = &part.values[start..*end];
                start = *end;
                (key, value)
            })
        })
    }

    /// Returns how many coins were found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.found.len()).sum()
    }

    /// Returns whether none was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.found.is_empty())
    }
}
