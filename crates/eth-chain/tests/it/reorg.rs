//! From one chain to another.

use std::sync::{Arc, Mutex};

use alloy_primitives::{Address, B256};
use quintet_eth_chain::{
    ChainEvent, EthChain, ForkchoiceError, ImportError, Imported, Inserted, SealedBlock,
};

use crate::world::{Key, assert_sound, attributes_at, in_memory, mine, mine_many};

const ZERO: B256 = B256::ZERO;

/// Mines blocks on a chain of its own, with one transfer each, so that they are others than those of [`mine_many`].
fn other_blocks(common: u64, blocks: u64) -> Vec<Arc<SealedBlock>> {
    let other = in_memory();
    mine_many(&other, common);
    let key = Key::new(5);
    (0..blocks)
        .map(|nonce| mine(&other, &[key.candidate(nonce, Address::ZERO, 9)]).block().clone())
        .collect()
}

fn insert_all(chain: &EthChain, blocks: &[Arc<SealedBlock>]) {
    for block in blocks {
        assert_eq!(chain.insert(block.block.clone()).unwrap(), Inserted::Kept);
    }
}

#[test]
fn a_head_on_another_branch_takes_the_state_along_and_back_again() {
    let chain = in_memory();
    mine_many(&chain, 6);
    let (old, others) = (chain.head(), other_blocks(3, 5));
    insert_all(&chain, &others);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let _subscription = chain.subscribe(Arc::new(move |event: &ChainEvent| {
        let line = match event {
            ChainEvent::Disconnected(blocks) => {
                format!("-{:?}", blocks.iter().map(|at| at.number).collect::<Vec<_>>())
            }
            ChainEvent::Connected { block, .. } => format!("+{}", block.header().number),
            ChainEvent::Forkchoice(forkchoice) => format!("head {}", forkchoice.head.number),
        };
        log.lock().unwrap().push(line);
    }));
    let new = others[4].hash;
    let change = chain.set_forkchoice(new, ZERO, ZERO).unwrap();
    assert_eq!((change.disconnected, change.connected), (3, 5));
    assert_eq!(*seen.lock().unwrap(), ["-[6, 5, 4]", "+4", "+5", "+6", "+7", "+8", "head 8"]);
    assert_sound(&chain);
    let change = chain.set_forkchoice(old.hash, ZERO, ZERO).unwrap();
    assert_eq!((change.disconnected, change.connected, change.head), (5, 3, old));
    assert_sound(&chain);
    let reader = chain.reader().unwrap();
    assert_eq!(reader.transaction(others[4].transactions()[0].hash()).unwrap().map(|_| ()), None);
    assert_eq!(
        reader.receipts(new).unwrap().unwrap().len(),
        1,
        "its receipts are still read by hash"
    );
}

#[test]
fn a_bad_block_on_the_way_leaves_the_head_where_it_was() {
    let chain = in_memory();
    mine_many(&chain, 4);
    let head = chain.head();
    let mut others = other_blocks(2, 3);
    let mut bad = others[1].block.clone();
    bad.header.state_root = B256::repeat_byte(1);
    let bad = Arc::new(SealedBlock {
        hash: bad.header.hash_slow(),
        block: bad,
        senders: vec![],
        total_difficulty: Default::default(),
    });
    let mut child = others[2].block.clone();
    child.header.parent_hash = bad.hash;
    let child = Arc::new(SealedBlock {
        hash: child.header.hash_slow(),
        block: child,
        senders: vec![],
        total_difficulty: Default::default(),
    });
    others.truncate(1);
    others.extend([Arc::clone(&bad), Arc::clone(&child)]);
    insert_all(&chain, &others);
    let error = chain.set_forkchoice(child.hash, ZERO, ZERO).unwrap_err();
    let ForkchoiceError::Invalid { latest_valid, .. } = error else { panic!("{error}") };
    assert_eq!(latest_valid, others[0].hash);
    assert_eq!(chain.head(), head);
    assert_sound(&chain);
    let mut grandchild = child.block.clone();
    grandchild.header.parent_hash = child.hash;
    grandchild.header.number += 1;
    let error = chain.insert(grandchild).unwrap_err();
    assert!(matches!(error, ImportError::BadAncestor { ancestor, .. } if ancestor == child.hash));
}

#[test]
fn an_ancestor_made_head_takes_the_blocks_above_it_off() {
    let chain = in_memory();
    mine_many(&chain, 40);
    let reader = chain.reader().unwrap();
    let back = reader.canonical_hash(2).unwrap().unwrap();
    let change = chain.set_forkchoice(back, ZERO, ZERO).unwrap();
    assert_eq!((change.disconnected, change.connected), (38, 0));
    assert_sound(&chain);
    // The reader of before still sees all of it.
    assert_eq!(reader.head().number, 40);
    assert!(reader.canonical_hash(39).unwrap().is_some());
    mine_many(&chain, 3);
    assert_sound(&chain);
}

#[test]
fn what_is_final_stays() {
    let chain = in_memory();
    mine_many(&chain, 5);
    let reader = chain.reader().unwrap();
    let hash = |number| reader.canonical_hash(number).unwrap().unwrap();
    chain.set_forkchoice(hash(5), hash(4), hash(3)).unwrap();
    let forkchoice = chain.reader().unwrap().forkchoice().unwrap();
    assert_eq!((forkchoice.safe.unwrap().number, forkchoice.finalized.unwrap().number), (4, 3));
    let error = chain.set_forkchoice(hash(2), ZERO, ZERO).unwrap_err();
    assert!(matches!(error, ForkchoiceError::Finalized { ancestor: 2, finalized: 3, .. }));
    let others = other_blocks(4, 1);
    insert_all(&chain, &others);
    let error = chain.set_forkchoice(others[0].hash, others[0].hash, hash(5)).unwrap_err();
    assert!(matches!(error, ForkchoiceError::Inconsistent { what: "finalised", .. }));
    assert_eq!(chain.reader().unwrap().forkchoice().unwrap().finalized.unwrap().number, 3);
}

#[test]
fn unknown_blocks_and_parents_are_said_to_be() {
    let chain = in_memory();
    let others = other_blocks(1, 1);
    let error = chain.import(others[0].block.clone()).unwrap_err();
    assert!(matches!(error, ImportError::UnknownParent { .. }));
    let error = chain.set_forkchoice(B256::repeat_byte(4), ZERO, ZERO).unwrap_err();
    assert!(matches!(error, ForkchoiceError::UnknownHead { .. }));
}

#[test]
fn a_block_beside_the_chain_is_kept_and_not_head() {
    let chain = in_memory();
    mine_many(&chain, 2);
    let other = in_memory();
    mine_many(&other, 1);
    let built = other.build(None, &attributes_at(500), &[]).unwrap();
    assert_eq!(chain.import(built.block().block.clone()).unwrap(), Imported::Side);
    let reader = chain.reader().unwrap();
    assert!(reader.block(built.block().hash).unwrap().is_some());
    assert!(reader.receipts(built.block().hash).is_err(), "it was not executed");
}
