//! The chain on disk: what moves together, what a restart finds, and what it refuses.

use std::{fs, path::Path};

use bitcoin::{BlockHash, hashes::Hash as _};
use proptest::prelude::*;
use quintet_bitcoin_node::storage::{
    BlockStatus, COIN_TABLES, IndexEntry, Storage, StorageError, StorageOptions,
};
use quintet_store::{EngineKind, Reader, StoreError, ValueCodec, segment::Position};
use quintet_utxo::{CoinBytes, Head, HeadRecord};

use crate::blocks::{chain, hash, header};

pub(crate) fn options() -> StorageOptions {
    StorageOptions {
        engine: EngineKind::Redb,
        segment_bytes_max: 4_096,
        ..StorageOptions::new(4 << 20)
    }
}

fn genesis() -> BlockHash {
    BlockHash::from_byte_array([7; 32])
}

fn open(directory: &Path) -> Result<Storage, StorageError> {
    Storage::open(directory, &genesis(), &options())
}

fn load(storage: &Storage) -> Result<Vec<IndexEntry>, StorageError> {
    let mut entries = Vec::new();
    storage.load_index(|_, entry| {
        entries.push(entry);
        Ok::<_, StorageError>(())
    })?;
    Ok(entries)
}

/// Appends each block and its undo data, and flushes entries, a coin a block, and the state.
fn store_blocks(storage: &Storage, blocks: &[Vec<u8>]) -> Vec<IndexEntry> {
    let append = |block: &Vec<u8>| IndexEntry {
        status: BlockStatus::VALID_TREE | BlockStatus::VALID_SCRIPTS,
        tx_count: 1,
        block: Some(storage.files().append_block(block).expect("an append")),
        undo: Some(storage.files().append_undo(&hash(block), b"undo").expect("an append")),
        ..IndexEntry::from_header(header(block))
    };
    let entries: Vec<_> = blocks.iter().map(append).collect();
    let mut flush = storage.begin_flush().expect("a flush");
    for (number, entry) in (0..).zip(&entries) {
        flush.put_entry(number, entry).expect("a synced entry");
        flush.batch().put(&COIN_TABLES.coins, &outpoint(number), &CoinBytes(vec![1, 2, 3]));
    }
    let tip = hash(blocks.last().expect("a block"));
    flush.batch().put(&COIN_TABLES.head, &(), &head_record(tip));
    storage.commit(flush).expect("a commit");
    entries
}

/// The record a coins cache leaves: no flush under way, and the block of the last one.
pub(crate) fn head_record(tip: BlockHash) -> HeadRecord {
    let bytes = [&[1], tip.as_byte_array().as_slice(), &[0]].concat();
    decoded(&bytes).expect("a record")
}

/// The record a coins cache leaves when a flush was cut short between two blocks.
pub(crate) fn between_record(old: BlockHash, new: BlockHash) -> HeadRecord {
    let bytes = [&[1], old.as_byte_array().as_slice(), &[1], new.as_byte_array()].concat();
    decoded(&bytes).expect("a record")
}

fn at(block: &[u8]) -> Head {
    Head::At(hash(block).to_byte_array())
}

fn outpoint(number: u32) -> [u8; 36] {
    let mut outpoint = [0; 36];
    outpoint[..4].copy_from_slice(&number.to_be_bytes());
    outpoint
}

fn unindexed(storage: &Storage) -> Vec<Vec<u8>> {
    let scan = storage.unindexed_blocks().expect("a scan");
    scan.map(|block| block.expect("a whole block").1).collect()
}

#[test]
fn entries_coins_and_state_come_back_as_they_were_flushed() {
    let place = tempfile::tempdir().expect("a directory");
    let blocks = chain(50);
    let storage = open(place.path()).expect("a new chain");
    assert_eq!(storage.coins_head().expect("a read"), Head::Empty);
    let entries = store_blocks(&storage, &blocks);
    drop(storage);

    let storage = open(place.path()).expect("it opens again");
    assert_eq!(load(&storage).expect("the index"), entries);
    assert_eq!(storage.coins_head().expect("a read"), at(&blocks[49]));
    assert_eq!(unindexed(&storage), Vec::<Vec<u8>>::new());
    for (block, entry) in blocks.iter().zip(&entries) {
        let hash = hash(block);
        let files = storage.files();
        assert_eq!(files.read_block(&hash, entry.block.expect("data")).expect("a block"), block);
        assert_eq!(files.read_undo(&hash, entry.undo.expect("undo")).expect("undo"), "undo");
    }
    let coin = storage.store().get(&COIN_TABLES.coins, &outpoint(3)).expect("a read");
    assert_eq!(coin, Some(CoinBytes(vec![1, 2, 3])));
}

#[test]
fn blocks_behind_the_last_flush_are_given_again_and_undo_data_behind_it_is_cut() {
    let place = tempfile::tempdir().expect("a directory");
    let blocks = chain(60);
    let storage = open(place.path()).expect("a new chain");
    store_blocks(&storage, &blocks[..30]);
    let end = storage.files().undo().end();
    for block in &blocks[30..] {
        storage.files().append_block(block).expect("an append");
        storage.files().append_undo(&hash(block), &[9; 90]).expect("an append");
    }
    assert_eq!(unindexed(&storage), blocks[30..]);
    drop(storage);

    let storage = open(place.path()).expect("it opens again");
    assert_eq!(load(&storage).expect("the index").len(), 30);
    assert_eq!(storage.coins_head().expect("a read"), at(&blocks[29]));
    assert_eq!(unindexed(&storage), blocks[30..]);
    assert_eq!(storage.files().undo().end(), end);
}

#[test]
fn an_entry_whose_data_came_after_the_flush_began_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let storage = open(place.path()).expect("a new chain");
    let [first, second] = &chain(2)[..] else { panic!("two blocks") };
    storage.files().append_block(first).expect("an append");
    let mut flush = storage.begin_flush().expect("a flush");
    let block = Some(storage.files().append_block(second).expect("an append"));
    let entry = IndexEntry { block, ..IndexEntry::from_header(header(second)) };
    let error = flush.put_entry(0, &entry).expect_err("not synced");
    assert!(matches!(error, StorageError::NotSynced { .. }), "{error}");
    let undo = Some(storage.files().append_undo(&hash(second), b"").expect("an append"));
    let entry = IndexEntry { undo, ..IndexEntry::from_header(header(second)) };
    assert!(matches!(flush.put_entry(0, &entry), Err(StorageError::NotSynced { .. })));
}

#[test]
fn a_flush_that_is_not_committed_changes_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let blocks = chain(3);
    let storage = open(place.path()).expect("a new chain");
    storage.files().append_block(&blocks[0]).expect("an append");
    let mut flush = storage.begin_flush().expect("a flush");
    flush.put_entry(0, &IndexEntry::from_header(header(&blocks[0]))).expect("an entry");
    drop(flush);
    assert_eq!(load(&storage).expect("the index"), []);
    assert_eq!(unindexed(&storage), blocks[..1]);
}

#[test]
fn files_that_lost_what_the_index_relies_on_are_named() {
    for lost in ["blocks", "undo"] {
        let place = tempfile::tempdir().expect("a directory");
        store_blocks(&open(place.path()).expect("a new chain"), &chain(50));
        fs::remove_dir_all(place.path().join(lost)).expect("a loss");
        let error = open(place.path()).expect_err("files are gone");
        assert!(matches!(error, StorageError::FilesBehind { .. }), "{error}");
        assert!(error.to_string().contains("reindex"), "{error}");
    }
}

#[test]
fn a_reindex_keeps_the_blocks_and_nothing_else() {
    let place = tempfile::tempdir().expect("a directory");
    let blocks = chain(50);
    store_blocks(&open(place.path()).expect("a new chain"), &blocks);
    let reindex = StorageOptions { reindex: true, ..options() };
    let storage = Storage::open(place.path(), &genesis(), &reindex).expect("a reindex");
    assert_eq!(load(&storage).expect("the index"), []);
    assert_eq!(storage.coins_head().expect("a read"), Head::Empty);
    assert_eq!(storage.files().undo().end(), storage.files().undo().first());
    assert_eq!(unindexed(&storage), blocks);
    store_blocks(&storage, &blocks[..1]);
}

#[test]
fn another_networks_chain_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    drop(open(place.path()).expect("a new chain"));
    let other = BlockHash::from_byte_array([8; 32]);
    let error = Storage::open(place.path(), &other, &options()).expect_err("another network");
    assert!(matches!(error, StorageError::OtherNetwork { .. }), "{error}");
}

#[test]
fn a_chain_is_open_once() {
    let place = tempfile::tempdir().expect("a directory");
    let _held = open(place.path()).expect("a new chain");
    let error = open(place.path()).expect_err("it is open");
    assert!(matches!(error, StorageError::Store(StoreError::Locked { .. })), "{error}");
}

#[test]
fn a_position_of_another_block_is_found_out() {
    let place = tempfile::tempdir().expect("a directory");
    let blocks = chain(2);
    let storage = open(place.path()).expect("a new chain");
    let entries = store_blocks(&storage, &blocks);
    let position = entries[0].block.expect("data");
    let error = storage.files().read_block(&hash(&blocks[1]), position).expect_err("another");
    assert!(matches!(error, StorageError::WrongBlock { what: "data", .. }), "{error}");
    let position = entries[0].undo.expect("undo");
    let error = storage.files().read_undo(&hash(&blocks[1]), position).expect_err("another");
    assert!(matches!(error, StorageError::WrongBlock { what: "undo data", .. }), "{error}");
}

#[test]
fn coins_without_a_head_are_left_from_a_clearing_and_go_at_open() {
    let place = tempfile::tempdir().expect("a directory");
    let blocks = chain(5);
    let storage = open(place.path()).expect("a new chain");
    store_blocks(&storage, &blocks);
    storage.clear_coins().expect("a clearing");
    assert_eq!(storage.coins_head().expect("a read"), Head::Empty);
    assert_eq!(storage.store().get(&COIN_TABLES.coins, &outpoint(3)).expect("a read"), None);
    assert_eq!(load(&storage).expect("the index").len(), 5);

    let mut flush = storage.begin_flush().expect("a flush");
    flush.batch().put(&COIN_TABLES.coins, &outpoint(3), &CoinBytes(vec![1]));
    storage.commit(flush).expect("a commit");
    drop(storage);
    let storage = open(place.path()).expect("it opens again");
    assert_eq!(storage.store().get(&COIN_TABLES.coins, &outpoint(3)).expect("a read"), None);
}

#[test]
fn a_gap_in_the_index_is_an_error() {
    let place = tempfile::tempdir().expect("a directory");
    let storage = open(place.path()).expect("a new chain");
    let entry = IndexEntry::from_header(header(&chain(1)[0]));
    let mut flush = storage.begin_flush().expect("a flush");
    flush.put_entry(0, &entry).expect("an entry");
    flush.put_entry(2, &entry).expect("an entry");
    storage.commit(flush).expect("a commit");
    let error = load(&storage).expect_err("entry 1 is missing");
    assert!(matches!(error, StorageError::IndexGap { expected: 1, actual: 2 }), "{error}");
}

fn encoded<T: ValueCodec>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode_value(&mut bytes);
    bytes
}

fn decoded<T: ValueCodec>(bytes: &[u8]) -> Option<T> {
    let mut reader = Reader::new(bytes);
    let value = T::decode_value(&mut reader).ok()?;
    reader.rest().is_empty().then_some(value)
}

#[test]
fn the_layout_of_an_entry_is_pinned() {
    let position = |segment| Position { segment, offset: 96, len: 285 };
    let entry = IndexEntry {
        status: BlockStatus::VALID_TREE | BlockStatus::VALID_SCRIPTS,
        tx_count: 1,
        block: Some(position(2)),
        undo: Some(position(3)),
        ..IndexEntry::from_header([0xaa; 80])
    };
    let mut expected = vec![0xaa; 80];
    expected.push(0b1100_0101);
    expected.extend([0, 0, 0, 1]);
    expected.extend([0, 0, 0, 2, 0, 0, 0, 96, 0, 0, 1, 0x1d]);
    expected.extend([0, 0, 0, 3, 0, 0, 0, 96, 0, 0, 1, 0x1d]);
    assert_eq!(encoded(&entry), expected);
}

fn any_position() -> impl Strategy<Value = Position> {
    let position = |(segment, offset, len)| Position { segment, offset, len };
    any::<(u32, u32, u32)>().prop_map(position)
}

proptest! {
    #[test]
    fn entries_round_trip_and_no_part_of_one_is_one(
        fill in any::<u8>(),
        status in 0_u8..16,
        tx_count in any::<u32>(),
        block in prop::option::of(any_position()),
        undo in prop::option::of(any_position()),
    ) {
        let status = BlockStatus::from_bits_truncate(status << 1) | BlockStatus::VALID_TREE;
        let entry = IndexEntry { header: [fill; 80], status, tx_count, block, undo };
        let bytes = encoded(&entry);
        prop_assert_eq!(decoded::<IndexEntry>(&bytes), Some(entry));
        for length in 0..bytes.len() {
            prop_assert_eq!(decoded::<IndexEntry>(&bytes[..length]), None);
        }
    }
}
