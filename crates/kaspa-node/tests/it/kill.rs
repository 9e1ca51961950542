//! Real processes, really killed: a child carries operations out and reports what was acknowledged; whatever the moment it is killed at, all of
//! that is there, and the rest of the operations lead to the same state.
//!
//! `QUINTET_KILL_ROUNDS` sets the rounds.

use std::path::Path;

use quintet_kaspa_node::{ports::Ledger as _, storage::DiskLedger};
use quintet_store::testing::kill::{child_directory, kill_a_child, ready, report, rounds};

use crate::{
    model::{Draw, Model, check},
    power::found,
    storage::options,
};

const ROUNDS: u64 = 4;

fn model() -> Model {
    Model::new(21, 1500)
}

fn open(directory: &Path, model: &Model) -> DiskLedger {
    DiskLedger::open(directory, &model.genesis(), &options()).unwrap()
}

/// What the child does: goes on from where the last one was killed, and once it is through, again and again from nothing.
fn work(directory: &Path) {
    ready();
    let model = model();
    let ledger = open(directory, &model);
    let (done, _) = found(&ledger, &model);
    for (number, &op) in (1_u64..).zip(&model.ops) {
        if !done.contains(&op) {
            model.apply(&ledger, op).unwrap();
        }
        if number % 40 == 0 {
            ledger.flush().unwrap();
            if !report(number) {
                return;
            }
        }
    }
    ledger.close().unwrap();
    // Nothing is left to do: wait for the end.
    while report(model.ops.len() as u64) {
        std::thread::yield_now();
    }
}

#[test]
fn a_killed_node_has_all_it_acknowledged_and_goes_on() {
    if let Some(directory) = child_directory() {
        return work(&directory);
    }
    let model = model();
    let mut draw = Draw::new(5);
    let mut directory = tempfile::tempdir().unwrap();
    for round in 0..rounds(ROUNDS) {
        let reports = u64::try_from(draw.below(30)).unwrap();
        let test = "kill::a_killed_node_has_all_it_acknowledged_and_goes_on";
        let acknowledged = kill_a_child(test, directory.path(), reports, &[]);
        let ledger = open(directory.path(), &model);
        let (done, prefix) = found(&ledger, &model);
        assert!(
            prefix as u64 >= acknowledged,
            "round {round}: {prefix} operations are there, {acknowledged} were acknowledged"
        );
        if !done.is_empty() {
            check(&model, &ledger, &done);
        }
        if prefix == model.ops.len() {
            directory = tempfile::tempdir().unwrap();
        }
    }
    let ledger = open(directory.path(), &model);
    let (done, _) = found(&ledger, &model);
    for &op in model.ops.iter().filter(|op| !done.contains(op)) {
        model.apply(&ledger, op).unwrap();
    }
    check(&model, &ledger, &model.ops);
}
