//! The pool over a real consensus: chains of transactions, blocks that accept them, a reorganisation that takes them back.

use std::sync::atomic::{AtomicU64, Ordering};

use quintet_kaspa_protocol::{
    block::Block,
    coinbase::MinerData,
    mass::storage_mass,
    params::{Era, Network, Params},
    tx::{
        ComputeCommit, Outpoint, PopulatedTransaction, ScriptPublicKey, SubnetworkId,
        TransactionInput, TransactionOutput, UtxoEntry,
    },
};

use super::*;
use crate::{
    consensus::{MemoryLedger, Options},
    mining::Templates,
};

const ANYONE: &[u8] = &[0x51];

struct Lab {
    consensus: Arc<Consensus>,
    mempool: Arc<Mempool>,
    templates: Templates,
    last: Arc<VirtualState>,
    time: Arc<AtomicU64>,
    nonce: u64,
}

impl Lab {
    fn new() -> Self {
        let mut params = Params::of(Network::Simnet);
        for rules in [&mut params.crescendo, &mut params.toccata] {
            rules.rate.coinbase_maturity = 2;
        }
        let time = Arc::new(AtomicU64::new(params.genesis.timestamp + 1000));
        let clock = Arc::clone(&time);
        let clock = Arc::new(move || clock.load(Ordering::Relaxed));
        let options = Options { threads: 1, clock, ..Options::default() };
        let policy = Policy { accept_non_standard: true, ..Policy::of(&params, Era::Toccata) };
        let ledger = Arc::new(MemoryLedger::new());
        let consensus = Arc::new(Consensus::open(params, options, ledger).unwrap());
        let mempool = Arc::new(Mempool::new(Arc::clone(&consensus), policy, 1));
        let templates = Templates::new(Arc::clone(&consensus), Arc::clone(&mempool));
        let last = consensus.virtual_state();
        Self { consensus, mempool, templates, last, time, nonce: 0 }
    }

    fn template(&mut self) -> Block {
        self.time.fetch_add(100, Ordering::Relaxed);
        let script_public_key = ScriptPublicKey::new(0, ANYONE);
        let miner = MinerData { script_public_key, extra_data: b"lab" };
        let mut block = self.templates.fresh(&miner).unwrap().block.clone();
        self.nonce += 1;
        block.header.nonce = self.nonce;
        block
    }

    fn take(&mut self, block: Block) {
        assert!(self.consensus.submit_block(block).unwrap().is_present());
        let now = self.consensus.virtual_state();
        let changes = self.consensus.changes(&self.last, &now).unwrap().unwrap();
        self.mempool.follow(&changes, &now).unwrap();
        self.last = now;
    }

    fn mine(&mut self) -> Block {
        let block = self.template();
        self.take(block.clone());
        block
    }

    /// Returns a coin that may be spent.
    fn coin(&mut self) -> (Outpoint, UtxoEntry) {
        let block = self.mine();
        for _ in 0..5 {
            self.mine();
        }
        let blocks = self.consensus.blocks_from(&block.header.hash(), 100).unwrap();
        for hash in blocks {
            let block = self.consensus.block(&hash).unwrap().unwrap();
            let outpoint = Outpoint::new(block.transactions[0].id(), 0);
            if let Some(entry) = self.consensus.utxo(&outpoint).unwrap()
                && self.mempool.read(|pool| pool.spender(&outpoint)).is_none()
            {
                return (outpoint, entry);
            }
        }
        panic!("no coinbase was accepted");
    }

    fn spend(&self, outpoint: Outpoint, amount: u64, fee: u64) -> Transaction {
        let script = ScriptPublicKey::new(0, ANYONE);
        let mut tx = Transaction {
            version: 0,
            inputs: vec![TransactionInput {
                previous_outpoint: outpoint,
                signature_script: vec![],
                sequence: 0,
                compute_commit: ComputeCommit::SigOpCount(0),
            }],
            outputs: vec![TransactionOutput::new(amount - fee, script.clone())],
            lock_time: 0,
            subnetwork_id: SubnetworkId::NATIVE,
            gas: 0,
            payload: vec![],
            storage_mass: 0,
        };
        let entry = UtxoEntry {
            amount,
            script_public_key: script,
            block_daa_score: 0,
            is_coinbase: false,
            covenant_id: None,
        };
        let entries = [entry];
        let populated = PopulatedTransaction::new(&tx, &entries).unwrap();
        tx.storage_mass = storage_mass(self.consensus.params(), populated).unwrap();
        tx
    }

    fn submit(&self, tx: &Transaction) -> Result<Inserted, SubmitError> {
        self.mempool.submit(tx.clone(), Submission::PEER)
    }
}

#[test]
fn a_chain_of_transactions_is_mined_block_by_block() {
    let mut lab = Lab::new();
    let (outpoint, entry) = lab.coin();
    let parent = lab.spend(outpoint, entry.amount, 5000);
    let child = lab.spend(Outpoint::new(parent.id(), 0), entry.amount - 5000, 9000);
    // The child comes first and waits.
    let inserted = lab.submit(&child).unwrap();
    assert_eq!(inserted.missing, vec![parent.id()]);
    assert_eq!(lab.submit(&parent).unwrap().accepted.len(), 2);
    assert_eq!(lab.mempool.figures().ready, 1);
    let block = lab.mine();
    assert!(block.transactions.iter().any(|tx| tx.id() == parent.id()));
    assert!(!block.transactions.iter().any(|tx| tx.id() == child.id()));
    let block = lab.mine();
    assert!(block.transactions.iter().any(|tx| tx.id() == child.id()));
    assert_eq!(lab.mempool.figures(), PoolFigures::default());
    let refusal = lab.submit(&parent).unwrap_err();
    assert!(matches!(refusal, SubmitError::Refused(Refusal::AlreadyAccepted { .. })));
}

#[test]
fn a_mass_not_committed_to_is_committed_to() {
    let mut lab = Lab::new();
    let (outpoint, entry) = lab.coin();
    let mut tx = lab.spend(outpoint, entry.amount, 5000);
    tx.outputs[0].value = 10_000_000;
    let expected = {
        let entries = [entry];
        let populated = PopulatedTransaction::new(&tx, &entries).unwrap();
        storage_mass(lab.consensus.params(), populated).unwrap()
    };
    tx.storage_mass = 0;
    let inserted = lab.submit(&tx).unwrap();
    assert_eq!(inserted.accepted[0].storage_mass, expected);
    assert!(expected > 0);
    let block = lab.mine();
    assert_eq!(block.transactions[1].storage_mass, expected, "the template carries it");
}

#[test]
fn a_wrong_signature_is_refused_and_leaves_nothing() {
    let mut lab = Lab::new();
    let (outpoint, entry) = lab.coin();
    let mut tx = lab.spend(outpoint, entry.amount, 5000);
    tx.inputs[0].signature_script = vec![0x00, 0x69];
    assert!(matches!(lab.submit(&tx), Err(SubmitError::Refused(Refusal::Rule(_)))));
    assert_eq!(lab.mempool.figures(), PoolFigures::default());
}

#[test]
fn what_a_reorganisation_takes_away_is_mined_again() {
    let mut lab = Lab::new();
    let (outpoint, entry) = lab.coin();
    let mut other = Lab::new();
    let genesis = lab.consensus.params().genesis.header().hash();
    for hash in lab.consensus.blocks_from(&genesis, 1000).unwrap().into_iter().skip(1) {
        other.take(lab.consensus.block(&hash).unwrap().unwrap());
    }
    other.time.store(lab.time.load(Ordering::Relaxed), Ordering::Relaxed);
    other.nonce = 1 << 40;
    let tx = lab.spend(outpoint, entry.amount, 5000);
    let rival = lab.spend(outpoint, entry.amount, 6000);
    lab.submit(&tx).unwrap();
    lab.mine();
    lab.mine();
    assert_eq!(lab.mempool.figures().transactions, 0);
    // The other side mined longer, and spent the same otherwise.
    other.submit(&rival).unwrap();
    let blocks: Vec<Block> = (0..8).map(|_| other.mine()).collect();
    for block in blocks {
        lab.take(block);
    }
    let state = lab.consensus.virtual_state();
    assert!(state.acceptance.iter().all(|merged| merged.accepted.iter().all(|a| a.id != tx.id())));
    assert_eq!(lab.mempool.figures().transactions, 0, "its coin is spent");
    assert!(lab.consensus.utxo(&Outpoint::new(rival.id(), 0)).unwrap().is_some());
}
