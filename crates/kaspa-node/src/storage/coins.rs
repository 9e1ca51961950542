//! The UTXO set at the sink: a [`Cache`] over the store, written behind.
//!
//! Most outputs are spent minutes after they are made, so most never reach the store: the set is written when the cache is full, and what
//! was changed since is made again after a crash from the chain records, which are in the logs before.
//!
//! ```text
//!   step n ──► events (log)                    durable with the logs
//!          ──► Cache ──when full──► coins      + checkpoint: "these are the coins after step n", one commit or several under a mark
//! ```
//!
//! The cache's own protocol covers a flush of several commits: while it is under way its head names both ends, and every change between
//! them can be made again, in whatever state a crash left the table.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use quintet_kaspa_protocol::{
    state::UtxoDiff,
    tx::{Outpoint, UtxoEntry},
};
use quintet_store::{Batch, Store, segment::Position};
use quintet_utxo::{After, Cache, CacheError, CacheOptions, Head, Overwrite, Peek, Reader};

use super::{
    codec::{OutpointKey, decode_entry, encode_entry, outpoint_key},
    error::{told, told_of_coins},
    schema::{CHECKPOINT, CHECKPOINT_KEY, COIN_TABLES, Checkpoint},
};
use crate::ports::LedgerError;

/// Names the state after the event that ends at `position`.
fn tip_of(position: Position) -> [u8; 32] {
    let mut tip = [0; 32];
    let fields = [position.segment, position.offset, position.len];
    for (place, field) in tip.chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&field.to_be_bytes());
    }
    tip
}

/// The set, shared: any number look outputs up while one changes it.
#[derive(Debug)]
pub(super) struct Coins {
    cache: RwLock<Cache>,
    reader: Reader,
}

impl Coins {
    pub(super) fn open(store: &Store, options: CacheOptions) -> Result<Self, CacheError> {
        let cache = Cache::open(store.clone(), COIN_TABLES, options)?;
        let reader = cache.reader();
        Ok(Self { cache: RwLock::new(cache), reader })
    }

    /// Returns whether a flush was cut short whose end is the event that ends at `position`.
    pub(super) fn is_between_and(&self, position: Position) -> bool {
        matches!(self.read().head(), Head::Between { new, .. } if new == tip_of(position))
    }

    /// Returns whether a flush was cut short.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.read().head(), Head::Between { .. })
    }

    /// Looks outpoints up, all at once; the answers stand in the order asked.
    pub(super) fn get(
        &self,
        outpoints: &[Outpoint],
    ) -> Result<Vec<Option<UtxoEntry>>, LedgerError> {
        let mut found = vec![None; outpoints.len()];
        let mut unknown: Vec<(OutpointKey, usize)> = Vec::new();
        {
            let cache = self.read();
            for ((at, outpoint), entry) in outpoints.iter().enumerate().zip(&mut found) {
                let key = outpoint_key(outpoint);
                match cache.peek(&key) {
                    Peek::Coin(bytes) => *entry = Some(decoded(outpoint, bytes)?),
                    Peek::Spent => {}
                    Peek::Unknown => unknown.push((key, at)),
                }
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        unknown.sort_unstable();
        let fetched = self.reader.fetch(unknown.iter().map(|&(key, _)| key).collect());
        let fetched = fetched.map_err(told)?;
        // Both ascend by key.
        let mut unknown = unknown.into_iter().peekable();
        for (key, bytes) in fetched.iter() {
            while unknown.next_if(|(asked, _)| asked < key).is_some() {}
            while let Some((_, at)) = unknown.next_if(|(asked, _)| asked == key) {
                if let (Some(outpoint), Some(entry)) = (outpoints.get(at), found.get_mut(at)) {
                    *entry = Some(decoded(outpoint, bytes)?);
                }
            }
        }
        Ok(found)
    }

    /// Goes over a diff, or back over it.
    pub(super) fn apply(&self, diff: &UtxoDiff, back: bool) -> Result<(), LedgerError> {
        let (removed, added) =
            if back { (diff.added(), diff.removed()) } else { (diff.removed(), diff.added()) };
        let mut cache = self.write();
        for outpoint in removed.keys() {
            let key = outpoint_key(outpoint);
            if cache.peek(&key) == Peek::Spent && !matches!(cache.head(), Head::Between { .. }) {
                return Err(LedgerError::Damaged {
                    expected: format!("output {outpoint} to be unspent"),
                    actual: "it was spent".to_owned(),
                });
            }
            cache.erase(&key).map_err(told_of_coins)?;
        }
        let mut bytes = Vec::new();
        for (outpoint, entry) in added {
            bytes.clear();
            encode_entry(entry, &mut bytes);
            cache
                .create(&outpoint_key(outpoint), &bytes, Overwrite::Never)
                .map_err(told_of_coins)?;
        }
        Ok(())
    }

    pub(super) fn should_flush(&self) -> bool {
        self.read().should_flush()
    }

    /// Writes every change, and that these are the coins after the event in front of the checkpoint's end.
    pub(super) fn flush(
        &self,
        checkpoint: &Checkpoint,
        more: impl FnOnce(&mut Batch),
    ) -> Result<(), LedgerError> {
        let put = |batch: &mut Batch| {
            batch.put(&CHECKPOINT, &CHECKPOINT_KEY, checkpoint);
            more(batch);
        };
        let tip = tip_of(checkpoint.ends.events);
        self.write().flush(tip, put, After::Drop).map_err(told_of_coins)?;
        Ok(())
    }

    /// Makes room while a flush that was cut short is made again.
    pub(super) fn spill(&self) -> Result<(), LedgerError> {
        self.write().spill().map_err(told_of_coins)?;
        Ok(())
    }

    /// Returns the memory it takes, bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.read().memory_bytes()
    }

    fn read(&self) -> RwLockReadGuard<'_, Cache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Cache> {
        self.cache.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decoded(outpoint: &Outpoint, bytes: &[u8]) -> Result<UtxoEntry, LedgerError> {
    decode_entry(bytes).map_err(|error| LedgerError::Damaged {
        expected: format!("an entry under {outpoint} in table `coins`"),
        actual: error.to_string(),
    })
}
