//! The cache beside a map, under random operations, over every engine.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*};
use quintet_store::{Engine, EngineKind, MemoryEngine, Store, StoreOptions};
use quintet_utxo::{After, Cache, CacheError, CacheOptions, Overwrite, Peek, Prefetched};

use crate::{
    SCHEMA, TABLES, key,
    ledger::{Coins, on_disk},
};

const KEYS: u8 = 24;

#[derive(Debug, Clone)]
enum Operation {
    Create {
        key: u8,
        length: usize,
        possible: bool,
    },
    Spend(u8),
    Get(u8),
    Erase(u8),
    Uncache(u8),
    Begin,
    Commit,
    Rollback,
    Prefetch,
    /// Reads ahead and keeps the answer for later.
    Fetch,
    /// Gives the cache what was read, however long ago.
    Absorb,
    Flush(After),
}

fn operation() -> impl Strategy<Value = Operation> {
    let keys = || 0..KEYS;
    prop_oneof![
        6 => (keys(), 0_usize..90, any::<bool>())
            .prop_map(|(key, length, possible)| Operation::Create { key, length, possible }),
        5 => keys().prop_map(Operation::Spend),
        3 => keys().prop_map(Operation::Get),
        1 => keys().prop_map(Operation::Erase),
        1 => keys().prop_map(Operation::Uncache),
        2 => Just(Operation::Begin),
        1 => Just(Operation::Commit),
        1 => Just(Operation::Rollback),
        1 => Just(Operation::Prefetch),
        1 => Just(Operation::Fetch),
        1 => Just(Operation::Absorb),
        1 => prop_oneof![Just(After::Keep), Just(After::Drop)].prop_map(Operation::Flush),
    ]
}

/// The cache and the map beside it.
struct Pair {
    store: Store,
    cache: Cache,
    coins: Coins,
    /// The map as it was when the journal was begun.
    begun: Option<Coins>,
    fetched: Option<Prefetched>,
    flushes: u8,
}

impl Pair {
    fn new(store: Store) -> Self {
        let mut options = CacheOptions::new(1 << 20, [3, 4]);
        options.batch_bytes = 700;
        options.read_threads = 2;
        let cache = Cache::open(store.clone(), TABLES, options).unwrap();
        Self { store, cache, coins: Coins::new(), begun: None, fetched: None, flushes: 0 }
    }

    fn apply(&mut self, operation: &Operation, step: usize) {
        let Self { cache, coins, begun, .. } = self;
        match operation {
            &Operation::Create { key: n, length, possible } => {
                let value = vec![step.to_le_bytes()[0]; length];
                let exists = coins.contains_key(&key(n));
                let overwrite =
                    if possible || exists { Overwrite::Possible } else { Overwrite::Never };
                cache.create(&key(n), &value, overwrite).unwrap();
                coins.insert(key(n), value);
            }
            &Operation::Spend(n) => {
                let spent = cache.spend(&key(n)).unwrap().map(<[u8]>::to_vec);
                assert_eq!(spent, coins.remove(&key(n)));
            }
            &Operation::Get(n) => {
                let found = cache.get(&key(n)).unwrap().map(<[u8]>::to_vec);
                assert_eq!(found.as_ref(), coins.get(&key(n)));
                let peeked = match cache.peek(&key(n)) {
                    Peek::Coin(value) => Some(value.to_vec()),
                    Peek::Spent | Peek::Unknown => None,
                };
                assert_eq!(peeked, found);
            }
            &Operation::Erase(n) => {
                cache.erase(&key(n)).unwrap();
                coins.remove(&key(n));
            }
            &Operation::Uncache(n) => cache.uncache(&key(n)),
            Operation::Begin => match begun {
                Some(_) => {
                    let refused = cache.begin();
                    assert!(matches!(refused, Err(CacheError::JournalOpen { .. })));
                }
                None => {
                    cache.begin().unwrap();
                    *begun = Some(coins.clone());
                }
            },
            Operation::Commit => match begun.take() {
                Some(_) => cache.commit().unwrap(),
                None => assert!(cache.commit().is_err()),
            },
            Operation::Rollback => match begun.take() {
                Some(before) => {
                    cache.rollback().unwrap();
                    *coins = before;
                }
                None => assert!(cache.rollback().is_err()),
            },
            Operation::Prefetch => {
                let keys: Vec<_> = (0..KEYS).map(key).collect();
                cache.prefetch(&keys).unwrap();
                assert!(cache.missing(&keys).iter().all(|key| !coins.contains_key(key)));
            }
            Operation::Fetch => {
                self.fetched = Some(cache.reader().fetch((0..KEYS).map(key).collect()).unwrap());
            }
            Operation::Absorb => {
                if let Some(fetched) = self.fetched.take() {
                    cache.absorb(&fetched).unwrap();
                }
            }
            &Operation::Flush(after) => self.flush(after),
        }
    }

    fn flush(&mut self, after: After) {
        let tip = [self.flushes; 32];
        self.flushes = self.flushes.wrapping_add(1);
        let outcome = self.cache.flush(tip, |_| (), after);
        if self.begun.is_some() {
            assert!(matches!(outcome, Err(CacheError::JournalOpen { .. })));
            return;
        }
        outcome.unwrap();
        assert_eq!(on_disk(&self.store), self.coins);
        assert_eq!(self.cache.dirty(), 0);
        assert!(after == After::Keep || self.cache.is_empty());
    }

    fn finish(mut self) {
        if self.begun.take().is_some() {
            self.cache.commit().unwrap();
        }
        self.flush(After::Drop);
    }
}

fn run(store: Store, operations: Vec<Operation>) {
    let mut pair = Pair::new(store);
    for (step, operation) in operations.into_iter().enumerate() {
        pair.apply(&operation, step);
    }
    pair.finish();
}

fn on_engine(kind: EngineKind, operations: Vec<Operation>) {
    let directory = tempfile::tempdir().unwrap();
    let options = StoreOptions { engine: kind, cache_bytes: 8 << 20 };
    run(Store::open(directory.path(), &SCHEMA, &options).unwrap(), operations);
}

fn in_memory() -> Store {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    Store::with_engine(engine, &SCHEMA).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_is_a_map_over_memory(operations in vec(operation(), 1..200)) {
        run(in_memory(), operations);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_is_a_map_over_fjall(operations in vec(operation(), 100..300)) {
        on_engine(EngineKind::Fjall, operations);
    }

    #[test]
    fn the_cache_is_a_map_over_redb(operations in vec(operation(), 100..300)) {
        on_engine(EngineKind::Redb, operations);
    }
}

#[test]
fn a_coin_made_and_spent_between_flushes_never_reaches_the_disk() {
    let mut pair = Pair::new(in_memory());
    pair.cache.create(&key(1), b"short-lived", Overwrite::Never).unwrap();
    pair.cache.create(&key(2), b"long-lived", Overwrite::Never).unwrap();
    assert_eq!(pair.cache.spend(&key(1)).unwrap(), Some(&b"short-lived"[..]));
    let report = pair.cache.flush([1; 32], |_| (), After::Drop).unwrap();
    assert_eq!((report.written, report.deleted, report.batches), (1, 0, 1));
}

#[test]
fn a_coin_is_not_made_twice_where_the_caller_ruled_it_out() {
    let mut cache = Pair::new(in_memory()).cache;
    cache.create(&key(1), b"first", Overwrite::Never).unwrap();
    let refused = cache.create(&key(1), b"second", Overwrite::Never);
    assert!(matches!(refused, Err(CacheError::Exists { .. })));
    assert_eq!(cache.get(&key(1)).unwrap(), Some(&b"first"[..]));
}

#[test]
fn a_coin_forgotten_and_read_again_before_a_rollback_is_there_once() {
    let mut pair = Pair::new(in_memory());
    pair.cache.create(&key(1), b"coin", Overwrite::Never).unwrap();
    pair.cache.flush([1; 32], |_| (), After::Keep).unwrap();
    pair.cache.begin().unwrap();
    pair.cache.uncache(&key(1));
    assert_eq!(pair.cache.get(&key(1)).unwrap(), Some(&b"coin"[..]));
    pair.cache.rollback().unwrap();
    assert_eq!(pair.cache.len(), 1);
    assert_eq!(pair.cache.spend(&key(1)).unwrap(), Some(&b"coin"[..]));
    pair.cache.flush([2; 32], |_| (), After::Keep).unwrap();
    assert_eq!(pair.cache.get(&key(1)).unwrap(), None);
    assert!(pair.cache.is_empty());
}
