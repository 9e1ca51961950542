//! Versions: what opens, what is refused, and migrations that are cut anywhere.

use std::{ops::Bound, sync::Arc};

use quintet_store::{
    Batch, Durability, Engine, KeyCodec, MemoryEngine, Migration, Op, Reader, Schema, Snapshot,
    StepOutcome, Store, StoreError, Table,
    testing::{CrashDisk, LogEngine, Survival},
};

/// Version 1 holds plain numbers, version 2 doubles them in another table, version 3 names the sum.
const PLAIN: Table<u32, u64> = Table::new("plain");
const DOUBLED: Table<u32, u64> = Table::new("doubled");
const SUM: Table<(), u64> = Table::new("sum");

const ROWS: u32 = 25;
const STEP_ROWS: usize = 4;

fn double(
    snapshot: &Snapshot,
    cursor: Option<&[u8]>,
    batch: &mut Batch,
) -> Result<StepOutcome, StoreError> {
    let start = match cursor {
        Some(from) => Bound::Excluded(
            u32::decode_key(&mut Reader::new(from)).expect("a cursor this step wrote"),
        ),
        None => Bound::Unbounded,
    };
    let mut last = None;
    for row in snapshot.range(&PLAIN, (start, Bound::Unbounded))?.take(STEP_ROWS) {
        let (key, value) = row?;
        batch.put(&DOUBLED, &key, &(value * 2)).delete(&PLAIN, &key);
        last = Some(key);
    }
    Ok(match last {
        Some(key) => StepOutcome::More(key.to_be_bytes().to_vec()),
        None => StepOutcome::Done,
    })
}

fn sum(
    snapshot: &Snapshot,
    _cursor: Option<&[u8]>,
    batch: &mut Batch,
) -> Result<StepOutcome, StoreError> {
    let mut total = 0;
    for row in snapshot.range(&DOUBLED, ..)? {
        total += row?.1;
    }
    batch.put(&SUM, &(), &total);
    Ok(StepOutcome::Done)
}

fn stuck(_: &Snapshot, _: Option<&[u8]>, _: &mut Batch) -> Result<StepOutcome, StoreError> {
    Ok(StepOutcome::More(vec![1]))
}

const V1: Schema = Schema { name: "numbers", version: 1, migrations: &[] };
const V3: Schema = Schema {
    name: "numbers",
    version: 3,
    migrations: &[
        Migration { to: 3, what: "name the sum", step: sum },
        Migration { to: 2, what: "double", step: double },
    ],
};

fn fill(store: &Store) {
    let mut batch = Batch::new();
    for key in 0..ROWS {
        batch.put(&PLAIN, &key, &u64::from(key));
    }
    store.commit(batch, Durability::Sync).expect("a commit");
}

fn assert_migrated(store: &Store) {
    let snapshot = store.snapshot().expect("a snapshot");
    assert_eq!(snapshot.range(&PLAIN, ..).expect("a scan").count(), 0);
    let doubled: Vec<_> =
        snapshot.range(&DOUBLED, ..).expect("a scan").map(|row| row.expect("a record")).collect();
    let expected: Vec<_> = (0..ROWS).map(|key| (key, u64::from(key) * 2)).collect();
    assert_eq!(doubled, expected);
    assert_eq!(snapshot.get(&SUM, &()).expect("a read"), Some(u64::from(ROWS * (ROWS - 1))));
}

#[test]
fn an_older_store_is_migrated_step_by_step() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    fill(&Store::with_engine(engine.clone(), &V1).expect("a new store"));
    assert_migrated(&Store::with_engine(engine.clone(), &V3).expect("a migration"));
    assert_migrated(&Store::with_engine(engine, &V3).expect("nothing left to do"));
}

#[test]
fn a_migration_cut_at_any_operation_ends_as_one_that_was_not() {
    let disk = CrashDisk::new();
    let open = |disk: CrashDisk, schema: &Schema| {
        Store::with_engine(Arc::new(LogEngine::open(disk)?), schema)
    };
    fill(&open(disk.clone(), &V1).expect("a new store"));
    let filled = || disk.restart(Survival::Everything);

    let whole = filled();
    assert_migrated(&open(whole.clone(), &V3).expect("a migration"));
    let operations = whole.operations();
    assert!(operations > 10, "the migration takes several commits, found {operations} operations");

    for cut in 0..operations {
        for survival in
            [Survival::Nothing, Survival::Everything, Survival::Prefix(cut), Survival::Any(cut)]
        {
            let cut_disk = filled();
            cut_disk.cut_power_at(cut);
            assert!(open(cut_disk.clone(), &V3).is_err(), "the power went at operation {cut}");
            let store = open(cut_disk.restart(survival), &V3).expect("the migration resumes");
            assert_migrated(&store);
        }
    }
}

#[test]
fn a_newer_store_is_refused_with_both_versions() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    drop(Store::with_engine(engine.clone(), &V3).expect("a new store"));
    let error = Store::with_engine(engine, &V1).expect_err("a newer store");
    assert!(
        matches!(&error, StoreError::SchemaNewer { name, expected: 1, actual: 3 } if name == "numbers"),
        "{error}"
    );
}

#[test]
fn a_missing_migration_is_named() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    drop(Store::with_engine(engine.clone(), &V1).expect("a new store"));
    let schema = Schema {
        version: 3,
        migrations: &[Migration { to: 3, what: "name the sum", step: sum }],
        ..V1
    };
    let error = Store::with_engine(engine, &schema).expect_err("no way to version 2");
    assert!(matches!(error, StoreError::MigrationMissing { from: 1, to: 2, .. }), "{error}");
}

#[test]
fn a_migration_that_does_not_advance_is_an_error_not_a_loop() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    drop(Store::with_engine(engine.clone(), &V1).expect("a new store"));
    let schema = Schema {
        version: 2,
        migrations: &[Migration { to: 2, what: "stand still", step: stuck }],
        ..V1
    };
    let error = Store::with_engine(engine, &schema).expect_err("it stands still");
    assert!(matches!(error, StoreError::MigrationStuck { to: 2, .. }), "{error}");
}

#[test]
fn an_engine_with_tables_but_no_header_is_refused() {
    let engine = Arc::new(MemoryEngine::new());
    let foreign =
        Op { table: "foreign".into(), key: b"key".to_vec(), value: Some(b"value".to_vec()) };
    engine.commit(vec![foreign], Durability::Sync).expect("a commit");
    let error = Store::with_engine(engine, &V1).expect_err("somebody else's data");
    assert!(matches!(error, StoreError::HeaderMissing { tables: 1, .. }), "{error}");
}

#[test]
fn a_damaged_header_is_corrupt_and_a_newer_format_is_named() {
    let engine = Arc::new(MemoryEngine::new());
    drop(Store::with_engine(engine.clone(), &V1).expect("a new store"));
    let mut sealed = engine.get("_meta", &[0]).expect("a read").expect("the header");
    *sealed.last_mut().expect("a byte") ^= 1;
    let damaged = Op { table: "_meta".into(), key: vec![0], value: Some(sealed) };
    engine.commit(vec![damaged], Durability::Sync).expect("a commit");
    let error = Store::with_engine(engine.clone(), &V1).expect_err("a damaged header");
    assert!(
        matches!(&error, StoreError::Corrupt { table, key, .. } if table == "_meta" && key == "00"),
        "{error}"
    );

    // Written by a later program: the magic, format 2, and whatever that means. The checksum is right.
    let newer = b"\xb7\xe7\xad\x5dQNTSTORE\x00\x00\x00\x02whatever".to_vec();
    let newer = Op { table: "_meta".into(), key: vec![0], value: Some(newer) };
    engine.commit(vec![newer], Durability::Sync).expect("a commit");
    let error = Store::with_engine(engine, &V1).expect_err("a newer format");
    assert!(matches!(error, StoreError::FormatNewer { expected: 1, actual: 2 }), "{error}");
}
