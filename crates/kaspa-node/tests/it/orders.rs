//! The same blocks in any order, through any number of threads, lead to the same virtual block.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use proptest::prelude::*;
use quintet_kaspa_node::{
    consensus::Outcome,
    pipeline::{Pipeline, PipelineOptions},
};
use quintet_kaspa_protocol::{
    block::Block,
    params::Params,
    tx::{Outpoint, UtxoEntry},
    validation::RuleError,
};
use quintet_primitives::Hash256;

use super::lab::{Dice, Node, clock, open, params, simulate};

/// What must not depend on order.
#[derive(Debug, PartialEq)]
struct State {
    parents: Vec<Hash256>,
    blue_score: u64,
    daa_score: u64,
    bits: u32,
    past_median_time: u64,
    commitment: Hash256,
    accepted_id_root: Hash256,
    tips: Vec<Hash256>,
    utxos: Vec<(Outpoint, UtxoEntry)>,
}

fn state(node: &Node) -> State {
    let state = node.consensus.virtual_state();
    let mut tips = node.consensus.tips();
    tips.sort();
    State {
        parents: state.parent_hashes.clone(),
        blue_score: state.ghostdag.blue_score,
        daa_score: state.daa_score,
        bits: state.bits,
        past_median_time: state.past_median_time,
        commitment: state.multiset.finalise(),
        accepted_id_root: state.accepted_id_root,
        tips,
        utxos: node.utxos(),
    }
}

fn node(params: &Params) -> Node {
    Node::new(params, clock(&Arc::new(AtomicU64::new(u64::MAX / 2))))
}

fn through_pipeline(params: &Params, blocks: &[Block], threads: usize) -> Node {
    let node = node(params);
    let options = PipelineOptions {
        header_threads: threads,
        body_threads: threads,
        queue_max: 4,
        waiting_max: blocks.len(),
    };
    let pipeline = Pipeline::start(Arc::clone(&node.consensus), &options).unwrap();
    let tickets: Vec<_> = blocks.iter().map(|block| pipeline.submit_block(block.clone())).collect();
    for ticket in tickets {
        let outcome = ticket.wait().unwrap();
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }
    assert_eq!(pipeline.waiting(), (0, 0));
    drop(pipeline);
    node
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_leads_to_the_same_state(seed in any::<u64>(), toccata in any::<bool>()) {
        let params = params(toccata);
        let mut blocks = simulate(&params, seed, 3, 40);
        prop_assert!(blocks.iter().any(|block| block.transactions.len() > 1), "something is spent");
        prop_assert!(blocks.iter().any(|block| block.header.direct_parents().len() > 1), "there are forks");
        let in_order = node(&params);
        blocks.iter().for_each(|block| in_order.take(block));
        let expected = state(&in_order);
        let mut dice = Dice::new(seed);
        for threads in [1, 3] {
            dice.shuffle(&mut blocks);
            let shuffled = through_pipeline(&params, &blocks, threads);
            prop_assert_eq!(&state(&shuffled), &expected);
        }
    }

    #[test]
    fn a_restart_continues_where_the_last_commit_was(seed in any::<u64>()) {
        let params = params(true);
        let blocks = simulate(&params, seed, 2, 24);
        let whole = node(&params);
        blocks.iter().for_each(|block| whole.take(block));
        let (first, rest) = blocks.split_at(13);
        let before = node(&params);
        first.iter().for_each(|block| before.take(block));
        // Bodies that came after the last commit are found and resolved at the next start.
        let (unresolved, rest) = rest.split_at(4);
        for block in unresolved {
            prop_assert!(before.consensus.submit_body(block.clone()).unwrap().is_present());
        }
        let Node { consensus, ledger } = before;
        drop(consensus);
        let time = clock(&Arc::new(AtomicU64::new(u64::MAX / 2)));
        let after = Node { consensus: Arc::new(open(&params, time, &ledger)), ledger };
        rest.iter().for_each(|block| after.take(block));
        prop_assert_eq!(state(&after), state(&whole));
    }
}

#[test]
fn blocks_whose_parents_never_come_are_refused_for_them() {
    let params = params(true);
    let blocks = simulate(&params, 7, 1, 6);
    let node = node(&params);
    let options = PipelineOptions { waiting_max: 2, ..PipelineOptions::default() };
    let pipeline = Pipeline::start(Arc::clone(&node.consensus), &options).unwrap();
    let tickets: Vec<_> =
        blocks[1..].iter().map(|block| pipeline.submit_block(block.clone())).collect();
    drop(pipeline);
    for (ticket, block) in tickets.into_iter().zip(&blocks[1..]) {
        let missing = block.header.direct_parents().to_vec();
        let error = RuleError::MissingParents { missing };
        assert_eq!(ticket.wait().unwrap(), Outcome::Refused(error));
    }
    assert_eq!(node.consensus.header_count(), 1, "only the genesis is there");
}

fn a_chain_and_a_pipeline_without_it() -> (Vec<Block>, Pipeline) {
    let params = params(true);
    let consensus = Arc::clone(&node(&params).consensus);
    let pipeline = Pipeline::start(consensus, &PipelineOptions::default()).unwrap();
    (simulate(&params, 7, 1, 6), pipeline)
}

#[test]
fn what_waits_for_a_block_that_never_comes_can_be_refused_and_what_is_known_does_not_wait() {
    let (blocks, pipeline) = a_chain_and_a_pipeline_without_it();
    for block in &blocks[..3] {
        let outcome = pipeline.submit_block(block.clone()).wait().unwrap();
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }
    let known = pipeline.submit_block(blocks[1].clone()).wait().unwrap();
    assert!(matches!(known, Outcome::Known(_)), "{known:?}");
    let orphan = pipeline.submit_block(blocks[5].clone());
    assert_eq!(orphan.wait_at_most(Duration::from_millis(1)).unwrap(), None);
    assert_eq!(pipeline.waiting(), (1, 0));
    pipeline.refuse_waiting();
    let missing = vec![blocks[4].header.hash()];
    let refused = Outcome::Refused(RuleError::MissingParents { missing });
    assert_eq!(orphan.wait().unwrap(), refused);
}

#[test]
fn a_miners_block_is_refused_for_parents_that_are_not_there_and_never_waits_for_them() {
    let (blocks, pipeline) = a_chain_and_a_pipeline_without_it();
    let outcome = pipeline.submit_attached(blocks[1].clone()).wait().unwrap();
    let missing = vec![blocks[0].header.hash()];
    assert_eq!(outcome, Outcome::Refused(RuleError::MissingParents { missing }));
    assert_eq!(pipeline.waiting(), (0, 0));
    for block in &blocks[..2] {
        let outcome = pipeline.submit_attached(block.clone()).wait().unwrap();
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }
    let known = pipeline.submit_attached(blocks[0].clone()).wait().unwrap();
    assert!(matches!(known, Outcome::Known(_)), "{known:?}");
    // A parent of which no more than the header is known.
    pipeline.submit_header(Arc::new(blocks[2].header.clone())).wait().unwrap();
    let outcome = pipeline.submit_attached(blocks[3].clone()).wait().unwrap();
    let missing = vec![blocks[2].header.hash()];
    assert_eq!(outcome, Outcome::Refused(RuleError::MissingParents { missing }));
}
