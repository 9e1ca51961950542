//! A segment log whose process is really killed.
//!
//! As in [`crate::kill`]: the test starts itself as a child, which appends numbered records, syncs now and then and prints up to where it
//! synced; the parent kills it at some moment, opens the log and looks for every record it was told, and for a list without a gap.
//!
//! `QUINTET_KILL_ROUNDS` sets the rounds.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use quintet_store::segment::{SegmentLog, SegmentOptions};

const ROUNDS: usize = 20;

/// Set for the child: the log it writes to.
const CHILD_DIRECTORY: &str = "QUINTET_SEGMENT_CHILD_DIRECTORY";

fn open(directory: &Path) -> SegmentLog {
    let options = SegmentOptions {
        segment_bytes_max: 64 << 10,
        buffer_bytes: 1_000,
        ..SegmentOptions::new("killed")
    };
    SegmentLog::open(directory, options).expect("the log")
}

fn record(number: usize) -> Vec<u8> {
    let size = number * 37 % 900;
    number.to_be_bytes().into_iter().cycle().take(8 + size).collect()
}

/// Returns how many records there are, having checked that they are 0, 1, 2, … and whole.
fn count_whole(log: &SegmentLog) -> usize {
    let scan = log.iter_from(log.first()).expect("a scan");
    let mut count = 0;
    for found in scan {
        assert!(found.expect("a whole record").1 == record(count), "record {count} changed");
        count += 1;
    }
    count
}

fn append_until_killed(directory: &Path) {
    let mut out = std::io::stdout();
    let log = open(directory);
    writeln!(out, "\nopened").expect("a parent that listens");
    for number in count_whole(&log).. {
        log.append(&record(number)).expect("an append");
        if number % 7 == 0 {
            log.sync().expect("a sync");
            if writeln!(out, "\nsynced {}", number + 1).is_err() {
                return; // the parent is gone
            }
        }
    }
}

/// Kills a child after it reported `reports` syncs or so; returns the last number it reported.
fn kill_a_child(directory: &Path, reports: usize) -> usize {
    let mut child = Command::new(env::current_exe().expect("this test's binary"))
        .args([
            "--exact",
            "segment_kill::no_synced_record_is_lost_when_the_process_is_killed",
            "--nocapture",
        ])
        .env(CHILD_DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let (mut opened, mut seen, mut last, mut killed) = (false, 0, 0, false);
    while let Some(Ok(line)) = lines.next() {
        if let Some(number) = line.strip_prefix("synced ") {
            last = number.parse().expect("a number");
            seen += 1;
        }
        opened |= line == "opened";
        if opened && seen >= reports && !killed {
            child.kill().expect("a kill");
            killed = true;
        }
    }
    let status = child.wait().expect("its end");
    assert!(killed && !status.success(), "the child ended by itself: {status}");
    last
}

#[test]
fn no_synced_record_is_lost_when_the_process_is_killed() {
    if let Some(directory) = env::var_os(CHILD_DIRECTORY) {
        return append_until_killed(Path::new(&directory));
    }
    let rounds = env::var("QUINTET_KILL_ROUNDS")
        .map_or(ROUNDS, |text| text.parse().expect("QUINTET_KILL_ROUNDS is a number of rounds"));
    let place = tempfile::tempdir().expect("a directory");
    let mut before = 0;
    for round in 0..rounds {
        let reported = kill_a_child(place.path(), round * 7 % 40);
        let found = count_whole(&open(place.path()));
        assert!(found >= reported, "round {round}: found {found} records, reported {reported}");
        assert!(found >= before, "round {round}: older records were lost");
        before = found;
    }
    assert!(before > rounds, "the children wrote next to nothing");
}
