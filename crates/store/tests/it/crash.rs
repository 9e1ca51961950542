//! Power cuts at every operation of the disk.
//!
//! For a workload of batches, some `Sync`, some `Buffered`: run it once whole, count the disk's operations, then run it again for each
//! operation with the power cut there, restart with each kind of survival, and look. What is there must be the state after some batch
//! `j`, whole, where `j` is at least the last batch acknowledged with `Sync` and at most the last one attempted.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use quintet_store::{
    Batch, Durability, Engine, RedbEngine, Store, StoreError, Table,
    testing::{CrashDisk, LogEngine, Survival},
};

use crate::subject::{CACHE_BYTES, SCHEMA};

const LEFT: Table<u16, Vec<u8>> = Table::new("left");
const RIGHT: Table<u16, Vec<u8>> = Table::new("right");

/// One batch: which keys change to what, in both tables.
#[derive(Debug, Clone)]
struct Step {
    changes: Vec<(u16, Option<Vec<u8>>)>,
    durability: Durability,
}

impl Step {
    fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        for (key, value) in &self.changes {
            for table in [&LEFT, &RIGHT] {
                match value {
                    Some(value) => batch.put(table, key, value),
                    None => batch.delete(table, key),
                };
            }
        }
        batch
    }
}

type Contents = BTreeMap<u16, Vec<u8>>;

type OpenEngine = fn(CrashDisk) -> Result<Arc<dyn Engine>, StoreError>;

fn log(disk: CrashDisk) -> Result<Arc<dyn Engine>, StoreError> {
    Ok(Arc::new(LogEngine::open(disk)?))
}

fn redb(disk: CrashDisk) -> Result<Arc<dyn Engine>, StoreError> {
    Ok(Arc::new(RedbEngine::open_on(disk, CACHE_BYTES)?))
}

/// Returns a disk on which the engine has created its files, as a store directory makes sure of before it uses them.
fn formatted(open: OpenEngine) -> CrashDisk {
    let disk = CrashDisk::new();
    drop(open(disk.clone()).expect("an engine on an empty disk"));
    disk.restart(Survival::Nothing)
}

/// What a run got to before the power went.
#[derive(Debug, Default)]
struct Outcome {
    /// Batches surely on disk: the number of the last one acknowledged with `Sync`.
    durable: usize,
    /// Batches that may be on disk.
    attempted: usize,
}

/// Runs the workload until it is done or the power goes.
fn run(open: OpenEngine, disk: CrashDisk, steps: &[Step]) -> Outcome {
    let mut outcome = Outcome::default();
    let opened = open(disk).and_then(|engine| Store::with_engine(engine, &SCHEMA));
    let Ok(store) = opened else { return outcome };
    for (at, step) in steps.iter().enumerate() {
        outcome.attempted = at + 1;
        match store.commit(step.batch(), step.durability) {
            Ok(()) if step.durability == Durability::Sync => outcome.durable = at + 1,
            Ok(()) => {}
            Err(_) => return outcome,
        }
    }
    outcome
}

/// The contents after no batch, one batch, and so on.
fn states(steps: &[Step]) -> Vec<Contents> {
    let mut states = vec![Contents::new()];
    for step in steps {
        let mut next = states.last().cloned().unwrap_or_default();
        for (key, value) in &step.changes {
            match value {
                Some(value) => next.insert(*key, value.clone()),
                None => next.remove(key),
            };
        }
        states.push(next);
    }
    states
}

fn contents(store: &Store, table: &Table<u16, Vec<u8>>) -> Contents {
    let snapshot = store.snapshot().expect("a snapshot");
    let rows: Result<Contents, StoreError> = snapshot.range(table, ..).expect("a scan").collect();
    rows.expect("every record is whole")
}

/// Opens what survived and compares it with what it may be. The store must also be able to go on.
fn assert_survived(open: OpenEngine, disk: CrashDisk, steps: &[Step], outcome: &Outcome) {
    let engine = open(disk).unwrap_or_else(|error| panic!("{outcome:?}: does not open: {error}"));
    let store = Store::with_engine(engine, &SCHEMA)
        .unwrap_or_else(|error| panic!("{outcome:?}: not a store: {error}"));
    let left = contents(&store, &LEFT);
    assert_eq!(left, contents(&store, &RIGHT), "{outcome:?}: a batch survived in part");
    let states = states(steps);
    let may_be = states.get(outcome.durable..=outcome.attempted).expect("states in range");
    assert!(may_be.contains(&left), "{outcome:?}: found {left:?}, expected one of {may_be:?}");
    assert!(store.check_integrity(&[&LEFT, &RIGHT], &mut |_| {}).expect("a check").is_sound());

    let mut batch = Batch::new();
    batch.put(&LEFT, &u16::MAX, &vec![1]);
    store.commit(batch, Durability::Sync).expect("the store goes on");
}

fn survivals(seed: u64) -> [Survival; 5] {
    [
        Survival::Nothing,
        Survival::Everything,
        Survival::Prefix(seed),
        Survival::Any(seed),
        Survival::Any(!seed),
    ]
}

fn cut_at_every_operation(open: OpenEngine, steps: &[Step]) -> u64 {
    let whole = formatted(open);
    let outcome = run(open, whole.clone(), steps);
    assert_eq!(outcome.attempted, steps.len(), "the workload runs to its end with power");
    let operations = whole.operations();
    for cut in 0..operations {
        let disk = formatted(open);
        disk.cut_power_at(cut);
        let outcome = run(open, disk.clone(), steps);
        for survival in survivals(cut) {
            assert_survived(open, disk.restart(survival), steps, &outcome);
        }
    }
    operations
}

/// Batches that insert, overwrite, grow, delete and delete everything, with every second one synced.
fn workload() -> Vec<Step> {
    let put = |key: u16, byte: u8, size: usize| (key, Some(vec![byte; size]));
    let batches = [
        (0..8).map(|key| put(key, 1, 20)).collect::<Vec<_>>(),
        (4..12).map(|key| put(key, 2, 100)).collect(),
        vec![put(3, 3, 9_000), (4, None), (5, None)],
        (0..60).map(|key| put(key * 7, 4, 200)).collect(),
        (0..60).step_by(2).map(|key| (key * 7, None)).collect(),
        vec![put(1, 5, 0)],
        (0..500).map(|key| (key, None)).collect(),
        (0..30).map(|key| put(key, 6, 50)).collect(),
    ];
    let durability =
        |at: usize| if at.is_multiple_of(2) { Durability::Buffered } else { Durability::Sync };
    let steps = batches.into_iter().enumerate();
    steps.map(|(at, changes)| Step { changes, durability: durability(at) }).collect()
}

#[test]
fn the_log_engine_keeps_what_it_acknowledged_wherever_the_power_is_cut() {
    let operations = cut_at_every_operation(log, &workload());
    assert!(operations >= 12, "found {operations} operations");
}

#[test]
fn redb_keeps_what_it_acknowledged_wherever_the_power_is_cut() {
    let operations = cut_at_every_operation(redb, &workload());
    assert!(operations >= 50, "found {operations} operations");
}

#[test]
fn redb_keeps_what_it_acknowledged_when_the_power_is_cut_again_during_recovery() {
    let steps = workload();
    let whole = formatted(redb);
    run(redb, whole.clone(), &steps);
    for cut in (0..whole.operations()).step_by(9) {
        let disk = formatted(redb);
        disk.cut_power_at(cut);
        let outcome = run(redb, disk.clone(), &steps);
        let first = Survival::Any(cut);
        let recovered = disk.restart(first);
        drop(redb(recovered.clone()).expect("a recovery with power"));
        for second_cut in 0..recovered.operations() {
            let again = disk.restart(first);
            again.cut_power_at(second_cut);
            // Whether this open notices the cut does not matter; the next one must find everything.
            drop(redb(again.clone()));
            assert_survived(redb, again.restart(Survival::Any(second_cut)), &steps, &outcome);
        }
    }
}

fn random_steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (0..40_u16, prop::option::weighted(0.7, vec(any::<u8>(), 0..300)));
    let step = (vec(change, 1..20), any::<bool>()).prop_map(|(changes, sync)| Step {
        changes,
        durability: if sync { Durability::Sync } else { Durability::Buffered },
    });
    vec(step, 1..10)
}

fn random_cuts(open: OpenEngine, cases: u32) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let input = (random_steps(), any::<prop::sample::Index>(), any::<u64>());
    let outcome = runner.run(&input, |(steps, cut, seed)| {
        let whole = formatted(open);
        run(open, whole.clone(), &steps);
        let operations = usize::try_from(whole.operations()).expect("a small number");
        let disk = formatted(open);
        disk.cut_power_at(cut.index(operations) as u64);
        let outcome = run(open, disk.clone(), &steps);
        for survival in survivals(seed) {
            assert_survived(open, disk.restart(survival), &steps, &outcome);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_log_engine_keeps_random_batches_at_random_cuts() {
    random_cuts(log, 200);
}

#[test]
fn redb_keeps_random_batches_at_random_cuts() {
    random_cuts(redb, 40);
}

#[test]
fn a_disk_without_power_fails_every_operation_and_a_sync_that_is_cut_promises_nothing() {
    let disk = CrashDisk::new();
    disk.write(0, b"synced").expect("power");
    disk.sync().expect("power");
    disk.write(0, b"lost").expect("power");
    disk.cut_power_at(3);
    assert!(disk.sync().is_err());
    assert!(disk.write(0, b"x").is_err());
    assert!(disk.read(0, &mut [0]).is_err());
    let mut found = [0; 6];
    disk.restart(Survival::Nothing).read(0, &mut found).expect("power");
    assert_eq!(&found, b"synced");
    disk.restart(Survival::Everything).read(0, &mut found).expect("power");
    assert_eq!(&found, b"losted");
}

/// fjall has no storage seam, but everything it promises about recent commits lies in its journal: what a crash can leave of
/// that file, up to any byte, must open to the state after a whole batch.
mod fjall_journal {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use quintet_store::{Durability, EngineKind, Store};

    use super::{LEFT, Outcome, RIGHT, contents, states, workload};
    use crate::subject::{SCHEMA, options};

    const CUTS: usize = 60;

    fn journal(store: &Path) -> PathBuf {
        let mut files = fs::read_dir(store.join("fjall")).expect("a listing").filter_map(|entry| {
            let path = entry.expect("an entry").path();
            path.extension().is_some_and(|extension| extension == "jnl").then_some(path)
        });
        let only = files.next().expect("a journal");
        assert!(files.next().is_none(), "one journal");
        only
    }

    /// Copies a store's directory with the journal ending at `cut`: short, or filled up with zeros.
    fn copy_cut(from: &Path, to: &Path, cut: usize, fill: bool) {
        fs::create_dir_all(to).expect("a directory");
        for entry in fs::read_dir(from).expect("a listing") {
            let entry = entry.expect("an entry");
            let target = to.join(entry.file_name());
            if entry.file_type().expect("a type").is_dir() {
                copy_cut(&entry.path(), &target, cut, fill);
                continue;
            }
            let mut bytes = fs::read(entry.path()).expect("a file");
            if target.extension().is_some_and(|extension| extension == "jnl") {
                let length = bytes.len();
                bytes.truncate(cut);
                bytes.resize(if fill { length } else { cut }, 0);
            }
            fs::write(&target, bytes).expect("a copy");
        }
    }

    #[test]
    fn fjall_opens_to_a_whole_batch_wherever_its_journal_ends() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("store");
        let store = Store::open(&path, &SCHEMA, &options(EngineKind::Fjall)).expect("a store");
        drop(store);
        // A reopened journal is appended to, so its length says where each batch ends.
        let store = Store::open(&path, &SCHEMA, &options(EngineKind::Fjall)).expect("the store");
        let length = || fs::metadata(journal(&path)).map(|file| file.len()).expect("a journal");
        let steps = workload();
        let mut ends = vec![usize::try_from(length()).expect("a small file")];
        for step in &steps {
            store.commit(step.batch(), Durability::Sync).expect("a commit");
            ends.push(usize::try_from(length()).expect("a small file"));
        }
        assert!(ends.is_sorted_by(|a, b| a < b), "each batch adds to the journal: {ends:?}");

        let (first, last) = (ends[0], ends[steps.len()]);
        for number in 0..=CUTS {
            let cut = first + (last - first) * number / CUTS;
            let copy = place.path().join(format!("cut-{number}"));
            copy_cut(&path, &copy, cut, number % 2 == 1);
            let cut_store = Store::open(&copy, &SCHEMA, &options(EngineKind::Fjall))
                .unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let outcome = Outcome { durable: whole, attempted: steps.len() };
            let left = contents(&cut_store, &LEFT);
            assert_eq!(left, contents(&cut_store, &RIGHT), "a batch survived in part");
            let states = states(&steps);
            assert!(
                states[outcome.durable..].contains(&left),
                "cut at {cut} of {ends:?}: {outcome:?} is not what was found"
            );
            drop(cut_store);
            fs::remove_dir_all(&copy).expect("a removal");
        }
    }
}
