//! Reading ahead: what may enter the cache, and what may not.

use quintet_store::Store;
use quintet_utxo::{After, Cache, CacheOptions, Overwrite, Peek};

use crate::{SCHEMA, TABLES, key};

fn cache_with(count: u8) -> Cache {
    let store = Store::memory(&SCHEMA).unwrap();
    let mut cache = Cache::open(store, TABLES, CacheOptions::new(1 << 20, [5, 6])).unwrap();
    for n in 0..count {
        cache.create(&key(n), &[n; 30], Overwrite::Never).unwrap();
    }
    cache.flush([1; 32], |_| (), After::Drop).unwrap();
    cache
}

#[test]
fn coins_read_ahead_by_another_thread_are_found_without_the_disk() {
    let mut cache = cache_with(200);
    let reader = cache.reader();
    let keys = cache.missing(&(0..=255).map(key).collect::<Vec<_>>());
    let fetched = std::thread::spawn(move || reader.fetch(keys)).join().unwrap().unwrap();
    assert_eq!(fetched.len(), 200);
    assert_eq!(cache.absorb(&fetched).unwrap(), 200);
    for n in 0..200 {
        assert_eq!(cache.peek(&key(n)), Peek::Coin(&[n; 30]));
    }
    assert_eq!(cache.peek(&key(200)), Peek::Unknown);
}

#[test]
fn a_batch_read_before_a_flush_is_dropped_after_it() {
    let mut cache = cache_with(3);
    let stale = cache.reader().fetch(vec![key(1)]).unwrap();
    cache.spend(&key(1)).unwrap();
    cache.flush([2; 32], |_| (), After::Drop).unwrap();
    assert_eq!(cache.absorb(&stale).unwrap(), 0);
    assert_eq!(cache.get(&key(1)).unwrap(), None);
}

#[test]
fn a_batch_does_not_revive_a_coin_spent_meanwhile() {
    let mut cache = cache_with(3);
    let fetched = cache.reader().fetch(vec![key(1), key(2)]).unwrap();
    cache.spend(&key(1)).unwrap();
    assert_eq!(cache.absorb(&fetched).unwrap(), 1);
    assert_eq!(cache.get(&key(1)).unwrap(), None);
    assert_eq!(cache.get(&key(2)).unwrap(), Some(&[2; 30][..]));
}

#[test]
fn uncaching_forgets_clean_coins_and_keeps_changes() {
    let mut cache = cache_with(2);
    cache.get(&key(0)).unwrap();
    cache.create(&key(9), b"new", Overwrite::Never).unwrap();
    cache.uncache(&key(0));
    cache.uncache(&key(9));
    assert_eq!(cache.peek(&key(0)), Peek::Unknown);
    assert_eq!(cache.peek(&key(9)), Peek::Coin(b"new"));
}
