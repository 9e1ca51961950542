//! Bringing the cache to the disk, so that a crash at any moment can be repaired.
//!
//! A flush that fits into one batch of [`CacheOptions::batch_bytes`](super::CacheOptions::batch_bytes) is one atomic commit. A larger one
//! would need the whole cache in memory a second time, so it goes in several, under a record that says so:
//!
//! ```text
//!   record     At(old) │ Between{old, new}        Between{old, new}   At(new)
//!   commit             │ 1: record, first coins   2: more coins  …    n: record, last coins, the caller's own changes, synced
//! ```
//!
//! Batches become durable in commit order (a promise of the store), so after a crash the disk shows one of three things:
//!
//! - `At(old)`: none of the flush, and the coins are those of `old`;
//! - `At(new)`: all of it;
//! - `Between{old, new}`: some of it. [`Cache::head`](super::Cache::head) returns this on opening, and the caller **replays**.
//!
//! # Replay
//!
//! For each block from `old` back to the fork with `new`, newest first: [`erase`](super::Cache::erase) what it created,
//! [`create`](super::Cache::create) what it spent, from its undo data. Then for each block from the fork up to `new`: erase what it spends, create what it
//! creates. [`spill`](super::Cache::spill) when [`should_flush`](super::Cache::should_flush) says so, and at the end flush with tip `new`.
//!
//! This is right whatever part of the flush had been written: a key touched by none of these blocks is the same at `old`, at `new` and
//! on disk; a key touched by one is set by the last that touches it, to a value that does not depend on what was
//! there. For the same reason replay may itself be interrupted and begun again. It needs blocks and undo data of both branches to be
//! on disk *before* the flush; a node that prunes keeps what lies between the last flush and the tip.
//!
//! Bitcoin Core keeps the same record under `DB_HEAD_BLOCKS` and repairs with `ReplayBlocks`.

use quintet_store::{Batch, DecodeError, Durability, Reader, StoreError, Table, ValueCodec};

use super::{
    Cache, CacheError,
    slab::{Flags, Handle},
};

/// Names a block: what the coins are the result of.
pub type Tip = [u8; 32];

/// The table of the flush record; it holds one. Declare it beside the coins' own, in the same store.
pub type HeadTable = Table<(), HeadRecord>;

/// Which block the coins on disk are the result of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Head {
    /// None yet.
    #[default]
    Empty,
    /// This one.
    At(Tip),
    /// A flush was interrupted: replay.
    Between {
        /// Where it started; `None` if there was nothing.
        old: Option<Tip>,
        /// Where it was going.
        new: Tip,
    },
}

/// The flush record as stored: the block being written if a flush is under way, and the last one completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadRecord {
    old: Option<Tip>,
    new: Option<Tip>,
}

impl ValueCodec for HeadRecord {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.old.encode_value(out);
        self.new.encode_value(out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { old: Option::decode_value(reader)?, new: Option::decode_value(reader)? })
    }
}

impl From<HeadRecord> for Head {
    fn from(record: HeadRecord) -> Self {
        match record {
            HeadRecord { old: None, new: None } => Self::Empty,
            HeadRecord { old: Some(tip), new: None } => Self::At(tip),
            HeadRecord { old, new: Some(new) } => Self::Between { old, new },
        }
    }
}

/// What becomes of the coins in memory after a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Unspent coins stay, as clean ones. For a flush that time asked for; frees little memory.
    Keep,
    /// All memory is given back. For a flush that [`should_flush`](Cache::should_flush) asked for.
    Drop,
}

/// What a flush wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlushReport {
    /// Coins set.
    pub written: u64,
    /// Coins deleted.
    pub deleted: u64,
    /// Commits it took.
    pub batches: u64,
}

/// What [`Batch::bytes`] counts for a coin besides its value, at least. Bytes.
const COIN_OVERHEAD_BYTES: usize = 36 + 64;

impl Cache {
    /// Returns which block the coins on disk are the result of.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Writes every change to the disk, and says that the coins are now those of `tip`.
    ///
    /// `extra` adds the caller's own changes to the last commit, so that they become visible with the new tip and not before. When this
    /// returns all of it is durable. Cost: 8 bytes of memory for each changed coin, and a batch.
    ///
    /// # Errors
    ///
    /// [`CacheError::Store`]: if the store still takes writes, flush again with the same tip. [`CacheError::JournalOpen`]; [`CacheError::Recovering`] if an
    /// interrupted flush had another tip.
    pub fn flush(
        &mut self,
        tip: Tip,
        extra: impl FnOnce(&mut Batch),
        after: After,
    ) -> Result<FlushReport, CacheError> {
        if let Head::Between { new, .. } = self.head
            && new != tip
        {
            return Err(CacheError::Recovering { expected: new, actual: tip });
        }
        let report = self.write(Some(tip), extra)?;
        self.settle(after);
        Ok(report)
    }

    /// Writes every change to the disk while an interrupted flush is being replayed, without saying that it is complete.
    ///
    /// # Errors
    ///
    /// [`CacheError::NotRecovering`] at any other time; otherwise as for [`Cache::flush`].
    pub fn spill(&mut self) -> Result<FlushReport, CacheError> {
        if !matches!(self.head, Head::Between { .. }) {
            return Err(CacheError::NotRecovering);
        }
        let report = self.write(None, |_| ())?;
        self.settle(After::Drop);
        Ok(report)
    }

    fn write(
        &mut self,
        tip: Option<Tip>,
        extra: impl FnOnce(&mut Batch),
    ) -> Result<FlushReport, CacheError> {
        if self.journal.is_some() {
            return Err(CacheError::JournalOpen { wanted: "flush" });
        }
        // See `reader`: whatever is read from here on until the second step is dropped.
        self.next_generation();
        let report = self.write_batches(tip, extra);
        self.next_generation();
        Ok(report?)
    }

    fn write_batches(
        &mut self,
        tip: Option<Tip>,
        extra: impl FnOnce(&mut Batch),
    ) -> Result<FlushReport, StoreError> {
        let (order, bytes) = self.changes();
        let mut report = FlushReport::default();
        let mut batch = Batch::new();
        if let Some(new) = tip
            && bytes > self.options.batch_bytes
        {
            let old = match self.head {
                Head::Empty => None,
                Head::At(old) => Some(old),
                Head::Between { old, .. } => old,
            };
            let record = HeadRecord { old, new: Some(new) };
            batch.put(&self.tables.head, &(), &record);
            // From the first commit on. Should that fail, a flush with the same tip is all the store would take anyway.
            self.head = record.into();
        }
        for at in order {
            let handle = at.handle();
            let key = self.slab.key(handle);
            if self.slab.flags(handle).is_spent() {
                batch.delete(&self.tables.coins, &key);
                report.deleted += 1;
            } else {
                batch.put_encoded(&self.tables.coins, &key, self.slab.value(handle));
                report.written += 1;
            }
            if batch.bytes() >= self.options.batch_bytes && tip.is_none_or(|_| self.is_recovering())
            {
                self.store.commit(std::mem::take(&mut batch), Durability::Buffered)?;
                report.batches += 1;
            }
        }
        extra(&mut batch);
        if let Some(tip) = tip {
            batch.put(&self.tables.head, &(), &HeadRecord { old: Some(tip), new: None });
        }
        self.store.commit(batch, Durability::Sync)?;
        report.batches += 1;
        if let Some(tip) = tip {
            self.head = Head::At(tip);
        }
        Ok(report)
    }

    /// Returns the changed coins in about the order of their keys, and the bytes they take in batches.
    ///
    /// Order across batches is for the engine's sake: sorted files that do not overlap need no merging, and a B-tree is walked once.
    fn changes(&self) -> (Vec<Place>, usize) {
        let mut bytes = 0_usize;
        let mut order = Vec::with_capacity(self.dirty);
        for handle in self.slab.handles() {
            if self.slab.flags(handle).is_dirty() {
                bytes += COIN_OVERHEAD_BYTES + self.slab.value(handle).len();
                order.push(Place::new(self.slab.key(handle)[..4].first_chunk(), handle));
            }
        }
        rayon::slice::ParallelSliceMut::par_sort_unstable(&mut order[..]);
        (order, bytes)
    }

    /// Makes the memory agree with what has been written.
    fn settle(&mut self, after: After) {
        match after {
            After::Drop => self.clear(),
            After::Keep => {
                let handles: Vec<Handle> = self
                    .slab
                    .handles()
                    .filter(|&handle| self.slab.flags(handle).is_dirty())
                    .collect();
                for handle in handles {
                    if self.slab.flags(handle) == Flags::SPENT {
                        let hash = self.hasher.hash(&self.slab.key(handle));
                        self.unlink(hash, handle);
                        self.slab.free(handle);
                    } else {
                        self.slab.set_clean(handle);
                    }
                }
            }
        }
        self.dirty = 0;
    }
}

/// A cell, sorted by the first four bytes of its key: the key's bytes above, the handle below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64);

impl Place {
    fn new(prefix: Option<&[u8; 4]>, handle: Handle) -> Self {
        let prefix = prefix.map_or(0, |prefix| u32::from_be_bytes(*prefix));
        Self(u64::from(prefix) << 32 | u64::from(handle.0))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the handle is the lower half")]
    const fn handle(self) -> Handle {
        Handle(self.0 as u32)
    }
}
