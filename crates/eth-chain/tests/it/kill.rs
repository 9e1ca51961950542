//! Real processes, really killed while they mine, import and go back: head, state, receipts and index agree, and nothing that was
//! acknowledged is lost.
//!
//! `QUINTET_KILL_ROUNDS` sets the rounds.

use std::path::Path;

use quintet_eth_chain::{ChainOptions, EthChain};
use quintet_store::{
    StoreOptions,
    testing::kill::{child_directory, kill_a_child, ready, report, rounds},
};

use crate::world::{assert_sound, mine_many, options, spec};

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
