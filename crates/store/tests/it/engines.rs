//! What every engine promises, in sentences.

use std::ops::Bound;

use quintet_store::{Batch, BytesPrefix, Durability, StoreError};

use crate::subject::{COUNTS, PAIRS, Subject, WORDS};

crate::for_every_engine!(
    reads_what_was_committed_and_nothing_else,
    encoded_values_go_in_and_out_as_they_are,
    a_batch_changes_several_tables_at_once,
    of_several_changes_to_one_key_the_last_one_counts,
    a_refused_batch_writes_nothing_and_the_store_goes_on,
    a_snapshot_does_not_see_later_commits,
    ranges_respect_their_bounds_in_both_directions,
    an_empty_or_crossed_range_yields_nothing,
    prefixes_of_tuples_and_strings_select_exactly_their_keys,
    delete_range_removes_up_to_its_limit,
    values_of_all_sizes_come_back_whole,
    flush_and_compact_keep_every_record,
    readers_and_a_writer_run_beside_each_other,
);

fn counts_batch(keys: impl IntoIterator<Item = u32>) -> Batch {
    let mut batch = Batch::new();
    for key in keys {
        batch.put(&COUNTS, &key, &(u64::from(key) * 10));
    }
    batch
}

fn encoded_values_go_in_and_out_as_they_are(subject: &Subject) {
    let store = subject.open();
    let mut batch = Batch::new();
    batch.put_encoded(&COUNTS, &1, &77_u64.to_be_bytes()).put(&COUNTS, &2, &78);
    store.commit(batch, Durability::Buffered).expect("a commit");
    assert_eq!(store.get(&COUNTS, &1).expect("a read"), Some(77));
    let encoded = store.get_with(&COUNTS, &2, <[u8]>::to_vec).expect("a read");
    assert_eq!(encoded, Some(78_u64.to_be_bytes().to_vec()));
    assert_eq!(store.get_with(&COUNTS, &3, <[u8]>::len).expect("a read"), None);
}

fn reads_what_was_committed_and_nothing_else(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.get(&COUNTS, &1).expect("a read before the table exists"), None);
    store.commit(counts_batch([1, 2]), Durability::Buffered).expect("a commit");
    assert_eq!(store.get(&COUNTS, &1).expect("a read"), Some(10));
    assert_eq!(store.get(&COUNTS, &3).expect("a read"), None);

    let mut batch = Batch::new();
    batch.delete(&COUNTS, &1).put(&COUNTS, &2, &7).delete(&COUNTS, &99);
    store.commit(batch, Durability::Sync).expect("a commit");
    assert_eq!(store.get(&COUNTS, &1).expect("a read"), None);
    assert_eq!(store.get(&COUNTS, &2).expect("a read"), Some(7));
}

fn a_batch_changes_several_tables_at_once(subject: &Subject) {
    let store = subject.open();
    let mut batch = counts_batch([5]);
    batch.put(&WORDS, &"five".to_owned(), &vec![5]);
    batch.put(&PAIRS, &(5, "five".to_owned()), &5);
    store.commit(batch, Durability::Sync).expect("a commit");
    let snapshot = store.snapshot().expect("a snapshot");
    assert_eq!(snapshot.get(&COUNTS, &5).expect("a read"), Some(50));
    assert_eq!(snapshot.get(&WORDS, &"five".to_owned()).expect("a read"), Some(vec![5]));
    assert_eq!(snapshot.get(&PAIRS, &(5, "five".to_owned())).expect("a read"), Some(5));
}

fn of_several_changes_to_one_key_the_last_one_counts(subject: &Subject) {
    let store = subject.open();
    let mut batch = Batch::new();
    batch.put(&COUNTS, &1, &1).delete(&COUNTS, &1).put(&COUNTS, &1, &3);
    batch.put(&COUNTS, &2, &1).put(&COUNTS, &2, &2).delete(&COUNTS, &2);
    store.commit(batch, Durability::Buffered).expect("a commit");
    assert_eq!(store.get(&COUNTS, &1).expect("a read"), Some(3));
    assert_eq!(store.get(&COUNTS, &2).expect("a read"), None);
}

fn a_refused_batch_writes_nothing_and_the_store_goes_on(subject: &Subject) {
    let store = subject.open();
    let mut batch = counts_batch([1]);
    batch.put(&WORDS, &"x".repeat(quintet_store::KEY_BYTES_MAX), &vec![]);
    let error = store.commit(batch, Durability::Sync).expect_err("a key over the limit");
    assert!(
        matches!(&error, StoreError::KeyLength { table, expected: 4096, actual: 4098 } if table == "words"),
        "{error}"
    );
    assert_eq!(store.get(&COUNTS, &1).expect("a read"), None);
    assert_eq!(store.poisoned(), None);

    let mut batch = Batch::new();
    batch.put(&WORDS, &"x".to_owned(), &vec![0; quintet_store::VALUE_BYTES_MAX]);
    let error = store.commit(batch, Durability::Sync).expect_err("a value over the limit");
    assert!(matches!(error, StoreError::ValueLength { .. }), "{error}");
    store.commit(counts_batch([1]), Durability::Sync).expect("the store goes on");
}

fn a_snapshot_does_not_see_later_commits(subject: &Subject) {
    let store = subject.open();
    store.commit(counts_batch([1, 2]), Durability::Buffered).expect("a commit");
    let before = store.snapshot().expect("a snapshot");
    let mut batch = counts_batch([3]);
    batch.delete(&COUNTS, &1).put(&COUNTS, &2, &0);
    batch.put(&WORDS, &"new table".to_owned(), &vec![1]);
    store.commit(batch, Durability::Sync).expect("a commit");

    let keys = |snapshot: &quintet_store::Snapshot| -> Vec<(u32, u64)> {
        snapshot.range(&COUNTS, ..).expect("a scan").map(|row| row.expect("a record")).collect()
    };
    assert_eq!(keys(&before), [(1, 10), (2, 20)]);
    assert_eq!(before.get(&COUNTS, &1).expect("a read"), Some(10));
    assert_eq!(before.get(&WORDS, &"new table".to_owned()).expect("a read"), None);
    assert_eq!(before.range(&WORDS, ..).expect("a scan").count(), 0);
    assert_eq!(keys(&store.snapshot().expect("a snapshot")), [(2, 0), (3, 30)]);
}

fn ranges_respect_their_bounds_in_both_directions(subject: &Subject) {
    let store = subject.open();
    store.commit(counts_batch((0..=1000).step_by(10)), Durability::Buffered).expect("a commit");
    let snapshot = store.snapshot().expect("a snapshot");
    let expect = |range: (Bound<u32>, Bound<u32>), expected: &[u32]| {
        let mut found: Vec<u32> = Vec::new();
        for row in snapshot.range(&COUNTS, range).expect("a scan") {
            found.push(row.expect("a record").0);
        }
        assert_eq!(found, expected, "{range:?}");
        let reverse = snapshot.range_rev(&COUNTS, range).expect("a scan");
        let mut reverse: Vec<u32> = reverse.map(|row| row.expect("a record").0).collect();
        reverse.reverse();
        assert_eq!(reverse, expected, "{range:?} in reverse");
    };
    use Bound::{Excluded, Included, Unbounded};
    expect((Included(20), Excluded(50)), &[20, 30, 40]);
    expect((Included(20), Included(50)), &[20, 30, 40, 50]);
    expect((Excluded(20), Excluded(50)), &[30, 40]);
    expect((Included(15), Included(25)), &[20]);
    expect((Unbounded, Excluded(20)), &[0, 10]);
    expect((Excluded(980), Unbounded), &[990, 1000]);
    // Ordered as numbers, not as little-endian bytes.
    expect((Included(250), Included(260)), &[250, 260]);
    // A scan is lazy: taking one item of the whole table is the last key.
    let last = snapshot.range_rev(&COUNTS, ..).expect("a scan").next().expect("an item");
    assert_eq!(last.expect("a record"), (1000, 10_000));
}

fn an_empty_or_crossed_range_yields_nothing(subject: &Subject) {
    let store = subject.open();
    store.commit(counts_batch(0..10), Durability::Buffered).expect("a commit");
    let snapshot = store.snapshot().expect("a snapshot");
    let crossed = (Bound::Included(7), Bound::Excluded(3));
    assert_eq!(snapshot.range(&COUNTS, crossed).expect("a scan").count(), 0);
    assert_eq!(snapshot.range_rev(&COUNTS, 5..5).expect("a scan").count(), 0);
    let open = (Bound::Excluded(5), Bound::Excluded(5));
    assert_eq!(snapshot.range(&COUNTS, open).expect("a scan").count(), 0);
}

fn prefixes_of_tuples_and_strings_select_exactly_their_keys(subject: &Subject) {
    let store = subject.open();
    let mut batch = Batch::new();
    for group in [1, 2, 255, 256, u16::MAX] {
        for name in ["", "a", "a\0", "a\0b", "ab", "b"] {
            batch.put(&PAIRS, &(group, name.to_owned()), &1);
        }
    }
    for word in ["", "a", "a\0", "ab", "abc", "b", "\u{10ffff}"] {
        batch.put(&WORDS, &word.to_owned(), &vec![]);
    }
    store.commit(batch, Durability::Buffered).expect("a commit");
    let snapshot = store.snapshot().expect("a snapshot");

    let in_group = |group: u16| -> Vec<String> {
        let found = snapshot.prefix(&PAIRS, &group).expect("a scan");
        found.map(|row| row.expect("a record").0.1).collect()
    };
    for group in [1, 2, 255, 256, u16::MAX] {
        assert_eq!(in_group(group), ["", "a", "a\0", "a\0b", "ab", "b"], "group {group}");
    }
    assert!(in_group(3).is_empty());

    let beginning = |text: &str| -> Vec<String> {
        let found = snapshot.prefix(&WORDS, &BytesPrefix(text.as_bytes())).expect("a scan");
        found.map(|row| row.expect("a record").0).collect()
    };
    assert_eq!(beginning("a"), ["a", "a\0", "ab", "abc"]);
    assert_eq!(beginning("ab"), ["ab", "abc"]);
    assert_eq!(beginning(""), ["", "a", "a\0", "ab", "abc", "b", "\u{10ffff}"]);
    let last = snapshot.prefix_rev(&WORDS, &BytesPrefix(b"a")).expect("a scan").next();
    assert_eq!(last.expect("an item").expect("a record").0, "abc");
}

fn delete_range_removes_up_to_its_limit(subject: &Subject) {
    let store = subject.open();
    store.commit(counts_batch(0..10), Durability::Buffered).expect("a commit");
    let mut removed = Vec::new();
    loop {
        let mut batch = Batch::new();
        let snapshot = store.snapshot().expect("a snapshot");
        let count = batch.delete_range(&snapshot, &COUNTS, 2..9, 3).expect("a scan");
        store.commit(batch, Durability::Buffered).expect("a commit");
        removed.push(count);
        if count < 3 {
            break;
        }
    }
    assert_eq!(removed, [3, 3, 1]);
    let snapshot = store.snapshot().expect("a snapshot");
    let left = snapshot.range(&COUNTS, ..).expect("a scan");
    assert_eq!(left.map(|row| row.expect("a record").0).collect::<Vec<_>>(), [0, 1, 9]);
}

fn values_of_all_sizes_come_back_whole(subject: &Subject) {
    let store = subject.open();
    let sizes = [0, 1, 127, 128, 4_000, 4_096, 65_535, 65_536, 1_000_000];
    let value = |size: usize| -> Vec<u8> { (0..251).cycle().take(size).collect() };
    let mut batch = Batch::new();
    for size in sizes {
        batch.put(&WORDS, &size.to_string(), &value(size));
    }
    store.commit(batch, Durability::Sync).expect("a commit");
    for size in sizes {
        let found = store.get(&WORDS, &size.to_string()).expect("a read");
        assert!(found == Some(value(size)), "a value of {size} bytes changed");
    }
}

fn flush_and_compact_keep_every_record(subject: &Subject) {
    let store = subject.open();
    for round in 0..5_u32 {
        store
            .commit(counts_batch(round * 50..round * 50 + 100), Durability::Buffered)
            .expect("a commit");
    }
    let mut batch = Batch::new();
    for key in 0..100 {
        batch.delete(&COUNTS, &key);
    }
    store.commit(batch, Durability::Buffered).expect("a commit");
    store.flush().expect("a flush");
    store.compact().expect("a compaction");
    let snapshot = store.snapshot().expect("a snapshot");
    let keys: Vec<u32> =
        snapshot.range(&COUNTS, ..).expect("a scan").map(|row| row.expect("a record").0).collect();
    assert_eq!(keys, (100..300).collect::<Vec<_>>());
    assert!(store.disk_bytes().expect("a size") > 0);
}

fn readers_and_a_writer_run_beside_each_other(subject: &Subject) {
    const COMMITS: u8 = 200;
    let store = subject.open();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let store = store.clone();
            scope.spawn(move || {
                let mut newest = 0;
                while newest < u64::from(COMMITS) {
                    let snapshot = store.snapshot().expect("a snapshot");
                    let left = snapshot.get(&COUNTS, &0).expect("a read").unwrap_or(0);
                    let right = snapshot.get(&PAIRS, &(0, String::new())).expect("a read");
                    // Both tables change in one batch, so no reader sees one without the other.
                    assert_eq!(right.map_or(0, u64::from), left);
                    assert!(left >= newest, "a later snapshot showed an earlier state");
                    newest = left;
                }
            });
        }
        for count in 1..=COMMITS {
            let mut batch = Batch::new();
            batch.put(&COUNTS, &0, &count.into());
            batch.put(&PAIRS, &(0, String::new()), &count);
            store.commit(batch, Durability::Buffered).expect("a commit");
        }
    });
}

/// The engines that keep their data when the last handle goes.
mod reopened {
    use quintet_store::{Durability, EngineKind};

    use super::counts_batch;
    use crate::subject::{COUNTS, Subject};

    fn a_reopened_store_holds_what_was_committed(engine: EngineKind) {
        let subject = Subject::directory(engine);
        for round in 0..4 {
            let store = subject.open();
            let snapshot = store.snapshot().expect("a snapshot");
            assert_eq!(snapshot.range(&COUNTS, ..).expect("a scan").count(), round as usize * 100);
            let batch = counts_batch(round * 100..round * 100 + 100);
            store.commit(batch, Durability::Sync).expect("a commit");
        }
    }

    #[test]
    fn a_reopened_fjall_store_holds_what_was_committed() {
        a_reopened_store_holds_what_was_committed(EngineKind::Fjall);
    }

    #[test]
    fn a_reopened_redb_store_holds_what_was_committed() {
        a_reopened_store_holds_what_was_committed(EngineKind::Redb);
    }
}
