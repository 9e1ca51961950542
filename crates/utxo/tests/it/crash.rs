//! A node that loses power at every operation of its disk, restarts, recovers, loses power again, and still has the right coins.

use std::sync::Arc;

use quintet_store::{
    Store, StoreError,
    testing::{CrashDisk, LogEngine, Survival},
};
use quintet_utxo::{After, Cache, CacheError, CacheOptions, Head};

use crate::{
    SCHEMA, TABLES,
    ledger::{Ledger, SIDE, flush, on_disk, tip},
};

/// Chain 1..=10, fork from 7: blocks 11, 12, 13.
fn ledger() -> Ledger {
    Ledger::new(10, 7, 0x1234_5678)
}

fn open(disk: &CrashDisk) -> Result<(Store, Cache), CacheError> {
    let store = Store::with_engine(Arc::new(LogEngine::open(disk.clone())?), &SCHEMA)?;
    let mut options = CacheOptions::new(1 << 20, [1, 2]);
    options.batch_bytes = 256;
    options.read_threads = 1;
    let cache = Cache::open(store.clone(), TABLES, options)?;
    Ok((store, cache))
}

/// Goes on from wherever the coins are to block 13, by way of 10 if that has not been passed. Tells `flushed` after each flush.
fn run(disk: &CrashDisk, flushed: &mut usize) -> Result<(), CacheError> {
    let ledger = ledger();
    let (_store, mut cache) = open(disk)?;
    let mut at = ledger.recover(&mut cache)?;
    while at < 10 {
        at += 1;
        ledger.connect(&mut cache, at)?;
        if [3, 4, 10].contains(&at) {
            flush(&mut cache, at, if at == 4 { After::Keep } else { After::Drop })?;
            *flushed = at;
        }
    }
    if at == 10 {
        while at > 7 {
            ledger.disconnect(&mut cache, at)?;
            at = ledger.blocks[at].parent;
        }
        for number in 11..=13 {
            ledger.connect(&mut cache, number)?;
        }
        flush(&mut cache, 13, After::Drop)?;
        *flushed = 13;
    }
    Ok(())
}

/// Looks at a restarted disk: what was acknowledged is there, and what it says of its coins is true.
fn check(disk: &CrashDisk, flushed: usize) {
    let ledger = ledger();
    let (store, mut cache) = open(disk).unwrap();
    let old = match cache.head() {
        Head::Empty => 0,
        Head::At(tip) => usize::from(tip[0]),
        Head::Between { old, .. } => old.map_or(0, |tip| usize::from(tip[0])),
    };
    assert!(old >= flushed, "acknowledged {flushed}, found {old}");
    let side = store.get(&SIDE, &()).unwrap().unwrap_or(0);
    let at = ledger.recover(&mut cache).unwrap();
    assert_eq!(side, old as u64, "the caller's own change comes with the tip");
    assert_eq!(cache.head(), if at == 0 { Head::Empty } else { Head::At(tip(at)) });
    assert_eq!(on_disk(&store), ledger.coins[at]);
}

fn power_lost(outcome: Result<(), CacheError>) -> bool {
    match outcome {
        Ok(()) => false,
        Err(CacheError::Store(StoreError::Engine { .. } | StoreError::Poisoned { .. })) => true,
        Err(other) => panic!("{other}"),
    }
}

fn survivals(seed: u64) -> [Survival; 4] {
    [
        Survival::Nothing,
        Survival::Everything,
        Survival::Prefix(seed),
        Survival::Any(seed.wrapping_add(7)),
    ]
}

#[test]
fn a_flush_cut_anywhere_is_completed_by_replay_even_if_that_is_cut_too() {
    let whole = CrashDisk::new();
    let mut flushed = 0;
    run(&whole, &mut flushed).unwrap();
    assert_eq!(flushed, 13);
    check(&whole, 13);

    let operations = whole.operations();
    assert!(operations > 20, "{operations}: batches are small enough for flushes of several");
    let mut interrupted = 0;
    for first in 0..operations {
        let disk = CrashDisk::new();
        disk.cut_power_at(first);
        let mut flushed = 0;
        if !power_lost(run(&disk, &mut flushed)) {
            continue;
        }
        for survival in survivals(first) {
            check(&disk.restart(survival), flushed);
            let again = disk.restart(survival);
            interrupted += u32::from(open(&again).is_ok_and(|(_, cache)| cache.is_recovering()));
            for second in (0..operations).step_by(3) {
                let disk = disk.restart(survival);
                disk.cut_power_at(second);
                let mut flushed = flushed;
                if !power_lost(run(&disk, &mut flushed)) {
                    break;
                }
                check(&disk.restart(Survival::Prefix(second)), flushed);
            }
        }
    }
    assert!(interrupted > 20, "{interrupted} of {operations} restarts found a flush half done");
}

#[test]
fn an_interrupted_flush_accepts_no_other_target() {
    let mut flushed = 0;
    let whole = CrashDisk::new();
    run(&whole, &mut flushed).unwrap();
    for cut in 0..whole.operations() {
        let disk = CrashDisk::new();
        disk.cut_power_at(cut);
        let mut flushed = 0;
        let _ = run(&disk, &mut flushed);
        let (_store, mut cache) = open(&disk.restart(Survival::Everything)).unwrap();
        if let Head::Between { new, .. } = cache.head() {
            let refused = cache.flush(tip(99), |_| (), After::Drop);
            assert!(
                matches!(refused, Err(CacheError::Recovering { expected, .. }) if expected == new)
            );
            return;
        }
        assert!(matches!(cache.spill(), Err(CacheError::NotRecovering)));
    }
    panic!("no cut left a flush half done");
}
