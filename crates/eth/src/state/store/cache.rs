//! What was read or written lately, within a budget of bytes.
//!
//! # Invariants
//!
//! - An entry answers for one state alone, that of the cache's epoch. A reader of another state neither sees nor adds any.
//! - All entries together stay within the budget.

use std::{
    hash::{BuildHasher as _, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::map::DefaultHashBuilder;
use quintet_primitives::generations::Generations;

/// Parts with a lock each.
const SHARDS: usize = 16;

/// What an entry costs on top of key, value and what they own, bytes.
const ENTRY_OVERHEAD_BYTES: usize = 32;

pub(super) struct Cache<K, V> {
    shards: [Mutex<Shard<K, V>>; SHARDS],
    hasher: DefaultHashBuilder,
    budget_bytes: usize,
    weigh: fn(&V) -> usize,
}

struct Shard<K, V> {
    epoch: u64,
    held: Generations<K, V, DefaultHashBuilder>,
}

impl<K, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("budget_bytes", &self.budget_bytes).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// `weigh` says what a value owns beyond itself, bytes.
    pub(super) fn new(budget_bytes: usize, weigh: fn(&V) -> usize) -> Self {
        let shard = || Shard { epoch: 0, held: Generations::new(budget_bytes / SHARDS) };
        Self {
            shards: std::array::from_fn(|_| Mutex::new(shard())),
            hasher: DefaultHashBuilder::default(),
            budget_bytes,
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
        shard.held.get_again(key, |value| self.bytes(value))
    }

    pub(super) fn insert(&self, epoch: u64, key: K, value: V) {
        let mut shard = self.shard(&key);
        if shard.epoch == epoch {
            let bytes = self.bytes(&value);
            shard.held.insert(key, value, bytes);
        }
    }

    /// Forgets everything and begins the state of `epoch`.
    pub(super) fn renew(&self, epoch: u64) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.held.clear();
            shard.epoch = epoch;
        }
    }

    /// Begins the state of `epoch`: what it changed is given with its new value, all else stays.
    pub(super) fn advance(&self, epoch: u64, changes: impl IntoIterator<Item = (K, Option<V>)>) {
        for (key, value) in changes {
            let bytes = value.as_ref().map(|value| self.bytes(value));
            let mut shard = self.shard(&key);
            // Nobody reads or adds until the change is whole.
            shard.epoch = u64::MAX;
            match value.zip(bytes) {
                Some((value, bytes)) => {
                    shard.held.remove(&key);
                    shard.held.insert(key, value, bytes);
                }
                None => shard.held.remove(&key),
            }
        }
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).epoch = epoch;
        }
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
        let held: usize =
            cache.shards.iter().map(|shard| shard.lock().map_or(0, |shard| shard.held.len())).sum();
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
