//! Real processes, really killed while they mine, import and go back: head, state, receipts and index agree, and nothing that was
//! acknowledged is lost.
//!
//! The one mines for itself; the other takes over, block by block, what a third one mines beside it, and goes where that one goes.
//!
//! `QUINTET_KILL_ROUNDS` sets the rounds.

use std::path::Path;

use alloy_primitives::{Address, B256};
use quintet_eth::state::StateView as _;
use quintet_eth_chain::{ChainOptions, EthChain};
use quintet_store::{
    StoreOptions,
    testing::kill::{child_directory, kill_a_child, ready, report, rounds},
};

use crate::world::{Key, assert_sound, mine, mine_many, options, spec};

const ROUNDS: u64 = 4;

/// Every so many blocks the child goes back over some.
const BACK_EVERY: u64 = 16;
const BACK_BLOCKS: u64 = 5;

fn open(directory: &Path) -> EthChain {
    let options = ChainOptions { store: StoreOptions::for_state(4 << 20), ..options() };
    EthChain::open(directory, spec(), options).unwrap()
}

/// What the child does: mines one block after the other, and now and then goes back and mines them again. It reports a number only
/// when no later step takes it back.
fn work(directory: &Path) {
    let chain = open(directory);
    ready();
    loop {
        mine_many(&chain, 1);
        let head = chain.head().number;
        if head.is_multiple_of(BACK_EVERY) {
            chain.rollback(head - BACK_BLOCKS).unwrap();
            mine_many(&chain, BACK_BLOCKS + 1);
        }
        let safe = chain.head().number.saturating_sub(BACK_BLOCKS + 1);
        if !report(safe) {
            return;
        }
    }
}

#[test]
fn a_killed_chain_has_all_it_acknowledged_and_fits_together() {
    if let Some(directory) = child_directory() {
        return work(&directory);
    }
    let directory = tempfile::tempdir().unwrap();
    for round in 0..rounds(ROUNDS) {
        let test = "kill::a_killed_chain_has_all_it_acknowledged_and_fits_together";
        let acknowledged = kill_a_child(test, directory.path(), 1 + round % 23, &[]);
        let chain = open(directory.path());
        let head = chain.head().number;
        assert!(
            head >= acknowledged,
            "round {round}: head {head}, {acknowledged} was acknowledged"
        );
        assert_sound(&chain);
    }
}

/// Brings the importer to the author's head: imports what follows its own head, else goes over to the other branch.
fn follow(importer: &EthChain, author: &EthChain) {
    let reader = author.reader().unwrap();
    let mut missing = Vec::new();
    let mut hash = reader.head().hash;
    while importer.reader().unwrap().block(hash).unwrap().is_none() {
        let block = reader.block(hash).unwrap().unwrap();
        hash = block.header().parent_hash;
        missing.push(block);
    }
    for block in missing.into_iter().rev() {
        importer.insert(block.block.clone()).unwrap();
        if block.header().parent_hash == importer.head().hash {
            importer.set_forkchoice(block.hash, B256::ZERO, B256::ZERO).unwrap();
        }
    }
    importer.set_forkchoice(reader.head().hash, B256::ZERO, B256::ZERO).unwrap();
}

/// What the importing child does. Its author goes back as [`work`]'s chain does, and then makes other blocks than before.
fn work_importing(directory: &Path) {
    let (author, importer) = (open(&directory.join("author")), open(&directory.join("importer")));
    follow(&importer, &author);
    ready();
    let key = Key::new(5);
    loop {
        let head = author.head().number;
        if head > 0 && head.is_multiple_of(BACK_EVERY) {
            author.rollback(head - BACK_BLOCKS).unwrap();
            for _ in 0..=BACK_BLOCKS {
                let nonce = author.reader().unwrap().state().account(key.address).unwrap();
                let nonce = nonce.map_or(0, |account| account.nonce);
                mine(&author, &[key.candidate(nonce, Address::ZERO, 9)]);
            }
        } else {
            let nonce = author.reader().unwrap().state().account(key.address).unwrap();
            let nonce = nonce.map_or(0, |account| account.nonce);
            mine(&author, &[key.candidate(nonce, Address::with_last_byte(0x40), 1)]);
        }
        follow(&importer, &author);
        let safe = importer.head().number.saturating_sub(BACK_BLOCKS + 1);
        if !report(safe) {
            return;
        }
    }
}

#[test]
fn a_chain_killed_while_it_imports_has_all_it_acknowledged_and_goes_on() {
    if let Some(directory) = child_directory() {
        return work_importing(&directory);
    }
    let directory = tempfile::tempdir().unwrap();
    for round in 0..rounds(ROUNDS) {
        let test = "kill::a_chain_killed_while_it_imports_has_all_it_acknowledged_and_goes_on";
        let acknowledged = kill_a_child(test, directory.path(), 1 + round * 7 % 23, &[]);
        let importer = open(&directory.path().join("importer"));
        let head = importer.head().number;
        assert!(
            head >= acknowledged,
            "round {round}: head {head}, {acknowledged} was acknowledged"
        );
        assert_sound(&importer);
        let author = open(&directory.path().join("author"));
        assert_sound(&author);
        follow(&importer, &author);
        assert_eq!(importer.head(), author.head());
        assert_sound(&importer);
    }
}
