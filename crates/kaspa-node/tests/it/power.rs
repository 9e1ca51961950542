//! A ledger that loses power at every operation of its store's disk and at random points of its logs, restarts, and goes on to the same state.
//!
//! The logs are copied while they are written, so that what was gathered in memory is lost, and each is cut somewhere behind what it had
//! synced: no log promises more, and they are not cut at one point in time.

use std::{fs, path::Path, sync::Arc};

use quintet_kaspa_node::{
    ports::Ledger,
    storage::{DiskLedger, LEDGER_SCHEMA},
};
use quintet_store::{
    Store, StoreError,
    testing::{CrashDisk, LogEngine, Survival},
};

use crate::{
    model::{Draw, Model, Op, check},
    storage::{load, options},
};

const LOGS: [&str; 5] = ["headers", "rows", "bodies", "records", "events"];

fn open(directory: &Path, disk: &CrashDisk, model: &Model) -> Result<DiskLedger, String> {
    let engine = LogEngine::open(disk.clone()).map_err(|error: StoreError| error.to_string())?;
    let store = Store::with_engine(Arc::new(engine), &LEDGER_SCHEMA)
        .map_err(|error: StoreError| error.to_string())?;
    DiskLedger::open_beside(directory, store, &model.genesis(), &options())
        .map_err(|error| error.to_string())
}

/// Brings a ledger that was just opened from wherever it is to the end; `synced` counts the operations that were acknowledged.
fn run(ledger: &DiskLedger, model: &Model, synced: &mut usize) -> Result<(), String> {
    let (done, _) = found(ledger, model);
    let told = |error: quintet_kaspa_node::ports::LedgerError| error.to_string();
    for (number, &op) in model.ops.iter().enumerate() {
        if !done.contains(&op) {
            model.apply(ledger, op).map_err(told)?;
        }
        if number % 30 == 29 {
            // By turns the logs alone, and the coins too.
            if number % 60 == 29 { ledger.flush() } else { ledger.close() }.map_err(told)?;
            *synced = (*synced).max(number + 1);
        }
    }
    ledger.close().map_err(told)?;
    *synced = model.ops.len();
    Ok(())
}

/// Loads a ledger and returns which operations its state is the outcome of, and how many of them there are without a gap.
pub(crate) fn found(ledger: &DiskLedger, model: &Model) -> (Vec<Op>, usize) {
    let (blocks, committed) = load(ledger);
    let steps = committed.map_or(0, |committed| model.step_of(committed.sink) + 1);
    let has = |op: &Op| match *op {
        Op::Header(id) => id.row() <= blocks.len(),
        Op::Body(id) => blocks.get(id.row() - 1).is_some_and(|block| block.status.has_body()),
        Op::Invalid(id) => blocks
            .get(id.row() - 1)
            .is_some_and(|block| block.status == quintet_kaspa_node::ports::BlockStatus::Invalid),
        Op::Step(step) => step < steps,
    };
    let prefix = model.ops.iter().take_while(|op| has(op)).count();
    (model.ops.iter().copied().filter(has).collect(), prefix)
}

/// The bytes of a segment that were synced: what the later of its two marks says.
fn synced_bytes(bytes: &[u8]) -> usize {
    let mark = |at: usize| {
        let length = bytes
            .get(at..at + 8)
            .map_or(0, |length| u64::from_be_bytes(length.try_into().unwrap()));
        usize::try_from(length).unwrap()
    };
    mark(64).max(mark(80))
}

/// Copies the logs as a power cut leaves them.
fn copy_torn(from: &Path, to: &Path, draw: &mut Draw) {
    for log in LOGS {
        fs::create_dir_all(to.join(log)).unwrap();
        let mut names: Vec<_> = fs::read_dir(from.join(log))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().ends_with(".seg"))
            .collect();
        names.sort();
        let last = names.last().cloned();
        for name in names {
            let mut bytes = fs::read(from.join(log).join(&name)).unwrap();
            if Some(&name) == last.as_ref() {
                let synced = synced_bytes(&bytes);
                let cut = synced + draw.below(bytes.len() - synced + 1);
                bytes.truncate(cut);
            }
            fs::write(to.join(log).join(&name), bytes).unwrap();
        }
    }
}

#[test]
fn power_lost_at_every_operation_of_the_store_costs_nothing_acknowledged() {
    let model = Model::new(11, 150);
    let whole = CrashDisk::new();
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path(), &whole, &model).unwrap();
    run(&ledger, &model, &mut 0).unwrap();
    drop(ledger);
    let operations = whole.operations();
    assert!(operations > 20, "{operations} operations are too few to be a test");
    for operation in 0..operations {
        let directory = tempfile::tempdir().unwrap();
        let disk = CrashDisk::new();
        disk.cut_power_at(operation);
        let mut synced = 0;
        let outcome = open(directory.path(), &disk, &model)
            .map(|ledger| (run(&ledger, &model, &mut synced), ledger));
        let ledger = match outcome {
            Ok((Err(_), ledger)) => Some(ledger),
            Ok((Ok(()), _)) => panic!("operation {operation} never came"),
            Err(_) => None,
        };
        let mut draw = Draw::new(operation);
        let torn = tempfile::tempdir().unwrap();
        if ledger.is_some() {
            copy_torn(directory.path(), torn.path(), &mut draw);
        }
        recover(torn.path(), &disk.restart(Survival::Any(operation)), &model, synced);
    }
}

#[test]
fn power_lost_between_two_operations_costs_nothing_acknowledged() {
    let model = Model::new(12, 200);
    for seed in 0..20 {
        let mut draw = Draw::new(seed);
        let until = draw.below(model.ops.len());
        let directory = tempfile::tempdir().unwrap();
        let disk = CrashDisk::new();
        let ledger = open(directory.path(), &disk, &model).unwrap();
        let mut synced = 0;
        for (number, &op) in model.ops[..until].iter().enumerate() {
            model.apply(&ledger, op).unwrap();
            if draw.below(50) == 0 {
                ledger.flush().unwrap();
                synced = number + 1;
            }
        }
        let torn = tempfile::tempdir().unwrap();
        copy_torn(directory.path(), torn.path(), &mut draw);
        recover(torn.path(), &disk.restart(Survival::Any(seed)), &model, synced);
    }
}

/// Opens what a crash left, looks for what was acknowledged, goes on to the end, and looks at everything.
fn recover(directory: &Path, disk: &CrashDisk, model: &Model, synced: usize) {
    let ledger = open(directory, disk, model).unwrap();
    let (done, prefix) = found(&ledger, model);
    assert!(prefix >= synced, "{prefix} operations are there, {synced} were acknowledged");
    if !done.is_empty() {
        check(model, &ledger, &done);
    }
    drop(ledger);
    let ledger = open(directory, disk, model).unwrap();
    run(&ledger, model, &mut 0).unwrap();
    check(model, &ledger, &model.ops);
}
