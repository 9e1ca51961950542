//! The simulator keeps its word: the same plan makes the same blocks on every machine, and as much traffic as was asked for.

use std::{num::NonZero, sync::Arc};

use quintet_crypto::digest::sha256;
use quintet_kaspa_node::{
    consensus::{Consensus, MemoryLedger, Options},
    dump::{Reader, Writer},
    ports::BlockStatus,
    sim::{ConsensusView, Network, Plan},
};
use quintet_kaspa_protocol::{block::Block, params::Era};

/// A small network under load, most of whose coinbases are never accepted.
fn plan(seed: u64) -> Plan {
    Plan {
        seed,
        blocks: 300,
        delay_micros: 1_000_000,
        miners: 4,
        transactions_per_second: 25,
        ..Plan::at_rate(Era::Toccata, 10, 20).unwrap()
    }
}

/// Views that see the same blocks in different orders.
fn jittery(seed: u64) -> Plan {
    Plan { jitter_percent: 60, views: 3, blocks: 150, ..plan(seed) }
}

fn run(plan: Plan) -> Vec<Block> {
    let params = plan.params.clone();
    let mut network = Network::new(plan, |number| ConsensusView::new(number, &params)).unwrap();
    let mut blocks = Vec::new();
    while let Some(mined) = network.mine().unwrap() {
        blocks.push(mined.block.clone());
    }
    let mut sinks: Vec<_> = network.views().map(|view| view.consensus().unwrap().sink()).collect();
    sinks.dedup();
    assert_eq!(sinks.len(), 1, "all views end at the same sink: {sinks:?}");
    blocks
}

/// One hash over those of all blocks, and so over all that is in them.
fn digest(blocks: &[Block]) -> String {
    let bytes: Vec<u8> = blocks.iter().flat_map(|block| block.header.hash().into_bytes()).collect();
    sha256(&[&bytes]).to_string()
}

fn traffic(blocks: &[Block]) -> usize {
    blocks.iter().map(|block| block.transactions.len() - 1).sum()
}

#[test]
fn the_same_plan_makes_the_same_blocks_on_every_machine() {
    let first = run(plan(1));
    assert!(run(plan(1)) == first, "a second run");
    assert!(traffic(&first) > 300, "{} transactions", traffic(&first));
    assert_eq!(digest(&first), "bb0d97ef7bd25b4e8c98f22efaf691527729502c5042d67e7d621c514ecc6a7f");
}

#[test]
fn jitter_and_views_are_drawn_from_the_seed_too() {
    let first = run(jittery(1));
    assert!(run(jittery(1)) == first, "a second run");
    assert_eq!(digest(&first), "b465cbf3118ac926ed8c6649fc970053609a7ee7ed24b4b2e6ce1e587f36e94c");
}

#[test]
fn another_seed_makes_other_blocks() {
    let first = |plan| run(Plan { blocks: 20, ..plan }).pop().unwrap().header.hash();
    assert_ne!(first(plan(1)), first(plan(2)));
    assert_ne!(first(jittery(1)), first(jittery(2)));
    assert_ne!(first(plan(1)), first(jittery(1)), "jitter reorders");
}

#[test]
fn miners_without_views_of_their_own_make_the_same_blocks() {
    let shared = Plan { views: 0, ..plan(1) };
    assert!(run(shared) == run(plan(1)));
}

#[test]
fn as_many_transactions_are_made_as_were_asked_for() {
    // Ten blocks a second do not divide 33 transactions; three in four blocks' coinbases are never accepted.
    for tps in [33, 300] {
        let blocks = run(Plan { transactions_per_second: tps, blocks: 700, ..plan(1) });
        let (early, late) = blocks.split_at(400);
        assert!(traffic(early) > 0);
        let wanted = usize::try_from(tps).unwrap() * late.len() / 10;
        assert_eq!(traffic(late), wanted, "at {tps} a second");
    }
}

#[test]
fn what_is_asked_for_beyond_the_masses_of_a_block_is_left_out() {
    let blocks = run(Plan { transactions_per_second: 5_000, blocks: 300, ..plan(1) });
    let most = blocks.iter().map(|block| block.transactions.len()).max().unwrap();
    assert!((150..500).contains(&most), "{most} transactions in a block");
}

#[test]
fn a_pruned_view_opened_anew_makes_the_same_blocks_and_forgets_the_old() {
    let times = NonZero::new(2_000).unwrap();
    let plan = Plan {
        blocks: 2_500,
        delay_micros: 300_000,
        transactions_per_second: 5,
        views: 0,
        ..plan(1)
    };
    let plan = plan.scaled(times);
    let params = plan.params.clone();
    assert_eq!(params.rules_at(0).rate.finality_depth, 216);
    let run = |reopens: bool| {
        let ledger = Arc::new(MemoryLedger::new());
        let mut network = Network::new(plan.clone(), |number| {
            let view = ConsensusView::over(number, &params, Arc::clone(&ledger) as _)?;
            Ok(if reopens { view.reopened_when_pruned() } else { view })
        })
        .unwrap();
        let mut blocks = Vec::new();
        while let Some(mined) = network.mine().unwrap() {
            blocks.push(mined.block.clone());
        }
        let consensus = network.views().next_back().unwrap().consensus().unwrap();
        (digest(&blocks), ledger.counts().0, consensus.pruning_point())
    };
    let (kept, whole, point) = run(false);
    let (again, left, same_point) = run(true);
    assert_eq!((&again, same_point), (&kept, point), "pruning and restarts decide nothing");
    assert_ne!(point, params.genesis.header().hash(), "the pruning point moved");
    assert_eq!(left, whole, "the same headers are left");
    assert!(left < 2_400, "{left} headers are left");
}

#[test]
fn an_exported_dag_is_imported_again_and_leads_to_the_same_virtual_block() {
    let plan = plan(3);
    let params = plan.params.clone();
    let path = tempfile::NamedTempFile::with_suffix(".json.gz").unwrap();
    let mut network = Network::new(plan, |number| ConsensusView::new(number, &params)).unwrap();
    let mut writer = Writer::create(path.path(), &params).unwrap();
    let mut blocks = Vec::new();
    while let Some(mined) = network.mine().unwrap() {
        writer.write(&mined.block).unwrap();
        blocks.push(mined.block.clone());
    }
    writer.finish().unwrap();

    let reader = Reader::open(path.path()).unwrap();
    assert_eq!(reader.params().rules_at(0), params.rules_at(0));
    let options = Options { clock: Arc::new(|| u64::MAX / 2), ..Options::default() };
    let ledger = Arc::new(MemoryLedger::new());
    let consensus = Consensus::open(reader.params().clone(), options, ledger).unwrap();
    let imported: Vec<_> = reader.map(Result::unwrap).skip(1).collect();
    assert_eq!(imported.len(), blocks.len());
    for (imported, block) in imported.into_iter().zip(&blocks) {
        assert!(imported.block == *block, "block {}", imported.hash);
        consensus.submit_block(imported.block).unwrap();
        let status = consensus.status(&imported.hash).unwrap();
        assert!(matches!(status, BlockStatus::UtxoValid | BlockStatus::BodyPending), "{status:?}");
    }
    let view = network.views().next_back().unwrap().consensus().unwrap().virtual_state();
    let replayed = consensus.virtual_state();
    assert_eq!(replayed.parent_hashes, view.parent_hashes);
    assert_eq!(replayed.accepted_id_root, view.accepted_id_root);
    assert_eq!(replayed.multiset.finalise(), view.multiset.finalise());
}
