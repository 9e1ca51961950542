//! Real processes, really killed.
//!
//! The test starts itself again as a child, which opens the store and commits numbered records with `Sync`, printing each number once the commit
//! has returned. The parent kills it with SIGKILL at some moment, opens the store, and looks for every number it was told.
//! Each round goes on in the same store, so recoveries pile up.
//!
//! `QUINTET_KILL_ROUNDS` sets the rounds for each engine.

use std::path::Path;

use quintet_store::{
    Batch, Durability, EngineKind, Store, Table,
    testing::kill::{child_directory, kill_a_child, ready, report, rounds},
};

use crate::subject::{SCHEMA, options};

const ROUNDS: u64 = 20;

const FORWARD: Table<u64, Vec<u8>> = Table::new("forward");
const BACKWARD: Table<u64, u64> = Table::new("backward");

fn value(number: u64) -> Vec<u8> {
    let size = usize::try_from(number * 37 % 500).expect("a small number");
    number.to_be_bytes().iter().copied().cycle().take(size).collect()
}

/// Returns how many records there are, having checked that they are 1, 2, … without a gap, whole, and in both tables.
fn count_whole(store: &Store) -> u64 {
    let snapshot = store.snapshot().expect("a snapshot");
    let mut count = 0;
    for row in snapshot.range(&FORWARD, ..).expect("a scan") {
        let (number, found) = row.expect("a whole record");
        count += 1;
        assert_eq!(number, count, "a gap");
        assert!(found == value(number), "record {number} changed");
        assert_eq!(snapshot.get(&BACKWARD, &(u64::MAX - number)).expect("a read"), Some(number));
    }
    assert_eq!(snapshot.range(&BACKWARD, ..).expect("a scan").count() as u64, count);
    count
}

/// What the child does.
fn write_until_killed(engine: EngineKind, directory: &Path) {
    // Before the store is opened: some children are killed while they create or recover it.
    ready();
    let store = Store::open(directory, &SCHEMA, &options(engine)).expect("the store");
    for number in count_whole(&store) + 1.. {
        let mut batch = Batch::new();
        batch.put(&FORWARD, &number, &value(number));
        batch.put(&BACKWARD, &(u64::MAX - number), &number);
        // Buffered commits in between must not outrun a later synced one.
        let durability = if number % 3 == 0 { Durability::Buffered } else { Durability::Sync };
        store.commit(batch, durability).expect("a commit");
        if durability == Durability::Sync && !report(number) {
            return; // the parent is gone
        }
    }
}

fn no_acknowledged_record_is_lost(engine: EngineKind, test: &str) {
    if let Some(directory) = child_directory() {
        return write_until_killed(engine, &directory);
    }
    let rounds = rounds(ROUNDS);
    let place = tempfile::tempdir().expect("a directory");
    let directory = place.path().join("store");
    let mut written = 0;
    for round in 0..rounds {
        let reports = if round % 4 == 0 { 0 } else { round * 7 % 40 };
        let reported = kill_a_child(test, &directory, reports, &[]);
        let store = Store::open(&directory, &SCHEMA, &options(engine)).expect("it opens again");
        let found = count_whole(&store);
        assert!(found >= reported, "round {round}: found {found} records, reported {reported}");
        assert!(found > written || reports == 0, "round {round}: the child wrote nothing");
        assert!(found >= written, "round {round}: older records were lost");
        written = found;
    }
}

#[test]
fn fjall_loses_no_acknowledged_record_when_its_process_is_killed() {
    no_acknowledged_record_is_lost(
        EngineKind::Fjall,
        "kill::fjall_loses_no_acknowledged_record_when_its_process_is_killed",
    );
}

#[test]
fn redb_loses_no_acknowledged_record_when_its_process_is_killed() {
    no_acknowledged_record_is_lost(
        EngineKind::Redb,
        "kill::redb_loses_no_acknowledged_record_when_its_process_is_killed",
    );
}
