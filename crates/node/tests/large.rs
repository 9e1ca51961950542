//! Large pieces of memory stay apart from the heap: in a process of its own, as the allocator is the whole process's.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::hint::black_box;

use quintet_node::memory;

const LARGE: usize = 4 << 20;

/// Pieces glibc has mapped by themselves.
#[expect(unsafe_code, reason = "glibc's allocator has no safe form of it")]
fn mapped_apart() -> usize {
    // SAFETY: the function only counts, under its own lock.
    unsafe { libc::mallinfo2() }.hblks
}

#[test]
fn what_is_large_never_moves_into_the_heap() {
    assert!(memory::keep_large_apart(128 << 10));
    for _ in 0..3 {
        // Freed once, a piece of this size would be a heap's from then on.
        let before = mapped_apart();
        let large = black_box(vec![1_u8; LARGE]);
        assert_eq!(mapped_apart(), before + 1);
        drop(large);
        assert_eq!(mapped_apart(), before);
    }
}
