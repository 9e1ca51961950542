//! Small networks for tests: miners that each run consensus, see each other's blocks late, and spend what anyone may spend.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quintet_kaspa_node::consensus::{
    BlockTemplate, Clock, Consensus, MemoryLedger, Options, Outcome,
};
use quintet_kaspa_protocol::{
    block::Block,
    coinbase::MinerData,
    mass::storage_mass,
    params::{ForkActivation, Network, Params},
    tx::{
        ComputeCommit, Outpoint, PopulatedTransaction, ScriptPublicKey, SubnetworkId, Transaction,
        TransactionInput, TransactionOutput, UtxoEntry,
    },
};

/// A generator of numbers that are random enough.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Rules of a simulation: coinbases ripen fast. `toccata` or the era before.
pub(crate) fn params(toccata: bool) -> Params {
    let mut params = Params::of(Network::Simnet);
    if !toccata {
        params.toccata_activation = ForkActivation::NEVER;
    }
    for rules in [&mut params.crescendo, &mut params.toccata] {
        rules.rate.coinbase_maturity = 4;
        rules.rate.mergeset_size_limit = 60;
    }
    params
}

/// A clock somebody moves.
pub(crate) fn clock(time: &Arc<AtomicU64>) -> Clock {
    let time = Arc::clone(time);
    Arc::new(move || time.load(Ordering::Relaxed))
}

/// Consensus over a ledger in memory.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) consensus: Arc<Consensus>,
    pub(crate) ledger: Arc<MemoryLedger>,
}

impl Node {
    pub(crate) fn new(params: &Params, clock: Clock) -> Self {
        let ledger = Arc::new(MemoryLedger::new());
        Self { consensus: Arc::new(open(params, clock, &ledger)), ledger }
    }

    /// Returns the set of the virtual block, in the order of outpoints.
    pub(crate) fn utxos(&self) -> Vec<(Outpoint, UtxoEntry)> {
        let state = self.consensus.virtual_state();
        let mut set: std::collections::BTreeMap<_, _> =
            self.ledger.utxo_set().into_iter().collect();
        for outpoint in state.diff.removed().keys() {
            set.remove(outpoint);
        }
        set.extend(state.diff.added().iter().map(|(outpoint, entry)| (*outpoint, entry.clone())));
        set.into_iter().collect()
    }

    pub(crate) fn take(&self, block: &Block) {
        let outcome = self.consensus.submit_block(block.clone()).unwrap();
        assert!(outcome.is_present(), "{outcome:?}");
    }

    /// Returns a block on top of all this node has seen.
    pub(crate) fn template(&self, transactions: Vec<Transaction>, nonce: u64) -> Block {
        let BlockTemplate { mut block, .. } =
            self.consensus.build_block_template(miner(), transactions).unwrap().unwrap();
        block.header.nonce = nonce;
        block
    }

    pub(crate) fn mine(&self, nonce: u64) -> Block {
        let block = self.template(vec![], nonce);
        self.take(&block);
        block
    }
}

pub(crate) fn open(params: &Params, clock: Clock, ledger: &Arc<MemoryLedger>) -> Consensus {
    let options = Options { threads: 2, clock, ..Options::default() };
    Consensus::open(params.clone(), options, Arc::clone(ledger) as _).unwrap()
}

/// A miner anyone may spend from.
pub(crate) fn miner() -> MinerData<'static> {
    MinerData { script_public_key: ScriptPublicKey::new(0, &[0x51]), extra_data: b"lab" }
}

/// Spends an entry on one that anyone may spend again.
pub(crate) fn spend(
    params: &Params,
    outpoint: Outpoint,
    entry: &UtxoEntry,
    fee: u64,
) -> Transaction {
    let mut tx = Transaction {
        version: 0,
        inputs: vec![TransactionInput {
            previous_outpoint: outpoint,
            signature_script: vec![],
            sequence: 0,
            compute_commit: ComputeCommit::SigOpCount(1),
        }],
        outputs: vec![TransactionOutput::new(entry.amount - fee, ScriptPublicKey::new(0, &[0x51]))],
        lock_time: 0,
        subnetwork_id: SubnetworkId::NATIVE,
        gas: 0,
        payload: vec![],
        storage_mass: 0,
    };
    let entries = [entry.clone()];
    tx.storage_mass =
        storage_mass(params, PopulatedTransaction::new(&tx, &entries).unwrap()).unwrap();
    tx
}

/// Least value that is spent, sompi.
const SPENT_MIN: u64 = 50_000_000;

/// Lets miners find blocks and hear of each other's late. Returns the blocks in the order in which they were found, parents first.
pub(crate) fn simulate(params: &Params, seed: u64, miners: usize, count: usize) -> Vec<Block> {
    simulate_at(20, params, seed, miners, count)
}

/// The same, with so many milliseconds and some more from one block to the next.
pub(crate) fn simulate_at(
    pace: u64,
    params: &Params,
    seed: u64,
    miners: usize,
    count: usize,
) -> Vec<Block> {
    let time = Arc::new(AtomicU64::new(params.genesis.timestamp + 1000));
    let nodes: Vec<Node> = (0..miners).map(|_| Node::new(params, clock(&time))).collect();
    let mut dice = Dice::new(seed);
    // How many of the blocks each node has heard of.
    let mut heard = vec![0; miners];
    let mut blocks: Vec<Block> = Vec::new();
    for nonce in 0..count as u64 {
        time.fetch_add(pace + dice.below(200) as u64, Ordering::Relaxed);
        let who = dice.below(miners);
        let late = dice.below(miners + 2);
        for block in blocks.iter().take(blocks.len().saturating_sub(late)).skip(heard[who]) {
            nodes[who].take(block);
        }
        heard[who] = heard[who].max(blocks.len().saturating_sub(late));
        let node = &nodes[who];
        let mut utxos = node.utxos();
        dice.shuffle(&mut utxos);
        utxos.truncate(3);
        let spends: Vec<Transaction> = utxos
            .iter()
            // Smaller ones weigh more than a block may hold (KIP-9).
            .filter(|(_, entry)| entry.amount >= SPENT_MIN)
            .map(|(outpoint, entry)| spend(params, *outpoint, entry, dice.below(1000) as u64 + 1))
            .collect();
        let verdicts = node.consensus.check_transactions(&spends).unwrap();
        let valid = spends.into_iter().zip(verdicts).filter(|(_, verdict)| verdict.is_ok());
        let block = node.template(valid.map(|(tx, _)| tx).collect(), nonce);
        node.take(&block);
        blocks.push(block);
    }
    blocks
}

/// Asserts that a block was refused, and returns what for.
pub(crate) fn refusal(outcome: Outcome) -> quintet_kaspa_protocol::validation::RuleError {
    match outcome {
        Outcome::Refused(error) => error,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
