//! A chain whose process is really killed.
//!
//! The test starts itself as a child that appends numbered blocks and flushes now and then, printing how far a commit came. The parent kills
//! it at some moment and opens the chain: what was committed is there with its data and undo data, and indexed and unindexed blocks
//! together are the chain without a gap, so that it can go on without reading anything else.

use std::path::Path;

use bitcoin::{BlockHash, hashes::Hash as _};
use quintet_bitcoin_node::storage::{COIN_TABLES, IndexEntry, Storage, StorageError};
use quintet_store::testing::kill::{child_directory, kill_a_child, ready, report, rounds};
use quintet_utxo::{CoinBytes, Head};

use crate::{
    blocks::{block, hash, header},
    storage::{head_record, options},
};

const ROUNDS: u64 = 12;

/// Blocks between two flushes.
const FLUSH_EVERY: u32 = 23;

const TEST: &str = "storage_kill::a_killed_chain_goes_on_where_it_was";

fn open(directory: &Path) -> Storage {
    let genesis = BlockHash::from_byte_array([7; 32]);
    Storage::open(directory, &genesis, &options()).expect("the chain opens")
}

fn coin_key(number: u32) -> [u8; 36] {
    let mut key = [0; 36];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

/// What a restart finds.
struct Found {
    committed: u32,
    /// Blocks there are, indexed or not.
    blocks: u32,
    tip: BlockHash,
    /// Entries of what is not indexed.
    unindexed: Vec<IndexEntry>,
}

/// Reads everything there is and checks that it fits together.
fn check(storage: &Storage) -> Found {
    let mut tip = BlockHash::all_zeros();
    let files = storage.files();
    let committed = storage
        .load_index(|number, entry| {
            let expected = block(tip, number, 300);
            tip = hash(&expected);
            let found = files.read_block(&tip, entry.block.expect("data"))?;
            assert_eq!(found, expected, "block {number}");
            let undo = files.read_undo(&tip, entry.undo.expect("undo data"))?;
            assert_eq!(undo, number.to_be_bytes().as_slice());
            let coin = storage.store().get(&COIN_TABLES.coins, &coin_key(number))?;
            assert_eq!(coin, Some(CoinBytes(vec![1])), "coin {number}");
            Ok::<_, StorageError>(())
        })
        .expect("the index");
    let head = if committed == 0 { Head::Empty } else { Head::At(tip.to_byte_array()) };
    assert_eq!(storage.coins_head().expect("a read"), head);
    let mut unindexed = Vec::new();
    let mut blocks = committed;
    for record in storage.unindexed_blocks().expect("a scan") {
        let (position, bytes) = record.expect("a whole block");
        assert_eq!(bytes, block(tip, blocks, 300), "block {blocks}");
        tip = hash(&bytes);
        blocks += 1;
        let block = Some(position);
        unindexed.push(IndexEntry { block, ..IndexEntry::from_header(header(&bytes)) });
    }
    Found { committed, blocks, tip, unindexed }
}

fn grow_until_killed(directory: &Path) {
    let storage = open(directory);
    let Found { committed, mut blocks, mut tip, unindexed: mut dirty } = check(&storage);
    let mut first = committed;
    ready();
    loop {
        // Connecting what a restart found, and what is new.
        let bytes = block(tip, blocks, 300);
        tip = hash(&bytes);
        let position = storage.files().append_block(&bytes).expect("an append");
        dirty.push(IndexEntry { block: Some(position), ..IndexEntry::from_header(header(&bytes)) });
        blocks += 1;
        if !blocks.is_multiple_of(FLUSH_EVERY) {
            continue;
        }
        for (number, entry) in (first..).zip(&mut dirty) {
            let hash = hash(&entry.header);
            let undo = storage.files().append_undo(&hash, &number.to_be_bytes());
            entry.undo = Some(undo.expect("an append"));
        }
        let mut flush = storage.begin_flush().expect("a flush");
        for (number, entry) in (first..).zip(dirty.drain(..)) {
            flush.put_entry(number, &entry).expect("a synced entry");
            flush.batch().put(&COIN_TABLES.coins, &coin_key(number), &CoinBytes(vec![1]));
        }
        flush.batch().put(&COIN_TABLES.head, &(), &head_record(tip));
        storage.commit(flush).expect("a commit");
        first = blocks;
        if !report(blocks.into()) {
            return; // the parent is gone
        }
    }
}

#[test]
fn a_killed_chain_goes_on_where_it_was() {
    if let Some(directory) = child_directory() {
        return grow_until_killed(&directory);
    }
    let rounds = rounds(ROUNDS);
    let place = tempfile::tempdir().expect("a directory");
    let mut before = 0;
    for round in 0..rounds {
        let reported = kill_a_child(TEST, place.path(), round * 3 % 10, &[]);
        let found = check(&open(place.path()));
        assert!(
            u64::from(found.committed) >= reported,
            "round {round}: {reported} blocks were committed"
        );
        assert!(found.blocks >= before, "round {round}: older blocks were lost");
        before = found.blocks;
    }
    assert!(before > FLUSH_EVERY, "the children wrote next to nothing");
}
