//! The check pool: verdicts that do not depend on luck, and nothing that waits for ever.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use quintet_utxo::checks::{Check, Failure, Group, Pool, PoolError, PoolOptions, QueueFull};

use quintet_primitives::random::SplitMix;

/// What an item does.
enum Item {
    Pass,
    Fail(&'static str),
    Panic,
    /// Waits until somebody else is there too.
    Meet(Arc<Barrier>),
}

/// Counts what it has looked at.
struct Items(Arc<AtomicUsize>);

impl Check for Items {
    type Item = Item;
    type Error = &'static str;

    fn run(&self, items: &[Item]) -> Result<(), (usize, &'static str)> {
        for (at, item) in items.iter().enumerate() {
            self.0.fetch_add(1, Ordering::SeqCst);
            match item {
                Item::Pass => {}
                Item::Fail(why) => return Err((at, why)),
                Item::Panic => panic!("the check is broken"),
                Item::Meet(barrier) => {
                    barrier.wait();
                }
            }
        }
        Ok(())
    }
}

fn pool(threads: usize, chunk_items: usize, queue_items_max: usize) -> Pool {
    Pool::new(&PoolOptions { threads, chunk_items, queue_items_max }).unwrap()
}

fn submit(pool: &Pool, items: Vec<Item>) -> (Group<&'static str>, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    (pool.submit(Items(Arc::clone(&seen)), items), seen)
}

fn passing(count: usize) -> Vec<Item> {
    std::iter::repeat_with(|| Item::Pass).take(count).collect()
}

#[test]
fn a_group_without_failures_passes_and_every_item_is_seen_once() {
    let pool = pool(4, 7, 1000);
    let groups: Vec<_> = (0..20).map(|n| submit(&pool, passing(n * 5))).collect();
    for (n, (group, seen)) in groups.into_iter().enumerate() {
        assert_eq!(group.wait(), Ok(()));
        assert_eq!(seen.load(Ordering::SeqCst), n * 5);
    }
    assert_eq!(pool.queued(), 0);
}

#[test]
fn the_lowest_failure_is_the_verdict_in_whatever_order_chunks_end() {
    let pool = pool(4, 3, 10_000);
    let mut draw = SplitMix::new(11);
    for _ in 0..300 {
        let mut items = passing(120);
        let mut lowest = usize::MAX;
        for _ in 0..1 + draw.index(6) {
            let at = draw.index(120);
            items[at] = Item::Fail("refused");
            lowest = lowest.min(at);
        }
        let verdict = submit(&pool, items).0.wait();
        assert_eq!(verdict, Err(Failure::Refused { index: lowest, error: "refused" }));
    }
}

#[test]
fn what_comes_after_a_known_failure_is_skipped() {
    let pool = pool(1, 1, 10_000);
    let mut items = passing(1000);
    items[10] = Item::Fail("refused");
    let (group, seen) = submit(&pool, items);
    assert!(group.wait().is_err());
    assert_eq!(seen.load(Ordering::SeqCst), 11);
}

#[test]
fn a_panic_is_the_failure_of_its_group_alone() {
    let pool = pool(2, 4, 1000);
    let mut items = passing(20);
    items[9] = Item::Panic;
    let (broken, _) = submit(&pool, items);
    let (sound, _) = submit(&pool, passing(20));
    let reason = "the check is broken".to_owned();
    assert_eq!(broken.wait(), Err(Failure::Panicked { index: 8, reason }));
    assert_eq!(sound.wait(), Ok(()));
    assert_eq!(pool.queued(), 0);
}

#[test]
fn groups_run_side_by_side() {
    let pool = pool(2, 1, 1000);
    let barrier = Arc::new(Barrier::new(2));
    let (first, _) = submit(&pool, vec![Item::Meet(Arc::clone(&barrier))]);
    let (second, _) = submit(&pool, vec![Item::Meet(barrier)]);
    assert_eq!((first.wait(), second.wait()), (Ok(()), Ok(())));
}

#[test]
fn a_full_queue_takes_no_more_until_there_is_room() {
    let pool = pool(1, 1, 2);
    let barrier = Arc::new(Barrier::new(2));
    let (held, _) = submit(&pool, vec![Item::Meet(Arc::clone(&barrier)), Item::Pass]);
    let seen = Arc::new(AtomicUsize::new(0));
    let refused = pool.try_submit(Items(Arc::clone(&seen)), passing(1));
    let QueueFull { check, items } = refused.err().unwrap();

    let (sender, receiver) = mpsc::channel();
    let waiting = {
        let pool = pool.clone();
        std::thread::spawn(move || sender.send(pool.submit(check, items).wait()))
    };
    assert!(receiver.try_recv().is_err());
    barrier.wait();
    assert_eq!(receiver.recv().unwrap(), Ok(()));
    assert_eq!(held.wait(), Ok(()));
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_group_larger_than_the_queue_is_taken_when_nothing_else_is_queued() {
    let (group, seen) = submit(&pool(2, 8, 10), passing(500));
    assert_eq!(group.wait(), Ok(()));
    assert_eq!(seen.load(Ordering::SeqCst), 500);
}

#[test]
fn a_cancelled_or_dropped_group_leaves_the_queue() {
    let pool = pool(1, 1, 1000);
    let barrier = Arc::new(Barrier::new(2));
    let (held, _) = submit(&pool, vec![Item::Meet(Arc::clone(&barrier))]);
    let (cancelled, cancelled_seen) = submit(&pool, passing(50));
    let (dropped, dropped_seen) = submit(&pool, passing(50));
    cancelled.cancel();
    drop(dropped);
    barrier.wait();
    assert_eq!(held.wait(), Ok(()));
    assert_eq!(cancelled.wait(), Err(Failure::Cancelled));
    let (last, _) = submit(&pool, passing(1));
    assert_eq!(last.wait(), Ok(()));
    assert_eq!(cancelled_seen.load(Ordering::SeqCst), 0);
    assert_eq!(dropped_seen.load(Ordering::SeqCst), 0);
    assert_eq!(pool.queued(), 0);
}

#[test]
fn options_out_of_range_are_refused() {
    let options = PoolOptions { threads: 0, ..PoolOptions::new(1) };
    assert!(matches!(
        Pool::new(&options),
        Err(PoolError::Option { option: "threads", actual: 0, .. })
    ));
}
