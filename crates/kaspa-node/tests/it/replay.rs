//! Whole DAGs of other nodes through consensus, over the ledger in memory and over that on disk with a restart half way.
//!
//! The long ones are replayed by the conformance runner; here are those of a few hundred blocks.

use std::sync::Arc;

use quintet_kaspa_node::{
    consensus::{Consensus, MemoryLedger, Options, Outcome},
    dump::{DumpedBlock, Reader},
    ports::{BlockStatus, Ledger},
    storage::{DiskLedger, StorageOptions},
};
use quintet_kaspa_protocol::params::Params;

const SMALL: [&str; 3] =
    ["go_905tx_265.jsonl.gz", "rk_v1.1.0_1060tx.jsonl.gz", "rk_head_1060tx.jsonl.gz"];

fn dump(name: &str) -> Option<(Params, Vec<DumpedBlock>)> {
    let reader = Reader::open(&test_vectors::find(&format!("kaspa/dags_json/{name}"))?).unwrap();
    let params = reader.params().clone();
    Some((params, reader.map(Result::unwrap).collect()))
}

fn open(params: &Params, ledger: Arc<dyn Ledger>) -> Consensus {
    let options = Options { threads: 2, clock: Arc::new(|| u64::MAX / 2), ..Options::default() };
    Consensus::open(params.clone(), options, ledger).unwrap()
}

fn feed(name: &str, consensus: &Consensus, blocks: &[DumpedBlock]) {
    for dumped in blocks {
        let outcome = consensus.submit_block(dumped.block.clone()).unwrap();
        let reason = consensus.disqualification(&dumped.hash);
        let is_taken =
            matches!(outcome, Outcome::Accepted(BlockStatus::UtxoValid | BlockStatus::BodyPending));
        assert!(is_taken, "{name} {}: {outcome:?} {reason:?}", dumped.hash);
    }
}

fn check_end(consensus: &Consensus) {
    let (tip, _) = consensus.header_tip();
    assert_eq!(tip, consensus.sink());
    assert_eq!(consensus.status(&tip), Some(BlockStatus::UtxoValid));
}

#[test]
fn dumps_of_every_era_lead_to_their_last_commitment() {
    for name in SMALL {
        let Some((params, blocks)) = dump(name) else { continue };
        let consensus = open(&params, Arc::new(MemoryLedger::new()));
        feed(name, &consensus, &blocks[1..]);
        check_end(&consensus);
    }
}

#[test]
fn a_ledger_on_disk_goes_on_after_a_restart_to_the_same_state() {
    let name = SMALL[2];
    let Some((params, blocks)) = dump(name) else { return };
    let directory = tempfile::tempdir().unwrap();
    let genesis = params.genesis.header().hash();
    let disk = || {
        let options = StorageOptions::new([1, 2]);
        Arc::new(DiskLedger::open(directory.path(), &genesis, &options).unwrap())
    };
    let consensus = open(&params, disk());
    feed(name, &consensus, &blocks[1..100]);
    consensus.flush().unwrap();
    let before = consensus.virtual_state();
    drop(consensus);
    let consensus = open(&params, disk());
    let after = consensus.virtual_state();
    assert_eq!(after.parent_hashes, before.parent_hashes);
    assert_eq!(after.multiset.finalise(), before.multiset.finalise());
    assert_eq!(after.accepted_id_root, before.accepted_id_root);
    feed(name, &consensus, &blocks[100..]);
    check_end(&consensus);
}

#[test]
fn a_changed_commitment_ends_the_chain_there() {
    let Some((params, blocks)) = dump(SMALL[1]) else { return };
    let consensus = open(&params, Arc::new(MemoryLedger::new()));
    feed(SMALL[1], &consensus, &blocks[1..40]);
    let mut changed = blocks[40].block.clone();
    let mut commitment = changed.header.utxo_commitment.into_bytes();
    commitment[31] ^= 1;
    changed.header.utxo_commitment = quintet_primitives::Hash256::new(commitment);
    let outcome = consensus.submit_block(changed).unwrap();
    assert_eq!(outcome, Outcome::Accepted(BlockStatus::Disqualified));
}
