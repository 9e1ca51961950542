//! The pruning point moves with the chain, what is below it goes, and nothing else changes.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use quintet_kaspa_node::{
    consensus::{Consensus, Options, Outcome},
    pipeline::{Pipeline, PipelineOptions},
    ports::{BlockStatus, Ledger as _},
    storage::DiskLedger,
};
use quintet_kaspa_protocol::{hashing::UtxoMuHash, params::Params, state::insert_entry};

use super::{
    lab::{Node, clock, open, params, simulate},
    storage,
};

/// Depths that a short simulation reaches.
pub(crate) fn shallow() -> Params {
    let mut params = params(true);
    // Levels that a short chain fills, so that proofs do not reach down to the genesis.
    params.max_block_level = 255;
    params.pruning_proof_m = 2;
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

/// Consensus over files that gives the memory of deleted blocks back whenever it can.
fn sparse(params: &Params, directory: &Path) -> Arc<Consensus> {
    let genesis = params.genesis.header().hash();
    let ledger = DiskLedger::open(directory, &genesis, &storage::options()).unwrap();
    let clock = clock(&Arc::new(AtomicU64::new(u64::MAX / 2)));
    let options = Options { threads: 2, clock, sparse_rows_min: 1, ..Options::default() };
    Arc::new(Consensus::open(params.clone(), options, Arc::new(ledger)).unwrap())
}

#[test]
fn numbering_blocks_anew_changes_nothing_but_the_memory_they_take() {
    let params = shallow();
    let blocks = simulate(&params, 4, 3, 300);
    let whole = Node::new(&params, clock(&Arc::new(AtomicU64::new(u64::MAX / 2))));
    let directory = tempfile::tempdir().unwrap();
    let small = sparse(&params, directory.path());
    let mut most_rows = 0;
    for (number, block) in blocks.iter().enumerate() {
        whole.take(block);
        let outcome = small.submit_block(block.clone()).unwrap();
        assert!(outcome.is_present(), "{number}: {outcome:?}");
        small.advance_pruning_point().unwrap();
        most_rows = most_rows.max(small.header_count());
        let (one, other) = (whole.consensus.virtual_state(), small.virtual_state());
        assert_eq!(one.parent_hashes, other.parent_hashes, "after {number}");
        assert_eq!(one.accepted_id_root, other.accepted_id_root, "after {number}");
        assert_eq!(one.ghostdag.blue_work, other.ghostdag.blue_work, "after {number}");
        assert_eq!(one.rewards, other.rewards, "after {number}");
    }
    assert!(most_rows < 220, "at most {most_rows} rows were in memory at once");
    assert_eq!(whole.consensus.sink(), small.sink());
}

#[test]
fn nobody_sees_a_dag_without_its_blocks_while_they_are_numbered_anew() {
    // The moment is short: more than one seed, so that it is not missed.
    (6..9).for_each(watched_while_pruned);
}

/// Looks at the tip of headers from another thread while blocks come and go.
fn watched_while_pruned(seed: u64) {
    let params = shallow();
    let blocks = simulate(&params, seed, 3, 300);
    let directory = tempfile::tempdir().unwrap();
    let small = sparse(&params, directory.path());
    let is_done = AtomicBool::new(false);
    let looks = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let (mut highest, mut looks) = (0, 0_u64);
            while !is_done.load(Ordering::Relaxed) {
                let (_, score) = small.header_tip();
                assert!(score >= highest, "the tip of headers fell from {highest} to {score}");
                (highest, looks) = (score, looks + 1);
            }
            looks
        });
        for block in &blocks {
            small.submit_block(block.clone()).unwrap();
            small.advance_pruning_point().unwrap();
        }
        is_done.store(true, Ordering::Relaxed);
        watching.join().unwrap()
    });
    assert!(looks > 300, "looked {looks} times");
}

#[test]
fn blocks_are_numbered_anew_under_running_stages() {
    let params = shallow();
    let blocks = simulate(&params, 4, 3, 300);
    let whole = Node::new(&params, clock(&Arc::new(AtomicU64::new(u64::MAX / 2))));
    blocks.iter().for_each(|block| whole.take(block));
    for round in 0..4 {
        let directory = tempfile::tempdir().unwrap();
        let small = sparse(&params, directory.path());
        let options = PipelineOptions {
            header_threads: 2,
            body_threads: 2,
            queue_max: 4,
            waiting_max: blocks.len(),
        };
        let pipeline = Pipeline::start(Arc::clone(&small), &options).unwrap();
        let tickets: Vec<_> =
            blocks.iter().map(|block| pipeline.submit_block(block.clone())).collect();
        for ticket in tickets {
            let outcome = ticket.wait().unwrap();
            assert!(
                matches!(outcome, Outcome::Accepted(status) if status != BlockStatus::Invalid),
                "round {round}: {outcome:?}"
            );
        }
        drop(pipeline);
        let (one, other) = (whole.consensus.virtual_state(), small.virtual_state());
        assert_eq!(one.parent_hashes, other.parent_hashes, "round {round}");
        assert_eq!(one.multiset.finalise(), other.multiset.finalise(), "round {round}");
        assert!(small.header_count() < 260, "{} rows", small.header_count());
    }
}
