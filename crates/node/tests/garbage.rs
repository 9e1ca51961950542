//! What upkeep frees is free at once: in a process of its own, as every allocation is counted.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ops::Range,
    sync::atomic::{AtomicBool, AtomicIsize, Ordering},
    thread,
    time::Duration,
};

use quintet_node::telemetry::{Metrics, UPKEEP_INTERVAL};
use tokio_util::sync::CancellationToken;

/// What crossbeam's queue takes for each flush, bytes: 64 deferred calls of 32, and its own.
const IN_THE_QUEUE: Range<usize> = 2048..2200;

/// Counts allocations of the queue's size.
struct Counting;

static QUEUED: AtomicIsize = AtomicIsize::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: all is the system allocator's; the count touches no memory of anybody.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IN_THE_QUEUE.contains(&layout.size()) {
            QUEUED.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if IN_THE_QUEUE.contains(&layout.size()) {
            QUEUED.fetch_sub(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Threads that only read what crossbeam guards, as those do who read a store.
const READERS: usize = 24;

const FOLDS: u32 = 400;

static ENDED: AtomicBool = AtomicBool::new(false);

#[tokio::test(start_paused = true)]
async fn folded_samples_leave_nothing_with_threads_that_come_by() {
    let metrics = Metrics::install().expect("the first recorder of this process");
    let sample = metrics::histogram!("folded_seconds");
    let stop = CancellationToken::new();
    let upkeep = tokio::spawn(metrics.upkeep(stop.clone()));
    let before = QUEUED.load(Ordering::Relaxed);
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            thread::spawn(|| {
                while !ENDED.load(Ordering::Relaxed) {
                    (0..16).for_each(|_| drop(crossbeam_epoch::pin()));
                    thread::sleep(Duration::from_millis(1));
                }
            })
        })
        .collect();
    for _ in 0..FOLDS {
        sample.record(0.5);
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        // In real time: for the readers to come by.
        thread::sleep(Duration::from_millis(5));
    }
    let left = QUEUED.load(Ordering::Relaxed) - before;
    ENDED.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().expect("a reader only reads");
    }
    stop.cancel();
    upkeep.await.expect("upkeep ends when it is told to");
    assert!(left < 100, "{left} pieces of garbage after {FOLDS} folds");
}
