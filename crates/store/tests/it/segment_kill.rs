//! A segment log whose process is really killed.
//!
//! As in [`crate::kill`]: the test starts itself as a child, which appends numbered records, syncs now and then and prints up to where it
//! synced; the parent kills it at some moment, opens the log and looks for every record it was told, and for a list without a gap.
//!
//! `QUINTET_KILL_ROUNDS` sets the rounds.

use std::path::Path;

use quintet_store::{
    segment::{SegmentLog, SegmentOptions},
    testing::kill::{child_directory, kill_a_child, ready, report, rounds},
};

const ROUNDS: u64 = 20;

const TEST: &str = "segment_kill::no_synced_record_is_lost_when_the_process_is_killed";

fn open(directory: &Path) -> SegmentLog {
    let options = SegmentOptions {
        segment_bytes_max: 64 << 10,
        buffer_bytes: 1_000,
        ..SegmentOptions::new("killed")
    };
    SegmentLog::open(directory, options).expect("the log")
}

fn record(number: u64) -> Vec<u8> {
    let size = usize::try_from(number * 37 % 900).expect("a small number");
    number.to_be_bytes().into_iter().cycle().take(8 + size).collect()
}

/// Returns how many records there are, having checked that they are 0, 1, 2, … and whole.
fn count_whole(log: &SegmentLog) -> u64 {
    let scan = log.iter_from(log.first()).expect("a scan");
    let mut count = 0;
    for found in scan {
        assert!(found.expect("a whole record").1 == record(count), "record {count} changed");
        count += 1;
    }
    count
}

fn append_until_killed(directory: &Path) {
    let log = open(directory);
    ready();
    for number in count_whole(&log).. {
        log.append(&record(number)).expect("an append");
        if number % 7 == 0 {
            log.sync().expect("a sync");
            if !report(number + 1) {
                return; // the parent is gone
            }
        }
    }
}

#[test]
fn no_synced_record_is_lost_when_the_process_is_killed() {
    if let Some(directory) = child_directory() {
        return append_until_killed(&directory);
    }
    let rounds = rounds(ROUNDS);
    let place = tempfile::tempdir().expect("a directory");
    let mut before = 0;
    for round in 0..rounds {
        let reported = kill_a_child(TEST, place.path(), round * 7 % 40, &[]);
        let found = count_whole(&open(place.path()));
        assert!(found >= reported, "round {round}: found {found} records, reported {reported}");
        assert!(found >= before, "round {round}: older records were lost");
        before = found;
    }
    assert!(before > rounds, "the children wrote next to nothing");
}
