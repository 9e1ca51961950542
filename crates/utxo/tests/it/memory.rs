//! What the cache says of its memory, beside what the allocator says.
#![expect(unsafe_code, reason = "a counting allocator has no safe form")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use quintet_store::Store;
use quintet_utxo::{After, Cache, CacheOptions, Key, Overwrite};

use quintet_primitives::random::SplitMix;

use crate::{SCHEMA, TABLES};

thread_local! {
    /// Bytes this thread has allocated and not freed.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Counts for each thread, since the tests of this program run side by side.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(bytes: isize) {
    HELD.with(|held| held.set(held.get() + bytes));
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches a thread-local that allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

fn draw_key(draw: &mut SplitMix) -> Key {
    let mut key = [0; 36];
    for word in key.chunks_mut(8) {
        word.copy_from_slice(&draw.next().to_le_bytes()[..word.len()]);
    }
    key
}

#[test]
fn memory_is_what_the_allocator_says_within_two_per_cent() {
    const COINS: usize = 100_000;
    let store = Store::memory(&SCHEMA).unwrap();
    let before = HELD.with(Cell::get);
    let mut cache = Cache::open(store, TABLES, CacheOptions::new(4 << 20, [7, 8])).unwrap();
    let fixed = HELD.with(Cell::get) - before;
    let mut draw = SplitMix::new(1);
    let mut asked = None;
    for n in 0..COINS {
        let value = [7; 70];
        let length = 26 + draw.index(8);
        cache.create(&draw_key(&mut draw), &value[..length], Overwrite::Never).unwrap();
        if cache.should_flush() {
            asked.get_or_insert(n);
        }
    }
    let held = (HELD.with(Cell::get) - before - fixed).cast_unsigned();
    let said = cache.memory_bytes();
    assert!(held.abs_diff(said) * 50 < held, "allocated {held}, said {said}");
    assert!(said < 95 * COINS, "{} bytes a coin", said / COINS);
    assert!(asked.is_some_and(|n| (30_000..60_000).contains(&n)), "{asked:?}");

    cache.flush([1; 32], |_| (), After::Drop).unwrap();
    assert!(cache.memory_bytes() < 10_000);
    assert!(!cache.should_flush());
}
