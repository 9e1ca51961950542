//! Damage is found, named, and never returned as data.

use std::{fs, path::Path, sync::Arc};

use quintet_store::{
    Batch, Durability, Engine, EngineKind, MemoryEngine, Op, PROBLEMS_MAX, Store, StoreError,
};

use crate::subject::{COUNTS, SCHEMA, Subject, WORDS};

fn store_with_rows(rows: u32) -> (Arc<MemoryEngine>, Store) {
    let engine = Arc::new(MemoryEngine::new());
    let store = Store::with_engine(engine.clone(), &SCHEMA).expect("a store");
    let mut batch = Batch::new();
    for key in 0..rows {
        batch.put(&COUNTS, &key, &1);
    }
    store.commit(batch, Durability::Sync).expect("a commit");
    (engine, store)
}

fn overwrite(engine: &MemoryEngine, key: &[u8], change: impl Fn(&mut Vec<u8>)) {
    let mut value = engine.get("counts", key).expect("a read").expect("a record");
    change(&mut value);
    let op = Op { table: "counts".into(), key: key.to_vec(), value: Some(value) };
    engine.commit(vec![op], Durability::Sync).expect("a commit");
}

#[test]
fn a_sound_store_reports_every_record_and_no_problem() {
    let (_, store) = store_with_rows(25_000);
    let mut calls = Vec::new();
    let report = store
        .check_integrity(&[&COUNTS, &WORDS], &mut |records| calls.push(records))
        .expect("a check");
    assert!(report.is_sound());
    assert_eq!(report.tables, [("_meta".to_owned(), 1), ("counts".to_owned(), 25_000)]);
    assert_eq!(report.records, 25_001);
    assert_eq!(calls, [10_000, 20_000, 25_001]);
}

#[test]
fn any_flipped_bit_of_a_stored_value_is_found() {
    let (engine, store) = store_with_rows(1);
    let key = 0_u32.to_be_bytes();
    let length = engine.get("counts", &key).expect("a read").expect("a record").len();
    for bit in 0..length * 8 {
        let flip = |value: &mut Vec<u8>| value[bit / 8] ^= 1 << (bit % 8);
        overwrite(&engine, &key, flip);
        let error = store.get(&COUNTS, &0).expect_err("a damaged value");
        assert!(
            matches!(&error, StoreError::Corrupt { table, key, .. } if table == "counts" && key == "00000000"),
            "{error}"
        );
        assert!(!store.check_integrity(&[], &mut |_| {}).expect("a check").is_sound());
        overwrite(&engine, &key, flip);
    }
    assert_eq!(store.get(&COUNTS, &0).expect("a read"), Some(1));
}

#[test]
fn a_damaged_value_is_not_handed_out_undecoded_either() {
    let (engine, store) = store_with_rows(1);
    overwrite(&engine, &0_u32.to_be_bytes(), |value| value[7] ^= 1);
    let read = store.get_with(&COUNTS, &0, <[u8]>::to_vec);
    assert!(matches!(read, Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_value_under_a_wrong_key_is_found() {
    let (engine, store) = store_with_rows(2);
    let value = engine.get("counts", &0_u32.to_be_bytes()).expect("a read").expect("a record");
    overwrite(&engine, &1_u32.to_be_bytes(), |other| other.clone_from(&value));
    assert!(matches!(store.get(&COUNTS, &1), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_scan_goes_on_behind_a_corrupt_record() {
    let (engine, store) = store_with_rows(5);
    overwrite(&engine, &2_u32.to_be_bytes(), |value| value.truncate(3));
    let snapshot = store.snapshot().expect("a snapshot");
    let good: Vec<bool> =
        snapshot.range(&COUNTS, ..).expect("a scan").map(|row| row.is_ok()).collect();
    assert_eq!(good, [true, true, false, true, true]);
}

#[test]
fn a_value_that_is_whole_but_of_another_type_is_found_when_the_type_is_given() {
    let (engine, store) = store_with_rows(0);
    const SHORTS: quintet_store::Table<u32, u16> = quintet_store::Table::new("counts");
    let mut batch = Batch::new();
    batch.put(&SHORTS, &1, &1);
    store.commit(batch, Durability::Sync).expect("a commit");
    assert!(store.check_integrity(&[], &mut |_| {}).expect("a check").is_sound());
    let report = store.check_integrity(&[&COUNTS], &mut |_| {}).expect("a check");
    assert_eq!(report.problems_total, 1);
    let problem = report.problems.first().expect("a problem");
    assert_eq!((problem.table.as_str(), problem.key.as_deref()), ("counts", Some("00000001")));
    drop(engine);
}

#[test]
fn problems_are_counted_beyond_those_described() {
    let (engine, store) = store_with_rows(150);
    (0..150_u32).for_each(|key| overwrite(&engine, &key.to_be_bytes(), |value| value[5] ^= 1));
    let report = store.check_integrity(&[], &mut |_| {}).expect("a check");
    assert_eq!(report.problems_total, 150);
    assert_eq!(report.problems.len(), PROBLEMS_MAX);
}

/// Flips a bit of each copy of `pattern` in the files below `path`; returns how many there were.
fn damage(path: &Path, pattern: &[u8]) -> usize {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a listing");
        return entries.map(|entry| damage(&entry.expect("an entry").path(), pattern)).sum();
    }
    let mut bytes = fs::read(path).expect("a file");
    let found: Vec<usize> = bytes
        .windows(pattern.len())
        .enumerate()
        .filter(|(_, window)| *window == pattern)
        .map(|(at, _)| at)
        .collect();
    found.iter().for_each(|at| bytes[at + pattern.len() / 2] ^= 0x10);
    fs::write(path, bytes).expect("a rewrite");
    found.len()
}

fn a_bit_flipped_on_disk_never_reads_as_data(engine: EngineKind) {
    let subject = Subject::directory(engine);
    let store = subject.open();
    let pattern = b"a value that is easy to find in a file".to_vec();
    let mut batch = Batch::new();
    batch.put(&WORDS, &"key".to_owned(), &pattern);
    store.commit(batch, Durability::Sync).expect("a commit");
    store.compact().expect("a compaction");
    drop(store);

    let Subject::Directory(_, directory) = &subject else { panic!("a directory") };
    assert!(damage(directory.path(), &pattern) > 0, "the value is on disk");
    let read = subject.open_as(&SCHEMA).and_then(|store| store.get(&WORDS, &"key".to_owned()));
    match read {
        Err(StoreError::Corrupt { .. } | StoreError::Damaged { .. }) => {}
        other => panic!("expected an error that names the damage, found {other:?}"),
    }
}

#[test]
fn a_bit_flipped_in_a_fjall_file_never_reads_as_data() {
    a_bit_flipped_on_disk_never_reads_as_data(EngineKind::Fjall);
}

#[test]
fn a_bit_flipped_in_a_redb_file_never_reads_as_data() {
    a_bit_flipped_on_disk_never_reads_as_data(EngineKind::Redb);
}
