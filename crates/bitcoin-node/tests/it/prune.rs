//! Pruning and export: which files go, and what leaves the node.

use std::path::Path;

use bitcoin::{BlockHash, hashes::Hash as _};
use quintet_bitcoin_node::storage::{
    IndexEntry, KEEP_BLOCKS, PRUNE_TARGET_BYTES_MIN, PruneTarget, Storage, StorageError,
    blk::{BlkFiles, BlkWriter, BlkWriterOptions},
    export,
};
use quintet_store::segment::Position;

use crate::{
    blocks::{MAGIC, block, chain, hash, header},
    storage::options,
};

fn genesis() -> BlockHash {
    BlockHash::from_byte_array([7; 32])
}

/// A chain of small blocks in small files, with the entries of all.
fn small_chain(directory: &Path, count: u32) -> (Storage, Vec<IndexEntry>) {
    let storage = Storage::open(directory, &genesis(), &options()).expect("a new chain");
    let mut parent = BlockHash::all_zeros();
    let mut entries = Vec::new();
    for number in 0..count {
        let bytes = block(parent, number, 300);
        parent = hash(&bytes);
        entries.push(IndexEntry {
            block: Some(storage.files().append_block(&bytes).expect("an append")),
            undo: Some(storage.files().append_undo(&parent, &[1; 100]).expect("an append")),
            ..IndexEntry::from_header(header(&bytes))
        });
    }
    let mut flush = storage.begin_flush().expect("a flush");
    for (number, entry) in (0..).zip(&entries) {
        flush.put_entry(number, entry).expect("a synced entry");
    }
    storage.commit(flush).expect("a commit");
    (storage, entries)
}

/// Prunes to `target_bytes` and returns the first block that has all its data.
fn prune(storage: &Storage, entries: &[IndexEntry], target_bytes: u64) -> u32 {
    let target = PruneTarget::for_small_files(target_bytes);
    let tip = u32::try_from(entries.len() - 1).expect("a height");
    let plan = storage.plan_pruning(tip, target, (0..).zip(entries)).expect("a plan");
    let mut flush = storage.begin_flush().expect("a flush");
    let mut kept = Vec::new();
    for (number, entry) in (0..).zip(entries) {
        match plan.pruned(entry) {
            Some(pruned) => flush.put_entry(number, &pruned).expect("an entry"),
            None => kept.push(number),
        }
    }
    assert_eq!(kept, (kept[0]..=tip).collect::<Vec<_>>(), "the newest are kept");
    let before = storage.files().total_bytes();
    let freed = storage.prune(flush, &plan).expect("a pruning");
    assert_eq!(freed, plan.freed_bytes);
    assert_eq!(storage.files().total_bytes(), before - freed);
    kept[0]
}

#[test]
fn pruning_meets_its_target_and_frees_no_more_than_that() {
    let place = tempfile::tempdir().expect("a directory");
    let (storage, entries) = small_chain(place.path(), KEEP_BLOCKS + 300);
    let target = storage.files().total_bytes() * 3 / 4;
    let first = prune(&storage, &entries, target);
    let total = storage.files().total_bytes();
    assert!(total <= target && total + 4_096 > target, "{total} of {target}");
    assert!(first > 0 && first < 300);
    assert_eq!(prune(&storage, &entries, target), first, "nothing more goes");
    drop(storage);

    let storage = Storage::open(place.path(), &genesis(), &options()).expect("it opens again");
    storage
        .load_index(|number, entry| {
            assert!(entry.block.is_some() || number < first, "block {number}");
            if let Some(position) = entry.block {
                storage.files().read_block(&hash(&entry.header), position)?;
            }
            Ok::<_, StorageError>(())
        })
        .expect("the index");
}

#[test]
fn pruning_keeps_the_last_288_blocks_whatever_the_target() {
    let place = tempfile::tempdir().expect("a directory");
    let (storage, entries) = small_chain(place.path(), KEEP_BLOCKS + 300);
    let first = prune(&storage, &entries, 0);
    // The block 288 below the tip is the last that may go; one file's blocks may stay with the first that may not.
    assert!(first <= 300 && first > 300 - 40, "{first}");

    let place = tempfile::tempdir().expect("a directory");
    let (storage, entries) = small_chain(place.path(), KEEP_BLOCKS);
    assert_eq!(prune(&storage, &entries, 0), 0);
}

#[test]
fn a_target_below_550_mib_is_refused() {
    let error = PruneTarget::new(PRUNE_TARGET_BYTES_MIN - 1).expect_err("too small");
    assert!(matches!(error, StorageError::PruneTarget { .. }), "{error}");
    PruneTarget::new(PRUNE_TARGET_BYTES_MIN).expect("the least");
}

#[test]
fn exported_blocks_are_what_a_block_file_reader_finds() {
    let place = tempfile::tempdir().expect("a directory");
    let storage =
        Storage::open(&place.path().join("node"), &genesis(), &options()).expect("a chain");
    let blocks = chain(30);
    let append = |block: &Vec<u8>| -> (BlockHash, Position) {
        (hash(block), storage.files().append_block(block).expect("an append"))
    };
    let positions: Vec<_> = blocks.iter().map(append).collect();
    let directory = place.path().join("out");
    let mut writer = BlkWriter::create(&directory, BlkWriterOptions::new(MAGIC)).expect("a writer");
    let mut told = 0;
    let written = export(storage.files(), positions, &mut writer, |count| told = count);
    assert_eq!((written.expect("an export"), told), (30, 30));
    assert_eq!(writer.finish().expect("the end"), 1);

    let files = BlkFiles::in_directory(&directory, MAGIC).expect("files");
    let mut reader = files.reader(0).expect("a reader");
    for block in blocks {
        let found = reader.next_block().expect("a readable file").expect("a block");
        assert_eq!(found.bytes, block);
    }
    assert_eq!(reader.next_block().expect("a readable file"), None);
}
