//! What was read or written lately, within a budget of bytes.
//!
//! Two generations: what is used moves to the young one; when that is full it becomes the old one, and what was not used
//! since is dropped. That is close to least recently used, without a list.
//!
//! # Invariants
//!
//! - An entry answers for one state alone, that of the cache's epoch. A reader of another state neither sees nor adds any.
//! - Young and old together stay within the budget.

use std::{
    hash::{BuildHasher as _, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::map::{DefaultHashBuilder, HashMap};

/// Parts with a lock each.
const SHARDS: usize = 16;

/// What an entry costs on top of key, value and what they own, bytes.
const ENTRY_OVERHEAD_BYTES: usize = 32;

pub(super) struct Cache<K, V> {
    shards: [Mutex<Shard<K, V>>; SHARDS],
    hasher: DefaultHashBuilder,
    /// Most bytes of one generation of one shard.
    generation_bytes: usize,
    weigh: fn(&V) -> usize,
}

struct Shard<K, V> {
    epoch: u64,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    young_bytes: usize,
}

impl<K, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("generation_bytes", &self.generation_bytes)
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// `weigh` says what a value owns beyond itself, bytes.
    pub(super) fn new(budget_bytes: usize, weigh: fn(&V) -> usize) -> Self {
        let shard = || Shard {
            epoch: 0,
            young: HashMap::default(),
            old: HashMap::default(),
            young_bytes: 0,
        };
        Self {
            shards: std::array::from_fn(|_| Mutex::new(shard())),
            hasher: DefaultHashBuilder::default(),
            generation_bytes: budget_bytes / SHARDS / 2,
            weigh,
        }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, V>> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        let [first, ..] = &self.shards;
        self.shards.get(at).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self, value: &V) -> usize {
        // A hash table is half full on average.
        2 * size_of::<(K, V)>() + ENTRY_OVERHEAD_BYTES + (self.weigh)(value)
    }

    pub(super) fn get(&self, epoch: u64, key: &K) -> Option<V> {
        let mut shard = self.shard(key);
        if shard.epoch != epoch {
            return None;
        }
        if let Some(value) = shard.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = shard.old.remove_entry(key)?;
        let bytes = self.bytes(&value);
        shard.insert(key, value.clone(), bytes, self.generation_bytes);
        Some(value)
    }

    pub(super) fn insert(&self, epoch: u64, key: K, value: V) {
        let mut shard = self.shard(&key);
        if shard.epoch == epoch {
            let bytes = self.bytes(&value);
            shard.insert(key, value, bytes, self.generation_bytes);
        }
    }

    /// Forgets everything and begins the state of `epoch`.
    pub(super) fn renew(&self, epoch: u64) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            *shard =
                Shard { epoch, young: HashMap::default(), old: HashMap::default(), young_bytes: 0 };
        }
    }

    /// Begins the state of `epoch`: what it changed is given with its new value, all else stays.
    pub(super) fn advance(&self, epoch: u64, changes: impl IntoIterator<Item = (K, Option<V>)>) {
        for (key, value) in changes {
            let bytes = value.as_ref().map(|value| self.bytes(value));
            let mut shard = self.shard(&key);
            // Nobody reads or adds until the change is whole.
            shard.epoch = u64::MAX;
            shard.old.remove(&key);
            match value.zip(bytes) {
                Some((value, bytes)) => shard.insert(key, value, bytes, self.generation_bytes),
                None => {
                    shard.young.remove(&key);
                }
            }
        }
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).epoch = epoch;
        }
    }
}

impl<K: Hash + Eq, V> Shard<K, V> {
    fn insert(&mut self, key: K, value: V, bytes: usize, generation_bytes: usize) {
        if bytes > generation_bytes {
            self.young.remove(&key);
            return;
        }
        if self.young_bytes + bytes > generation_bytes {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        // A value in place of another is counted again, which only ends a generation sooner.
        self.young_bytes += bytes;
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: usize = 64 << 10;

    fn cache() -> Cache<u64, Vec<u8>> {
        Cache::new(BUDGET, Vec::len)
    }

    #[test]
    fn what_is_used_outlives_what_is_not_and_the_budget_holds() {
        let cache = cache();
        for key in 0..10_000 {
            cache.insert(0, key, vec![0; 20]);
            cache.get(0, &0);
        }
        assert_eq!(cache.get(0, &0), Some(vec![0; 20]));
        assert_eq!(cache.get(0, &1), None);
        let held: usize = cache
            .shards
            .iter()
            .map(|shard| shard.lock().map_or(0, |shard| shard.young.len() + shard.old.len()))
            .sum();
        assert!(held * cache.bytes(&vec![0; 20]) <= BUDGET, "{held} entries");
    }

    #[test]
    fn a_reader_of_another_state_sees_and_adds_nothing() {
        let cache = cache();
        cache.insert(0, 1, vec![1]);
        cache.insert(0, 2, vec![2]);
        cache.advance(1, [(1, Some(vec![9]))]);
        assert_eq!((cache.get(0, &1), cache.get(0, &2)), (None, None));
        cache.insert(0, 3, vec![3]);
        assert_eq!((cache.get(1, &1), cache.get(1, &2)), (Some(vec![9]), Some(vec![2])));
        assert_eq!(cache.get(1, &3), None);
    }

    #[test]
    fn what_a_state_removes_is_not_found() {
        let cache = cache();
        cache.insert(0, 1, vec![1]);
        cache.advance(1, [(1, None)]);
        assert_eq!(cache.get(1, &1), None);
    }

    #[test]
    fn a_value_above_the_budget_is_not_kept() {
        let cache = cache();
        cache.insert(0, 1, vec![0; BUDGET]);
        assert_eq!(cache.get(0, &1), None);
    }
}
