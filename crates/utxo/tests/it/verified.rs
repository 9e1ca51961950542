//! The set of checks that passed: what it may forget, and what it may not invent.

use std::thread;

use quintet_utxo::verified::{BYTES_MIN, Cache};

#[test]
fn what_was_inserted_is_found_and_nothing_else() {
    let cache = Cache::new(1 << 20, [1; 32]);
    for n in 0..16_000_u32 {
        cache.insert(cache.digest(&[&n.to_le_bytes()]));
    }
    assert_eq!(cache.len(), 16_000, "half full, and nothing is forgotten");
    for n in 0..16_000_u32 {
        assert!(cache.contains(&cache.digest(&[&n.to_le_bytes()])));
        assert!(!cache.contains(&cache.digest(&[&(n + 16_000).to_le_bytes()])));
    }
}

#[test]
fn removing_forgets_once() {
    let cache = Cache::new(BYTES_MIN, [2; 32]);
    let digest = cache.digest(&[b"script"]);
    assert!(!cache.contains_and_remove(&digest));
    cache.insert(digest);
    cache.insert(digest);
    assert!(cache.contains_and_remove(&digest));
    assert!(!cache.contains(&digest));
    assert!(cache.is_empty());
}

#[test]
fn a_full_cache_forgets_some_and_keeps_its_size() {
    let cache = Cache::new(BYTES_MIN * 8, [3; 32]);
    let all = u32::try_from(cache.capacity() * 3).unwrap();
    for n in 0..all {
        cache.insert(cache.digest(&[&n.to_le_bytes()]));
        assert!(cache.contains(&cache.digest(&[&n.to_le_bytes()])), "the newest is there");
    }
    let kept = (0..all).filter(|n| cache.contains(&cache.digest(&[&n.to_le_bytes()]))).count();
    assert_eq!(kept, cache.len());
    assert!(kept > cache.capacity() * 99 / 100, "{kept} of {}", cache.capacity());
}

#[test]
fn a_digest_depends_on_the_salt_and_a_zero_digest_is_never_found() {
    let (one, two) = (Cache::new(BYTES_MIN, [1; 32]), Cache::new(BYTES_MIN, [2; 32]));
    assert_ne!(one.digest(&[b"x"]), two.digest(&[b"x"]));
    one.insert([0; 32]);
    assert!(!one.contains(&[0; 32]));
    assert!(!one.contains_and_remove(&[0; 32]));
}

#[test]
fn threads_share_it() {
    let cache = Cache::new(1 << 20, [4; 32]);
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let cache = &cache;
            scope.spawn(move || {
                for n in 0..500_u32 {
                    cache.insert(cache.digest(&[&thread.to_le_bytes(), &n.to_le_bytes()]));
                }
            });
        }
    });
    assert_eq!(cache.len(), 2000);
}
