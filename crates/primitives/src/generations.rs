//! A bounded map that forgets what is old.
//!
//! Two generations: what comes goes into the young one; when that is full it becomes the old one, and what the old one held is
//! dropped. Whoever moves what is used to the young one again comes close to least recently used, without a list.
//!
//! # Invariants
//!
//! - A key is in one generation, or in both with the young one's value the one that counts.
//! - Each generation holds at most half of the bound.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    mem,
};

/// The map. What it counts against its bound is for its owner to say: entries, or bytes.
#[derive(Debug, Clone)]
pub struct Generations<K, V, S = RandomState> {
    young: HashMap<K, V, S>,
    old: HashMap<K, V, S>,
    young_weight: usize,
    /// Most that one generation weighs.
    generation_max: usize,
}

impl<K: Hash + Eq, V, S: BuildHasher + Default> Generations<K, V, S> {
    /// Returns an empty map of values that weigh at most `weight_max` together.
    #[must_use]
    pub fn new(weight_max: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            young_weight: 0,
            generation_max: weight_max / 2,
        }
    }

    /// Returns the value of `key` and leaves it where it is.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Returns the value of `key`, which stays for another generation; `weigh` says what it weighs.
    pub fn get_again(&mut self, key: &K, weigh: impl FnOnce(&V) -> usize) -> Option<V>
    where
        V: Clone,
    {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        let weight = weigh(&value);
        self.insert(key, value.clone(), weight);
        Some(value)
    }

    /// Whether there is a value of `key`.
    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Keeps a value, in the place of another of its key; returns whether a generation ended for it. One that weighs more than half of the
    /// bound is not kept.
    pub fn insert(&mut self, key: K, value: V, weight: usize) -> bool {
        if weight > self.generation_max {
            self.remove(&key);
            return false;
        }
        // At most half of the bound, so the sum cannot overflow. A value in place of another is counted again, which only ends a generation sooner.
        let is_full = self.young_weight + weight > self.generation_max;
        if is_full {
            self.turn();
        }
        self.young_weight += weight;
        self.young.insert(key, value);
        is_full
    }

    /// Forgets the value of `key`.
    pub fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Drops what is old; what is young is old from now on.
    pub fn turn(&mut self) {
        // Its memory goes back, too: one busy hour does not cost for ever.
        self.old = mem::take(&mut self.young);
        self.young_weight = 0;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.young_weight = 0;
    }

    /// Returns how many values there are; one that was replaced may count twice until its generation ends.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Map = Generations<u32, u32>;

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let mut map = Map::new(8);
        for key in 0..100 {
            map.insert(key, key, 1);
            assert_eq!(map.get_again(&0, |_| 1), Some(0));
        }
        assert_eq!(map.get(&99), Some(&99));
        assert!(!map.contains(&1));
    }

    #[test]
    fn what_weighs_more_than_a_generation_is_not_kept_and_ends_what_was() {
        let mut map = Map::new(8);
        map.insert(1, 1, 4);
        map.turn();
        map.insert(1, 2, 5);
        assert_eq!(map.get(&1), None);
        map.insert(2, 2, usize::MAX);
        assert!(map.is_empty());
    }

    /// One step on a map.
    #[derive(Debug, Clone)]
    enum Step {
        Insert { key: u32, weight: usize },
        Again(u32),
        Remove(u32),
        Turn,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0_u32..12, 0_usize..6).prop_map(|(key, weight)| Step::Insert { key, weight }),
            2 => (0_u32..12).prop_map(Step::Again),
            1 => (0_u32..12).prop_map(Step::Remove),
            1 => Just(Step::Turn),
        ]
    }

    proptest! {
        #[test]
        fn a_value_is_the_last_one_given_or_none_and_the_bound_holds(
            bound in 0_usize..20,
            steps in prop::collection::vec(step(), 0..200),
        ) {
            let mut map = Map::new(bound);
            // The last value given for each key, and what it weighs.
            let mut last = HashMap::new();
            for (stamp, step) in (0..).zip(steps) {
                match step {
                    Step::Insert { key, weight } => {
                        map.insert(key, stamp, weight);
                        let fits = weight <= bound / 2;
                        prop_assert_eq!(map.get(&key), fits.then_some(&stamp));
                        last.insert(key, (stamp, weight));
                    }
                    Step::Again(key) => {
                        let before = map.get(&key).copied();
                        let weight = last.get(&key).map_or(0, |&(_, weight)| weight);
                        prop_assert_eq!(map.get_again(&key, |_| weight), before);
                        prop_assert_eq!(map.young.get(&key).copied(), before);
                    }
                    Step::Remove(key) => {
                        map.remove(&key);
                        prop_assert!(!map.contains(&key));
                    }
                    Step::Turn => map.turn(),
                }
                for generation in [&map.young, &map.old] {
                    // What was replaced by a later value is on its way out, and weighed what it weighed.
                    let held = generation.iter().filter(|&(key, value)| last[key].0 == *value);
                    prop_assert!(held.map(|(key, _)| last[key].1).sum::<usize>() <= bound / 2);
                }
                for key in 0..12 {
                    if let Some(value) = map.get(&key) {
                        prop_assert_eq!(*value, last[&key].0);
                    }
                }
            }
        }
    }
}
