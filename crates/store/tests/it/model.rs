//! Every engine against an ordered map, with random batches and random questions.

use std::{collections::BTreeMap, ops::Bound};

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use quintet_store::{Batch, Durability, EngineKind, Store, Table};

use crate::subject::Subject;

const ROWS: Table<Vec<u8>, Vec<u8>> = Table::new("rows");

/// Changes to keys of a small alphabet, so that they meet; `None` deletes.
type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(vec![0, 1, 0x7f, 0xfe, 0xff]), 0..4)
}

fn changes() -> impl Strategy<Value = Changes> {
    vec((key(), prop::option::of(vec(any::<u8>(), 0..40))), 0..20)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        Just(Bound::Unbounded),
        key().prop_map(Bound::Included),
        key().prop_map(Bound::Excluded)
    ]
}

fn within(range: &Range, key: &[u8]) -> bool {
    (match &range.0 {
        Bound::Unbounded => true,
        Bound::Included(start) => key >= start.as_slice(),
        Bound::Excluded(start) => key > start.as_slice(),
    }) && (match &range.1 {
        Bound::Unbounded => true,
        Bound::Included(end) => key <= end.as_slice(),
        Bound::Excluded(end) => key < end.as_slice(),
    })
}

fn agrees(store: &Store, batches: &[Changes], ranges: &[Range]) -> Result<(), TestCaseError> {
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for changes in batches {
        let mut batch = Batch::new();
        for (key, value) in changes {
            match value {
                Some(value) => {
                    batch.put(&ROWS, key, value);
                    model.insert(key.clone(), value.clone());
                }
                None => {
                    batch.delete(&ROWS, key);
                    model.remove(key);
                }
            }
        }
        let durability =
            if changes.len() % 2 == 0 { Durability::Buffered } else { Durability::Sync };
        store.commit(batch, durability).expect("a commit");
        for (key, _) in changes {
            prop_assert_eq!(store.get(&ROWS, key).expect("a read"), model.get(key).cloned());
        }
    }
    let snapshot = store.snapshot().expect("a snapshot");
    for range in ranges {
        let expected: Vec<_> = model
            .iter()
            .filter(|(key, _)| within(range, key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let forward: Result<Vec<_>, _> =
            snapshot.range(&ROWS, range.clone()).expect("a scan").collect();
        prop_assert_eq!(&forward.expect("records"), &expected);
        let reverse: Result<Vec<_>, _> =
            snapshot.range_rev(&ROWS, range.clone()).expect("a scan").collect();
        let mut reverse = reverse.expect("records");
        reverse.reverse();
        prop_assert_eq!(&reverse, &expected);
    }
    Ok(())
}

fn check(cases: u32, subject: impl Fn() -> Subject) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let input = (vec(changes(), 1..8), vec((bound(), bound()), 1..8));
    let outcome =
        runner.run(&input, |(batches, ranges)| agrees(&subject().open(), &batches, &ranges));
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_memory_engine_agrees_with_an_ordered_map() {
    check(128, || Subject::Memory);
}

#[test]
fn the_log_engine_agrees_with_an_ordered_map() {
    check(64, Subject::log);
}

#[test]
fn fjall_agrees_with_an_ordered_map() {
    check(24, || Subject::directory(EngineKind::Fjall));
}

#[test]
fn redb_agrees_with_an_ordered_map() {
    check(24, || Subject::directory(EngineKind::Redb));
}
