//! What a chain block accepts of the blocks it merges, where that once went wrong.

use std::sync::{Arc, atomic::AtomicU64};

use quintet_kaspa_protocol::tx::{Outpoint, Transaction};

use super::lab::{Node, clock, params, spend};

/// A coin anyone may spend, with the transaction that spends it.
fn spend_a_coin(node: &Node) -> Transaction {
    let state = node.consensus.virtual_state();
    let (outpoint, entry) = node
        .utxos()
        .into_iter()
        .find(|(_, entry)| entry.block_daa_score + 4 <= state.daa_score)
        .expect("a coinbase that is ripe");
    spend(node.consensus.params(), outpoint, &entry, 1_000)
}

/// Spends the first output of a transaction.
fn spend_output(node: &Node, tx: &Transaction) -> Transaction {
    let outpoint = Outpoint::new(tx.id(), 0);
    let entry = node.consensus.utxo(&outpoint).unwrap().expect("accepted by now");
    spend(node.consensus.params(), outpoint, &entry, 1_000)
}

/// Looking up what a mergeset spends once left out whatever a transaction of the mergeset makes. But the maker may stand there for the second
/// time: accepted long ago through another block, so that it is not accepted again, while what it made is in the set and may be spent.
///
/// ```text
///   … ── o ── X1(A) ── X2 ── X3(B spends A) ── virtual: B is accepted, A is not again
///         \                                    /
///          └───────────── Y(A) ───────────────┘
/// ```
#[test]
fn a_coin_is_spent_although_its_maker_is_merged_a_second_time() {
    let params = params(true);
    let time = Arc::new(AtomicU64::new(params.genesis.timestamp + 1_000_000));
    let (main, aside) = (Node::new(&params, clock(&time)), Node::new(&params, clock(&time)));
    for nonce in 0..12 {
        aside.take(&main.mine(nonce));
    }
    let a = spend_a_coin(&main);
    let y = aside.template(vec![a.clone()], 100);
    let x1 = main.template(vec![a.clone()], 101);
    main.take(&x1);
    // X2 accepts A, so what A made is in the set of X2.
    main.mine(102);
    let b = spend_output(&main, &a);
    let x3 = main.template(vec![b.clone()], 103);
    main.take(&x3);
    let made_by_b = Outpoint::new(b.id(), 0);
    let before = main.consensus.utxo(&made_by_b).unwrap();
    assert!(before.is_some(), "the virtual block accepts B");

    main.take(&y);
    let merged = main.consensus.virtual_state();
    assert!(merged.parent_hashes.contains(&y.header.hash()), "Y is merged");
    assert_eq!(merged.parent_hashes.first(), Some(&x3.header.hash()), "after X3");
    let accepts = |tx: &Transaction| {
        let accepted = merged.acceptance.iter().flat_map(|block| &block.accepted);
        accepted.filter(|accepted| accepted.id == tx.id()).count()
    };
    assert_eq!((accepts(&a), accepts(&b)), (0, 1), "A was accepted before, B is now");
    assert!(main.consensus.utxo(&made_by_b).unwrap().is_some());
    assert_eq!(main.consensus.utxo(&Outpoint::new(a.id(), 0)).unwrap(), None);

    // A chain block on top says the same.
    let top = main.mine(104);
    assert_eq!(main.consensus.sink(), top.header.hash());
    assert!(main.consensus.utxo(&made_by_b).unwrap().is_some());
}
