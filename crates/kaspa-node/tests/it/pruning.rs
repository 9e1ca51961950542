//! The pruning point moves with the chain, what is below it goes, and nothing else changes.

use std::sync::{Arc, atomic::AtomicU64};

use quintet_kaspa_node::ports::Ledger as _;
use quintet_kaspa_protocol::{hashing::UtxoMuHash, params::Params, state::insert_entry};

use super::lab::{Node, clock, open, params, simulate};

/// Depths that a short simulation reaches.
fn shallow() -> Params {
    let mut params = params(true);
    params.pruning_proof_m = 4;
    params.min_difficulty_window_size = 2;
    for rules in [&mut params.crescendo, &mut params.toccata] {
        rules.rate.ghostdag_k = 3;
        rules.rate.mergeset_size_limit = 10;
        rules.rate.merge_depth = 6;
        rules.rate.finality_depth = 16;
        rules.rate.pruning_depth = 40;
        rules.difficulty_window_size = 4;
        rules.past_median_time_window_size = 4;
        rules.rate.difficulty_sample_rate = 2;
        rules.rate.past_median_time_sample_rate = 2;
    }
    params
}

#[test]
fn a_pruned_node_agrees_with_one_that_keeps_everything_and_stays_small() {
    let params = shallow();
    let blocks = simulate(&params, 3, 2, 200);
    let time = || clock(&Arc::new(AtomicU64::new(u64::MAX / 2)));
    let (whole, mut pruned) = (Node::new(&params, time()), Node::new(&params, time()));
    let (mut moves, mut most_bodies) = (0, 0);
    for (number, block) in blocks.iter().enumerate() {
        whole.take(block);
        pruned.take(block);
        moves += usize::from(pruned.consensus.advance_pruning_point().unwrap().is_some());
        most_bodies = most_bodies.max(pruned.ledger.counts().1);
        if number == 150 {
            let Node { consensus, ledger } = pruned;
            drop(consensus);
            pruned = Node { consensus: Arc::new(open(&params, time(), &ledger)), ledger };
        }
        let (one, other) = (whole.consensus.virtual_state(), pruned.consensus.virtual_state());
        assert_eq!(one.parent_hashes, other.parent_hashes, "after {number}");
        assert_eq!(one.accepted_id_root, other.accepted_id_root, "after {number}");
    }
    assert!(moves >= 4, "the pruning point moved {moves} times");
    assert!(most_bodies < 120, "at most {most_bodies} bodies were kept at once");
    assert_eq!(whole.utxos(), pruned.utxos());
    let point = pruned.consensus.pruning_point();
    let header = pruned.consensus.header(&point).unwrap().expect("the pruning point is kept");
    let mut multiset = UtxoMuHash::new();
    for (outpoint, entry) in pruned.ledger.pruning_utxos(None, usize::MAX).unwrap() {
        insert_entry(&mut multiset, &outpoint, &entry);
    }
    assert_eq!(multiset.finalise(), header.utxo_commitment, "the set of the pruning point");
}

#[test]
fn a_pruned_node_opened_again_after_every_block_refuses_nothing() {
    let params = shallow();
    let blocks = simulate(&params, 5, 4, 200);
    let time = || clock(&Arc::new(AtomicU64::new(u64::MAX / 2)));
    let mut node = Node::new(&params, time());
    let mut moves = 0;
    for block in &blocks {
        node.take(block);
        moves += usize::from(node.consensus.advance_pruning_point().unwrap().is_some());
        let Node { consensus, ledger } = node;
        let before = consensus.virtual_state();
        drop(consensus);
        node = Node { consensus: Arc::new(open(&params, time(), &ledger)), ledger };
        let after = node.consensus.virtual_state();
        assert_eq!(before.parent_hashes, after.parent_hashes);
        assert_eq!(before.accepted_id_root, after.accepted_id_root);
    }
    assert!(moves >= 4, "the pruning point moved {moves} times");
}
