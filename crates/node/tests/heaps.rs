//! Heaps that threads share: in a process of its own, as they are the whole process's.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::{ffi::CStr, fs, num::NonZeroU8, sync::Barrier, thread};

use quintet_node::memory;

/// How many heaps glibc has made, as it says itself.
#[expect(unsafe_code, reason = "glibc's allocator has no safe form of it")]
fn heaps() -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("heaps.xml");
    let name = format!("{}\0", path.display());
    let name = CStr::from_bytes_with_nul(name.as_bytes()).expect("one NUL, at the end");
    // SAFETY: both strings end in NUL; the stream is open while it is written to, and closed once.
    unsafe {
        let stream = libc::fopen(name.as_ptr(), c"w".as_ptr());
        assert!(!stream.is_null(), "cannot write {}", path.display());
        assert_eq!(libc::malloc_info(0, stream), 0);
        assert_eq!(libc::fclose(stream), 0);
    }
    fs::read_to_string(path).expect("it was written").matches("<heap nr=").count()
}

/// Has so many threads hold something of their own at one time.
fn threads_that_hold(threads: usize) -> usize {
    let all = Barrier::new(threads + 1);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let own = vec![1_u8; 4096];
                all.wait();
                all.wait();
                drop(own);
            });
        }
        all.wait();
        let heaps = heaps();
        all.wait();
        heaps
    })
}

#[test]
fn many_threads_share_as_many_heaps_as_they_are_told_to() {
    assert!(memory::share_heaps(NonZeroU8::MIN.saturating_add(1)));
    let heaps = threads_that_hold(12);
    assert!((1..=2).contains(&heaps), "{heaps} heaps");
}
