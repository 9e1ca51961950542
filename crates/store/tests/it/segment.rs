//! Segment logs: what is read back, what survives which damage, and what is said about the rest.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use proptest::prelude::*;
use quintet_store::{
    StoreError,
    segment::{Position, RECORD_HEAD_BYTES, SEGMENT_HEADER_BYTES, SegmentLog, SegmentOptions},
};
use tempfile::TempDir;

/// Small, so that a few records fill a segment.
fn options() -> SegmentOptions {
    SegmentOptions {
        segment_bytes_max: 512,
        record_bytes_max: 4096,
        buffer_bytes: 100,
        ..SegmentOptions::new("suite")
    }
}

fn open(directory: &Path) -> Result<SegmentLog, StoreError> {
    SegmentLog::open(directory, options())
}

fn payload(number: usize) -> Vec<u8> {
    let size = number * 37 % 90;
    number.to_be_bytes().into_iter().cycle().take(size).collect()
}

/// A log with `synced` records, and `unsynced` ones behind them; returns where they are.
fn filled(synced: usize, unsynced: usize) -> (TempDir, Vec<Position>) {
    let place = tempfile::tempdir().expect("a directory");
    let log = open(place.path()).expect("a log");
    let mut positions: Vec<_> =
        (0..synced).map(|number| log.append(&payload(number)).expect("an append")).collect();
    log.sync().expect("a sync");
    let behind = synced..synced + unsynced;
    positions.extend(behind.map(|number| log.append(&payload(number)).expect("an append")));
    (place, positions)
}

fn everything(log: &SegmentLog) -> Vec<Vec<u8>> {
    let scan = log.iter_from(log.first()).expect("a scan");
    scan.map(|record| record.expect("a whole record").1).collect()
}

fn segment_path(directory: &Path, segment: u32) -> PathBuf {
    directory.join(format!("{segment:08}.seg"))
}

fn last_path(directory: &Path) -> PathBuf {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "seg"))
        .collect();
    paths.sort();
    paths.pop().expect("a segment")
}

#[test]
fn records_are_read_back_before_and_after_they_are_written_and_after_a_reopen() {
    let place = tempfile::tempdir().expect("a directory");
    let log = open(place.path()).expect("a log");
    let positions: Vec<_> =
        (0..100).map(|number| log.append(&payload(number)).expect("an append")).collect();
    assert!(log.end().segment > 3, "records of 100 × 45 bytes fill several segments");
    for (number, &position) in positions.iter().enumerate() {
        assert_eq!(log.read(position).expect("a record"), payload(number));
    }
    assert!(positions.is_sorted());
    log.sync().expect("a sync");
    let end = log.end();
    drop(log);

    let log = open(place.path()).expect("it opens again");
    assert_eq!(log.end(), end);
    for (number, &position) in positions.iter().enumerate() {
        assert_eq!(log.read(position).expect("a record"), payload(number));
    }
    assert_eq!(everything(&log), (0..100).map(payload).collect::<Vec<_>>());
}

#[test]
fn a_record_of_parts_is_the_record_of_their_sum() {
    let place = tempfile::tempdir().expect("a directory");
    let log = open(place.path()).expect("a log");
    let position = log.append_vectored(&[b"ab", b"", b"cde"]).expect("an append");
    assert_eq!(log.read(position).expect("a record"), b"abcde");
    let empty = log.append(b"").expect("an append");
    assert_eq!(log.read(empty).expect("a record"), b"");
}

#[test]
fn a_record_over_the_segment_size_has_a_segment_of_its_own_and_one_over_the_limit_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let log = open(place.path()).expect("a log");
    log.append(b"first").expect("an append");
    let large = log.append(&[7; 4096]).expect("an append");
    let next = log.append(b"next").expect("an append");
    assert_eq!([large.segment, next.segment], [1, 2]);
    let error = log.append(&[7; 4097]).expect_err("too long");
    assert!(matches!(error, StoreError::RecordBytes { expected: 4096, actual: 4097, .. }));
    assert_eq!(log.poisoned(), None);
    log.sync().expect("a sync");
    assert_eq!(everything(&log), [b"first".to_vec(), vec![7; 4096], b"next".to_vec()]);
}

#[test]
fn a_tail_cut_at_any_byte_leaves_the_records_in_front_of_the_cut() {
    let (place, positions) = filled(2, 4);
    let path = last_path(place.path());
    let bytes = fs::read(&path).expect("a segment");
    let synced_end = positions[1].end().offset;
    for length in synced_end as usize..=bytes.len() {
        fs::write(&path, &bytes[..length]).expect("a cut");
        let log = open(place.path()).expect("a torn tail is no damage");
        let whole = positions.iter().filter(|at| at.end().offset as usize <= length).count();
        assert_eq!(everything(&log), (0..whole).map(payload).collect::<Vec<_>>());
        let appended = log.append(b"after").expect("an append");
        assert_eq!(log.read(appended).expect("a record"), b"after");
    }
}

#[test]
fn a_segment_cut_in_front_of_what_was_synced_is_an_error_and_left_as_it_is() {
    let (place, positions) = filled(3, 0);
    let path = last_path(place.path());
    let bytes = fs::read(&path).expect("a segment");
    assert_eq!(positions[2].end().offset as usize, bytes.len());
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).expect("a cut");
        let error = open(place.path()).expect_err("synced records are missing");
        assert!(matches!(error, StoreError::SegmentDamaged { .. }), "{error}");
        assert_eq!(fs::metadata(&path).expect("the file").len(), length as u64);
    }
}

#[test]
fn a_flipped_byte_of_what_was_synced_is_found_at_open_and_one_behind_it_cuts_the_tail() {
    let (place, positions) = filled(3, 3);
    let path = last_path(place.path());
    let bytes = fs::read(&path).expect("a segment");
    let synced_end = positions[2].end().offset as usize;
    let marks = 64..SEGMENT_HEADER_BYTES as usize;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).expect("damage");
        match open(place.path()) {
            // A torn mark leaves the other one.
            Ok(log) if marks.contains(&at) => assert_eq!(everything(&log).len(), 6),
            Ok(log) => {
                assert!(at >= synced_end, "byte {at} was synced");
                let before = positions.iter().filter(|p| p.end().offset as usize <= at).count();
                assert_eq!(everything(&log), (0..before).map(payload).collect::<Vec<_>>());
            }
            Err(error) => {
                assert!(at < synced_end, "byte {at}: {error}");
                assert!(matches!(error, StoreError::SegmentDamaged { .. }), "{error}");
                assert_eq!(fs::read(&path).expect("the file"), damaged);
            }
        }
    }
}

#[test]
fn damage_in_an_older_segment_is_an_error_of_the_read_and_ends_a_scan_with_a_report() {
    let (place, positions) = filled(60, 0);
    let path = segment_path(place.path(), 1);
    let victim = positions.iter().position(|p| p.segment == 1 && p.len > 0).expect("a record");
    let mut bytes = fs::read(&path).expect("a segment");
    bytes[(positions[victim].offset + RECORD_HEAD_BYTES) as usize] ^= 1;
    fs::write(&path, &bytes).expect("damage");

    let log = open(place.path()).expect("older segments are read on demand");
    let error = log.read(positions[victim]).expect_err("a damaged record");
    assert!(error.to_string().contains("00000001.seg is damaged at byte"), "{error}");
    assert_eq!(log.read(positions[victim + 1]).expect("its neighbour"), payload(victim + 1));

    let mut scan = log.iter_from(log.first()).expect("a scan");
    let found = scan.by_ref().take_while(Result::is_ok).count();
    assert_eq!(found, victim);
    assert!(scan.next().is_none());
    let report = scan.report();
    assert_eq!(report.records, victim as u64);
    assert_eq!((report.position.segment, report.position.offset), (1, positions[victim].offset));
    assert!(report.stopped.as_ref().is_some_and(|reason| reason.contains("checksum")));
}

#[test]
fn a_shortened_or_missing_or_foreign_older_segment_is_found_at_open() {
    let (place, _) = filled(60, 0);
    let path = segment_path(place.path(), 1);
    let bytes = fs::read(&path).expect("a segment");

    fs::write(&path, &bytes[..bytes.len() - 1]).expect("a cut");
    let error = open(place.path()).expect_err("a byte is missing");
    assert!(matches!(error, StoreError::SegmentDamaged { .. }), "{error}");

    fs::remove_file(&path).expect("a removal");
    let error = open(place.path()).expect_err("a segment is missing");
    assert!(matches!(error, StoreError::SegmentMissing { .. }), "{error}");

    fs::copy(segment_path(place.path(), 2), &path).expect("a copy");
    let error = open(place.path()).expect_err("another segment's file");
    assert!(matches!(error, StoreError::SegmentDamaged { offset: 0, .. }), "{error}");

    fs::write(&path, &bytes).expect("the file again");
    let other = SegmentOptions { name: "other", ..options() };
    let error = SegmentLog::open(place.path(), other).expect_err("another log");
    assert!(error.to_string().contains("\"suite\""), "{error}");
    assert_eq!(everything(&open(place.path()).expect("it opens")).len(), 60);
}

#[test]
fn a_directory_of_other_files_is_refused_and_an_unfinished_segment_is_not_missed() {
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("letters.txt"), b"dear").expect("a file");
    assert!(matches!(open(place.path()), Err(StoreError::NotAStore { .. })));

    let (place, _) = filled(3, 0);
    let unfinished = place.path().join("00000001.seg.partial");
    fs::write(&unfinished, b"QNT").expect("a file");
    assert_eq!(everything(&open(place.path()).expect("it opens")).len(), 3);
    assert!(!unfinished.exists());
}

#[test]
fn a_log_is_open_once() {
    let (place, _) = filled(1, 0);
    let log = open(place.path()).expect("a log");
    assert!(matches!(open(place.path()), Err(StoreError::Locked { .. })));
    drop(log);
    open(place.path()).expect("it is free again");
}

#[test]
fn a_log_takes_no_more_writes_after_a_failed_one_and_still_reads() {
    let place = tempfile::tempdir().expect("a directory");
    let directory = place.path().join("log");
    let log = open(&directory).expect("a log");
    let position = log.append(b"kept").expect("an append");
    log.sync().expect("a sync");
    assert_eq!(log.read(position).expect("a read"), b"kept");

    // The next segment cannot be created where there is no directory.
    fs::remove_dir_all(&directory).expect("a removal");
    let error = (0..10).find_map(|_| log.append(&[1; 90]).err()).expect("a failure");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    fs::create_dir(&directory).expect("the directory again");
    assert!(matches!(log.append(b"more"), Err(StoreError::Poisoned { .. })));
    assert!(matches!(log.sync(), Err(StoreError::Poisoned { .. })));
    assert!(log.poisoned().is_some());
    assert_eq!(log.read(position).expect("a read"), b"kept");
}

#[test]
fn removing_old_segments_frees_whole_files_and_their_positions_say_that_they_are_pruned() {
    let (place, positions) = filled(60, 0);
    let log = open(place.path()).expect("a log");
    let before = log.total_bytes();
    let freed = log.remove_segments_before(3).expect("a removal");
    assert_eq!(log.total_bytes(), before - freed);
    assert_eq!(log.first().segment, 3);
    assert!(!segment_path(place.path(), 2).exists());
    for (number, &position) in positions.iter().enumerate() {
        match log.read(position) {
            Ok(found) => assert!(position.segment >= 3 && found == payload(number)),
            Err(error) => {
                assert!(matches!(error, StoreError::SegmentPruned { expected: 3, .. }), "{error}");
                assert!(position.segment < 3);
            }
        }
    }
    // The last segment stays, whatever is asked.
    log.remove_segments_before(u32::MAX).expect("a removal");
    assert_eq!(log.first().segment, log.end().segment);
    let end = log.end();
    drop(log);
    assert_eq!(open(place.path()).expect("it opens again").end(), end);
}

#[test]
fn a_cut_at_a_record_is_durable_and_one_inside_a_record_is_refused() {
    let (place, positions) = filled(60, 3);
    let log = open(place.path()).expect("a log");
    let at = positions[20];
    let inside = Position { offset: at.offset + 1, ..at };
    assert!(matches!(log.truncate(inside), Err(StoreError::SegmentPosition { .. })));
    log.truncate(at).expect("a cut");
    assert_eq!(log.end(), Position { len: 0, ..at });
    assert!(matches!(log.read(at), Err(StoreError::SegmentPosition { .. })));
    log.append(b"instead").expect("an append");
    drop(log);
    let log = open(place.path()).expect("it opens again");
    let mut expected: Vec<_> = (0..20).map(payload).collect();
    expected.push(b"instead".to_vec());
    assert_eq!(everything(&log), expected);
}

#[test]
fn positions_that_are_none_are_refused() {
    let (place, positions) = filled(5, 0);
    let log = open(place.path()).expect("a log");
    let at = positions[1];
    for wrong in [
        Position { offset: 0, ..at },
        Position { offset: u32::MAX, ..at },
        Position { len: u32::MAX, ..at },
        Position { segment: 9, ..at },
    ] {
        let error = log.read(wrong).expect_err("no position");
        assert!(matches!(error, StoreError::SegmentPosition { .. }), "{error}");
    }
    for wrong in [Position { offset: at.offset + 1, ..at }, Position { len: at.len + 1, ..at }] {
        let error = log.read(wrong).expect_err("inside a record");
        assert!(matches!(error, StoreError::SegmentDamaged { .. }), "{error}");
    }
}

#[test]
fn readers_see_complete_records_while_one_appends() {
    let place = tempfile::tempdir().expect("a directory");
    let log = open(place.path()).expect("a log");
    let records = 2_000;
    let (sender, receiver) = std::sync::mpsc::sync_channel(64);
    let reader = log.clone();
    let reading = thread::spawn(move || {
        let mut seen = 0;
        for (number, position) in receiver {
            assert_eq!(reader.read(position).expect("a record"), payload(number));
            if number % 200 == 0 {
                assert!(everything(&reader).len() > number);
            }
            seen += 1;
        }
        seen
    });
    for number in 0..records {
        let position = log.append(&payload(number)).expect("an append");
        sender.send((number, position)).expect("a reader");
        if number % 50 == 0 {
            log.sync().expect("a sync");
        }
    }
    drop(sender);
    assert_eq!(reading.join().expect("the reader"), records);
}

#[test]
fn the_layout_is_pinned() {
    let place = tempfile::tempdir().expect("a directory");
    let log = open(place.path()).expect("a log");
    log.append(&[0x51, 0x4e]).expect("an append");
    drop(log);
    let bytes = fs::read(segment_path(place.path(), 0)).expect("a segment");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, PINNED);
}

/// The example of `docs/formats/segments.md`, computed apart from the program.
const PINNED: &str = "514e545345474d54000000010000000000000000000000000573756974650000000000000000000000000000000000000000000000000000000000000fd52a2f0000000000000060dd9d368600000000000000000000006029a3e0ce00000000000000024536d826514e";

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_becomes_of_unsynced_bytes_the_synced_records_and_a_prefix_of_the_rest_are_there(
        synced in 0_usize..12,
        unsynced in 1_usize..6,
        garbage in prop::collection::vec(any::<u8>(), 0..300),
        from in any::<prop::sample::Index>(),
    ) {
        let (place, positions) = filled(synced, unsynced);
        let path = last_path(place.path());
        let bytes = fs::read(&path).expect("a segment");
        let last = positions.last().expect("a record").segment;
        // Rolling syncs the segments before, so what may go is in the last one.
        let durable = positions[..synced].last().filter(|p| p.segment == last);
        let durable = durable.map_or(SEGMENT_HEADER_BYTES, |p| p.end().offset) as usize;
        let from = durable + from.index(bytes.len() - durable + 1);
        let mut damaged = bytes[..from].to_vec();
        damaged.extend_from_slice(&garbage);
        fs::write(&path, &damaged).expect("damage");

        let log = open(place.path()).expect("it opens");
        let found = everything(&log);
        prop_assert!(found.len() >= synced);
        prop_assert!(found.len() <= synced + unsynced);
        prop_assert_eq!(&found, &(0..found.len()).map(payload).collect::<Vec<_>>());
        // What was kept is kept for good.
        drop(log);
        prop_assert_eq!(everything(&open(place.path()).expect("it opens again")), found);
    }

    #[test]
    fn a_log_behaves_as_a_list(steps in prop::collection::vec((0_u8..6, any::<prop::sample::Index>()), 1..80)) {
        let place = tempfile::tempdir().expect("a directory");
        let mut log = open(place.path()).expect("a log");
        let mut model: Vec<(Position, Vec<u8>)> = Vec::new();
        for (number, (step, index)) in steps.into_iter().enumerate() {
            match step {
                0..=2 => {
                    let bytes = payload(number);
                    model.push((log.append(&bytes).expect("an append"), bytes));
                }
                3 => log.sync().expect("a sync"),
                4 => {
                    drop(log);
                    log = open(place.path()).expect("it opens again");
                }
                _ if model.is_empty() => {}
                _ if number % 2 == 0 => {
                    let at = index.index(model.len());
                    log.truncate(model[at].0).expect("a cut");
                    model.truncate(at);
                }
                _ => {
                    let segment = model[index.index(model.len())].0.segment;
                    log.remove_segments_before(segment).expect("a removal");
                    model.retain(|(position, _)| position.segment >= segment);
                }
            }
            for (position, bytes) in &model {
                prop_assert_eq!(&log.read(*position).expect("a record"), bytes);
            }
        }
        let expected: Vec<_> = model.into_iter().map(|(_, bytes)| bytes).collect();
        prop_assert_eq!(everything(&log), expected);
    }
}
