//! Memory that goes back to the system: in a process of its own, as what is resident is the whole process's.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;

use quintet_node::memory;

/// Bytes of memory of this process's own that are resident, from `/proc`.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("since 4.5");
    let kibibytes = line.trim().trim_end_matches(" kB");
    1024 * kibibytes.parse::<u64>().expect("a number of kB")
}

#[test]
fn what_was_freed_below_something_that_lives_is_given_back() {
    const CHUNK: usize = 1024;
    const CHUNKS: usize = 64 << 10;
    let total = u64::try_from(CHUNK * CHUNKS).expect("64 MiB");
    let mut chunks: Vec<Box<[u8]>> = (0..CHUNKS).map(|_| vec![1; CHUNK].into()).collect();
    // The last stays, and with it, as far as the allocator is concerned, the heap below.
    let last = chunks.pop();
    drop(chunks);
    let held = resident();
    assert!(
        held > total / 2,
        "the allocator gave {held} bytes back by itself: nothing to see here"
    );
    assert!(memory::give_back(), "nothing was given back");
    let left = resident();
    assert!(left < held - total / 2, "of {held} bytes {left} are still resident");
    drop(last);
}
