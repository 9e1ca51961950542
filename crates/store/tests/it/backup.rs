//! Backup and restore: across engines, beside writers, and with damaged files.

use std::{fs, path::Path};

use quintet_store::{
    Batch, Durability, EngineKind, Schema, Store, StoreError, inspect_backup, restore,
};

use crate::subject::{COUNTS, PAIRS, SCHEMA, Subject, WORDS, options};

fn quiet(_: u64) {}

fn filled(subject: &Subject, rows: u32) -> Store {
    let store = subject.open();
    let mut batch = Batch::new();
    for key in 0..rows {
        batch.put(&COUNTS, &key, &(u64::from(key) * 3));
        batch.put(&WORDS, &format!("word {key}"), &vec![1; key as usize % 300]);
    }
    store.commit(batch, Durability::Sync).expect("a commit");
    store
}

type Contents = (Vec<(u32, u64)>, Vec<(String, Vec<u8>)>);

fn contents(store: &Store) -> Contents {
    let snapshot = store.snapshot().expect("a snapshot");
    let counts = snapshot.range(&COUNTS, ..).expect("a scan").collect::<Result<_, _>>();
    let words = snapshot.range(&WORDS, ..).expect("a scan").collect::<Result<_, _>>();
    (counts.expect("records"), words.expect("records"))
}

#[test]
fn a_backup_moves_a_store_from_any_engine_to_any_engine() {
    let sources = [
        Subject::Memory,
        Subject::directory(EngineKind::Fjall),
        Subject::directory(EngineKind::Redb),
    ];
    for source in &sources {
        let store = filled(source, 500);
        for target in [EngineKind::Fjall, EngineKind::Redb] {
            let place = tempfile::tempdir().expect("a directory");
            let file = place.path().join("backup");
            let written = store.backup(&file, &mut quiet).expect("a backup");
            assert_eq!((written.tables, written.records), (2, 1000));
            assert_eq!(written.bytes, fs::metadata(&file).expect("the file").len());
            assert_eq!(inspect_backup(&file).expect("a sound backup"), written);

            let directory = place.path().join("restored");
            let restored = restore(&file, &directory, &options(target), &mut quiet);
            assert_eq!(restored.expect("a restore"), written);
            let copy = Store::open(&directory, &SCHEMA, &options(target)).expect("the copy opens");
            assert_eq!(contents(&copy), contents(&store));
        }
    }
}

#[test]
fn a_backup_shows_one_moment_while_writes_go_on() {
    let store = Store::memory(&SCHEMA).expect("a store");
    let put = |count: u8| {
        let mut batch = Batch::new();
        batch.put(&COUNTS, &0, &count.into()).put(&PAIRS, &(0, String::new()), &count);
        for key in 0..20_000_u32 {
            batch.put(&WORDS, &key.to_string(), &vec![]);
        }
        store.commit(batch, Durability::Buffered).expect("a commit");
    };
    put(1);
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("backup");
    // The first progress call comes in the middle of the backup.
    let mut written = false;
    store
        .backup(&file, &mut |_| {
            if !std::mem::replace(&mut written, true) {
                put(2);
            }
        })
        .expect("a backup");
    let directory = place.path().join("restored");
    restore(&file, &directory, &options(EngineKind::Redb), &mut quiet).expect("a restore");
    let copy =
        Store::open(&directory, &SCHEMA, &options(EngineKind::Redb)).expect("the copy opens");
    assert_eq!(copy.get(&COUNTS, &0).expect("a read"), Some(1));
    assert_eq!(copy.get(&PAIRS, &(0, String::new())).expect("a read"), Some(1));
    assert_eq!(store.get(&COUNTS, &0).expect("a read"), Some(2));
}

#[test]
fn a_restored_store_keeps_its_schema_version() {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("backup");
    let old = Schema { name: "suite", version: 7, migrations: &[] };
    let store = Store::memory(&old).expect("a store");
    store.backup(&file, &mut quiet).expect("a backup");
    let directory = place.path().join("restored");
    restore(&file, &directory, &options(EngineKind::Redb), &mut quiet).expect("a restore");
    let error =
        Store::open(&directory, &SCHEMA, &options(EngineKind::Redb)).expect_err("a newer store");
    assert!(matches!(error, StoreError::SchemaNewer { expected: 1, actual: 7, .. }), "{error}");
}

#[test]
fn neither_backup_nor_restore_overwrites_anything() {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("backup");
    let store = filled(&Subject::Memory, 3);
    store.backup(&file, &mut quiet).expect("a backup");
    let error = store.backup(&file, &mut quiet).expect_err("the name is taken");
    assert!(matches!(error, StoreError::TargetExists { .. }), "{error}");

    let directory = place.path().join("restored");
    fs::create_dir(&directory).expect("a directory");
    let keepsake = directory.join("keepsake");
    fs::write(&keepsake, b"precious").expect("a file");
    let error = restore(&file, &directory, &options(EngineKind::Redb), &mut quiet)
        .expect_err("the directory is not empty");
    assert!(matches!(error, StoreError::TargetExists { .. }), "{error}");
    assert_eq!(fs::read(&keepsake).expect("the file"), b"precious");

    fs::remove_file(&keepsake).expect("a removal");
    // Spelt with the slash that a shell completes to.
    let spelt = directory.join("");
    restore(&file, &spelt, &options(EngineKind::Redb), &mut quiet).expect("an empty directory");
    assert_eq!(fs::read_dir(place.path()).expect("a listing").count(), 2, "backup and store");
}

#[test]
fn a_corrupt_record_stops_a_backup_and_leaves_no_file() {
    use quintet_store::{Engine as _, MemoryEngine, Op};
    let engine = std::sync::Arc::new(MemoryEngine::new());
    let store = Store::with_engine(engine.clone(), &SCHEMA).expect("a store");
    let op = Op { table: "counts".into(), key: vec![0; 4], value: Some(vec![0; 12]) };
    engine.commit(vec![op], Durability::Sync).expect("a commit");
    let place = tempfile::tempdir().expect("a directory");
    let error = store.backup(&place.path().join("backup"), &mut quiet).expect_err("damage");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(fs::read_dir(place.path()).expect("a listing").count(), 0);
}

fn small_backup(path: &Path) -> Vec<u8> {
    let store = Store::memory(&SCHEMA).expect("a store");
    let mut batch = Batch::new();
    batch.put(&COUNTS, &1, &2).put(&WORDS, &"a".to_owned(), &vec![3]);
    store.commit(batch, Durability::Sync).expect("a commit");
    store.backup(path, &mut quiet).expect("a backup");
    fs::read(path).expect("the file")
}

#[test]
fn a_backup_cut_at_any_byte_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let bytes = small_backup(&place.path().join("whole"));
    let cut = place.path().join("cut");
    for length in 0..bytes.len() {
        fs::write(&cut, &bytes[..length]).expect("a file");
        let error = inspect_backup(&cut).expect_err("a part of a backup");
        assert!(matches!(error, StoreError::Backup { .. }), "cut to {length}: {error}");
    }
}

#[test]
fn a_backup_with_any_bit_flipped_is_refused_and_nothing_appears() {
    let place = tempfile::tempdir().expect("a directory");
    let bytes = small_backup(&place.path().join("whole"));
    let flipped = place.path().join("flipped");
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&flipped, &bytes).expect("a file");
        let error = inspect_backup(&flipped).expect_err("a damaged backup");
        assert!(
            matches!(error, StoreError::Backup { .. } | StoreError::FormatNewer { .. }),
            "bit {bit}: {error}"
        );
    }
    let directory = place.path().join("restored");
    let refused = restore(&flipped, &directory, &options(EngineKind::Redb), &mut quiet);
    assert!(refused.is_err());
    assert!(!directory.exists());
    assert!(!place.path().join("restored.restoring").exists());
}

#[test]
fn bytes_after_the_end_of_a_backup_are_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("whole");
    let mut bytes = small_backup(&path);
    bytes.push(0);
    fs::write(&path, &bytes).expect("a file");
    assert!(inspect_backup(&path).expect_err("one byte more").to_string().contains("more bytes"));
}

#[test]
fn the_backup_layout_is_pinned() {
    let place = tempfile::tempdir().expect("a directory");
    let bytes = small_backup(&place.path().join("whole"));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, PINNED);
}

/// Computed from `docs/formats/store.md`, not by this code.
const PINNED: &str = concat!(
    "514e544241434b550000000100000001000000010005737569746545ee6e4e0100000006636f756e7473d9b841",
    "4f020000000e000400000001000000000000000272cdcca50100000005776f726473581640e702000000070003",
    "6100000103937c08350300000014000000000000000200000000000000026c23c9312881ea4f",
);
