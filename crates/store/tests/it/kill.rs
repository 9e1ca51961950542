//! Real processes, really killed.
//!
//! The test starts itself again as a child, which opens the store and commits numbered records with `Sync`, printing each number once the commit
//! has returned. The parent kills it with SIGKILL at some moment, opens the store, and looks for every number it was told.
//! Each round goes on in the same store, so recoveries pile up.
//!
//! `QUINTET_KILL_ROUNDS` sets the rounds for each engine.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use quintet_store::{Batch, Durability, EngineKind, Store, Table};

use crate::subject::{SCHEMA, options};

const ROUNDS: u64 = 20;

const FORWARD: Table<u64, Vec<u8>> = Table::new("forward");
const BACKWARD: Table<u64, u64> = Table::new("backward");

/// Printed before the store is opened.
const OPENING: &str = "opening";

/// Set for the child: the store it writes to.
const CHILD_DIRECTORY: &str = "QUINTET_KILL_CHILD_DIRECTORY";

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
    let mut out = std::io::stdout();
    writeln!(out, "\n{OPENING}").expect("a parent that listens");
    let store = Store::open(directory, &SCHEMA, &options(engine)).expect("the store");
    for number in count_whole(&store) + 1.. {
        let mut batch = Batch::new();
        batch.put(&FORWARD, &number, &value(number));
        batch.put(&BACKWARD, &(u64::MAX - number), &number);
        // Buffered commits in between must not outrun a later synced one.
        let durability = if number % 3 == 0 { Durability::Buffered } else { Durability::Sync };
        store.commit(batch, durability).expect("a commit");
        if durability == Durability::Sync && writeln!(out, "\nsynced {number}").is_err() {
            return; // the parent is gone
        }
    }
}

/// Starts a child, kills it after it reported `reports` commits or so, and returns the last number it reported. Without any it
/// is killed while it creates or recovers the store.
fn kill_a_child(test: &str, directory: &Path, reports: u64) -> u64 {
    let mut child = Command::new(env::current_exe().expect("this test's binary"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD_DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut opening = false;
    let mut seen = 0;
    let mut last = 0;
    let mut killed = false;
    // Everything it managed to print counts, also what is read after the kill.
    while let Some(Ok(line)) = lines.next() {
        if let Some(number) = line.strip_prefix("synced ") {
            last = number.parse().expect("a number");
            seen += 1;
        }
        opening |= line == OPENING;
        if opening && seen >= reports && !killed {
            child.kill().expect("a kill");
            killed = true;
        }
    }
    let status = child.wait().expect("its end");
    assert!(killed && !status.success(), "the child ended by itself: {status}");
    last
}

fn no_acknowledged_record_is_lost(engine: EngineKind, test: &str) {
    if let Some(directory) = env::var_os(CHILD_DIRECTORY) {
        return write_until_killed(engine, Path::new(&directory));
    }
    let rounds = env::var("QUINTET_KILL_ROUNDS")
        .map_or(ROUNDS, |text| text.parse().expect("QUINTET_KILL_ROUNDS is a number of rounds"));
    let place = tempfile::tempdir().expect("a directory");
    let directory = place.path().join("store");
    let mut written = 0;
    for round in 0..rounds {
        let reports = if round % 4 == 0 { 0 } else { round * 7 % 40 };
        let reported = kill_a_child(test, &directory, reports);
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
