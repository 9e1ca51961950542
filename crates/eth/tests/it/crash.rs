//! Power cuts at every operation of the disk, and processes that are really killed.
//!
//! Whatever was lost, what is there must be the state of one block: head, root, flat state, tries and the caller's own table, and it must be
//! possible to go on.

use std::{path::Path, sync::Arc};

use quintet_eth::state::store::StateStore;
use quintet_store::{
    Batch, Durability, Store, StoreOptions,
    testing::{
        CrashDisk, LogEngine, Survival,
        kill::{child_directory, kill_a_child, ready, report, rounds},
    },
};

use crate::model::{self, BLOCKS, Contents, SCHEMA, assert_reads, assert_sound, commit, hash};

const BLOCKS_COUNT: u64 = 12;
const SEED: u64 = 4_711;

const fn durability(number: u64) -> Durability {
    if number % 3 == 2 { Durability::Sync } else { Durability::Buffered }
}

fn open(disk: CrashDisk) -> Option<StateStore> {
    let engine = Arc::new(LogEngine::open(disk).ok()?);
    let store = Store::with_engine(engine, &SCHEMA).ok()?;
    StateStore::open(store, Default::default()).ok()
}

/// Commits until the power goes; goes back three blocks once. Returns how many blocks were acknowledged with `Sync`.
fn run(disk: CrashDisk, blocks: &[(quintet_eth::state::StateChanges, Contents)]) -> Option<u64> {
    let mut durable = 0;
    let state = open(disk)?;
    for (number, (changes, _)) in (0..).zip(blocks) {
        if commit(&state, number, 0, changes, durability(number)).is_err() {
            return Some(durable);
        }
        if durability(number) == Durability::Sync {
            durable = number + 1;
        }
    }
    let mut batch = Batch::new();
    for number in BLOCKS_COUNT - 3..BLOCKS_COUNT {
        batch.delete(&BLOCKS, &number);
    }
    if state.revert(BLOCKS_COUNT - 4, batch, Durability::Sync).is_err() {
        // Either side of the way back is fine.
        return Some(BLOCKS_COUNT - 3);
    }
    Some(BLOCKS_COUNT - 3)
}

/// Whatever is there is one block's state; returns how many blocks there are.
fn assert_one_state(state: &StateStore, contents: &[Contents]) -> u64 {
    let snapshot = state.store().snapshot().unwrap();
    let last = snapshot.range_rev(&BLOCKS, ..).unwrap().next().map(Result::unwrap);
    let head = state.head();
    assert_eq!(head.map(|head| (head.number, head.hash.0)), last, "head and the caller's table");
    let empty = Contents::new();
    let expected = head.map_or(&empty, |head| &contents[usize::try_from(head.number).unwrap()]);
    assert_sound(state, expected);
    assert_reads(&state.view().unwrap(), expected);
    head.map_or(0, |head| head.number + 1)
}

#[test]
fn a_power_cut_at_any_operation_leaves_the_state_of_one_block() {
    let blocks = model::blocks(SEED, BLOCKS_COUNT);
    let contents: Vec<_> = blocks.iter().map(|(_, contents)| contents.clone()).collect();
    let formatted = || {
        let disk = CrashDisk::new();
        open(disk.clone()).unwrap();
        disk.restart(Survival::Nothing)
    };
    let whole = formatted();
    assert_eq!(run(whole.clone(), &blocks), Some(BLOCKS_COUNT - 3));
    let operations = whole.operations();
    assert!(operations > BLOCKS_COUNT);
    for cut in 0..operations {
        let disk = formatted();
        disk.cut_power_at(cut);
        let durable = run(disk.clone(), &blocks).unwrap_or(0);
        for survival in
            [Survival::Nothing, Survival::Everything, Survival::Prefix(cut), Survival::Any(cut)]
        {
            let state = open(disk.restart(survival)).unwrap();
            let there = assert_one_state(&state, &contents);
            assert!(there >= durable.min(BLOCKS_COUNT - 3), "cut {cut}: {there} of {durable}");
            let number = there;
            let Some((changes, contents)) = blocks.get(usize::try_from(number).unwrap()) else {
                continue;
            };
            commit(&state, number, 0, changes, Durability::Sync).unwrap();
            assert_sound(&state, contents);
        }
    }
}

fn open_directory(directory: &Path) -> StateStore {
    let store = Store::open(directory, &SCHEMA, &StoreOptions::for_state(4 << 20)).unwrap();
    StateStore::open(store, Default::default()).unwrap()
}

const KILL_BLOCKS: u64 = 4_000;

fn work_until_killed(directory: &Path) {
    ready();
    let state = open_directory(directory);
    let blocks = model::blocks(SEED, KILL_BLOCKS);
    let mut next = state.head().map_or(0, |head| head.number + 1);
    loop {
        // Back three blocks and on again, now and then.
        if next % 50 == 49 && next > 3 {
            let mut batch = Batch::new();
            for number in next - 3..next {
                batch.delete(&BLOCKS, &number);
            }
            state.revert(next - 4, batch, Durability::Sync).unwrap();
            for number in next - 3..next {
                let (changes, _) = &blocks[usize::try_from(number).unwrap()];
                commit(&state, number, 0, changes, Durability::Buffered).unwrap();
            }
        }
        let (changes, _) = &blocks[usize::try_from(next).unwrap()];
        commit(&state, next, 0, changes, durability(next)).unwrap();
        if durability(next) == Durability::Sync && !report(next) {
            return;
        }
        next += 1;
    }
}

#[test]
fn a_killed_process_leaves_the_state_of_one_block_and_loses_none_it_acknowledged() {
    if let Some(directory) = child_directory() {
        return work_until_killed(&directory);
    }
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    let contents: Vec<_> =
        model::blocks(SEED, KILL_BLOCKS).into_iter().map(|(_, contents)| contents).collect();
    let mut before = 0;
    for round in 0..rounds(12) {
        let reports = round * 5 % 23;
        let test =
            "crash::a_killed_process_leaves_the_state_of_one_block_and_loses_none_it_acknowledged";
        let reported = kill_a_child(test, &directory, reports, &[]);
        let state = open_directory(&directory);
        let there = assert_one_state(&state, &contents);
        // At the moment of a kill it may have been up to three blocks back.
        assert!(
            there + 4 >= reported.max(before),
            "round {round}: {there} blocks, {reported} reported"
        );
        if let Some(head) = state.head() {
            assert_eq!(head.hash, hash(head.number, 0));
        }
        before = there;
    }
    assert!(before > 20, "children wrote {before} blocks");
}
