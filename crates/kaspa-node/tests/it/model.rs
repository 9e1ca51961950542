//! A random DAG with everything a ledger is asked to keep: rows by the real columns, bodies, and a chain whose blocks spend and make outputs.
//!
//! It is a list of operations, the same for the same seed. A test carries them out on a ledger, stops anywhere, and knows what must be there.

use std::{collections::BTreeMap, sync::Arc};

use quintet_kaspa_node::ports::{
    BlockStatus, Body, ChainRecord, HeaderRow, LaneChange, LaneState, Ledger, LedgerError,
    PruneStep, VirtualStep,
};
use quintet_kaspa_protocol::{
    dag::{
        BlockId, Colouring, Dag, DepthRules, Depths, ExpectedDepths, ExpectedPruning,
        GhostdagParams, PruningPoints, PruningRules, Sampling, WindowRules, WindowSize, Windows,
    },
    hashing::UtxoMuHash,
    header::{Header, LevelParents},
    state::{AcceptedTx, MergedBlock, UtxoDiff},
    target,
    tx::{
        ComputeCommit, CovenantBinding, Outpoint, ScriptPublicKey, SubnetworkId, Transaction,
        TransactionInput, TransactionOutput, UtxoEntry,
    },
};
use quintet_primitives::Hash256;

const BITS: u32 = 0x207f_ffff;
const GENESIS: BlockId = BlockId::new(1);

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn hash(&mut self) -> Hash256 {
        let mut bytes = [0; 32];
        for part in bytes.chunks_exact_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes());
        }
        Hash256::new(bytes)
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.below(most + 1);
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// A block of the model.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) header: Arc<Header>,
    pub(crate) row: HeaderRow,
    pub(crate) body: Body,
    pub(crate) record: Option<Arc<ChainRecord>>,
}

/// A step of the virtual block.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) sink: BlockId,
    pub(crate) removed: Vec<BlockId>,
    pub(crate) added: Vec<BlockId>,
    pub(crate) diff: UtxoDiff,
    pub(crate) validated: Vec<BlockId>,
    pub(crate) disqualified: Vec<BlockId>,
}

/// What is done to a ledger, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Header(BlockId),
    Body(BlockId),
    Invalid(BlockId),
    Step(usize),
}

/// A DAG and the operations that bring a ledger to it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) blocks: Vec<Block>,
    pub(crate) steps: Vec<Step>,
    pub(crate) ops: Vec<Op>,
}

struct Columns {
    dag: Dag,
    windows: Windows,
    depths: Depths,
    points: PruningPoints,
    colouring: Colouring,
}

const PARAMS: GhostdagParams = GhostdagParams::new(8, 64);

const fn window_rules() -> WindowRules {
    WindowRules {
        difficulty: WindowSize { size: 20, rate: 2 },
        median: WindowSize { size: 9, rate: 3 },
        difficulty_min: 10,
        target_time: 1000,
        max_target: ruint::aliases::U256::MAX,
        sampling: Sampling::Sampled { since: 0, earlier_target_time: 1000 },
    }
}

const DEPTHS: DepthRules = DepthRules { merge_depth: 60, finality_depth: 40, genesis: GENESIS };
const PRUNING: PruningRules =
    PruningRules { pruning_depth: 100, finality_depth: 40, genesis: GENESIS };

impl Columns {
    fn new(genesis: Hash256) -> Self {
        let mut dag = Dag::new(0);
        let mut colouring = Colouring::new();
        let found = colouring.run(&dag, &[BlockId::ORIGIN], &PARAMS).unwrap();
        dag.insert(genesis, &[BlockId::ORIGIN], target::work(BITS), found).unwrap();
        let (mut depths, mut points) = (Depths::new(), PruningPoints::new());
        depths.push(ExpectedDepths::default());
        points.push(ExpectedPruning { sample: GENESIS, point: GENESIS });
        Self { dag, windows: Windows::new(0, BITS, 0), depths, points, colouring }
    }

    /// Leaves out parents that are in the past of others.
    fn unrelated(&self, parents: &[BlockId]) -> Vec<BlockId> {
        let past = |&parent: &BlockId| {
            let mut others = parents.iter().filter(|&&other| other != parent);
            others.any(|&other| self.dag.reachability().is_dag_ancestor_of(parent, other))
        };
        parents.iter().copied().filter(|parent| !past(parent)).collect()
    }

    fn add(&mut self, hash: Hash256, parents: &[BlockId], time: u64) -> HeaderRow {
        let ghostdag = self.colouring.run(&self.dag, parents, &PARAMS).unwrap().clone();
        let rules = window_rules();
        let expected = self.windows.expect(&self.dag, &ghostdag, &rules).unwrap();
        let depths = self.depths.expect(&self.dag, &ghostdag, &DEPTHS, GENESIS).unwrap_or_default();
        let pruning = self.points.expect(&self.dag, &ghostdag, &PRUNING);
        let work = target::work(expected.bits);
        self.dag.insert(hash, parents, work, &ghostdag).unwrap();
        self.windows.push(&ghostdag, &expected, rules.sampling, time, expected.bits).unwrap();
        self.depths.push(depths);
        self.points.push(pruning);
        HeaderRow {
            hash,
            parents: parents.to_vec(),
            work,
            level: hash.as_bytes()[0],
            bits: expected.bits,
            ghostdag,
            expected,
            sampling: rules.sampling,
            timestamp: time,
            depths,
            pruning,
        }
    }

    fn genesis_row(&self, hash: Hash256) -> HeaderRow {
        HeaderRow {
            hash,
            parents: vec![BlockId::ORIGIN],
            work: target::work(BITS),
            level: 250,
            ghostdag: self.dag.ghostdag(GENESIS),
            expected: quintet_kaspa_protocol::dag::Expected { bits: BITS, ..Default::default() },
            sampling: Sampling::Full,
            timestamp: 0,
            bits: BITS,
            depths: ExpectedDepths::default(),
            pruning: ExpectedPruning { sample: GENESIS, point: GENESIS },
        }
    }
}

/// Makes the DAG of a seed.
struct Maker {
    draw: Draw,
    columns: Columns,
    model: Model,
    tips: Vec<BlockId>,
    sink: BlockId,
    /// Unspent at the sink.
    set: BTreeMap<Outpoint, UtxoEntry>,
    valid: Vec<bool>,
}

impl Model {
    /// Makes a model of so many blocks.
    pub(crate) fn new(seed: u64, blocks: usize) -> Self {
        let mut draw = Draw::new(seed);
        let genesis = draw.hash();
        let columns = Columns::new(genesis);
        let row = columns.genesis_row(genesis);
        let mut maker = Maker {
            draw,
            columns,
            model: Self { blocks: Vec::new(), steps: Vec::new(), ops: Vec::new() },
            tips: vec![GENESIS],
            sink: GENESIS,
            set: BTreeMap::new(),
            valid: vec![true; 2],
        };
        maker.push(row, &[]);
        maker.model.ops.extend([Op::Header(GENESIS), Op::Body(GENESIS)]);
        let record = maker.record(GENESIS);
        maker.model.blocks[0].record = Some(record);
        maker.step(GENESIS, vec![], vec![GENESIS]);
        while maker.model.blocks.len() < blocks {
            maker.block();
        }
        maker.model
    }

    pub(crate) fn genesis(&self) -> Hash256 {
        self.blocks[0].row.hash
    }

    pub(crate) fn block(&self, block: BlockId) -> &Block {
        &self.blocks[block.row() - 1]
    }

    /// Carries an operation out.
    pub(crate) fn apply(&self, ledger: &dyn Ledger, op: Op) -> Result<(), LedgerError> {
        match op {
            Op::Header(id) => {
                let block = self.block(id);
                ledger.append_header(id, &block.header, &block.row)
            }
            Op::Body(id) => ledger.append_body(id, &self.block(id).body),
            Op::Invalid(id) => ledger.append_invalid(id),
            Op::Step(step) => {
                let step = &self.steps[step];
                let validated: Vec<_> = step
                    .validated
                    .iter()
                    .map(|&id| (id, Arc::clone(self.block(id).record.as_ref().unwrap())))
                    .collect();
                ledger.commit(&VirtualStep {
                    sink: step.sink,
                    removed: &step.removed,
                    added: &step.added,
                    diff: &step.diff,
                    validated: &validated,
                    disqualified: &step.disqualified,
                })
            }
        }
    }

    /// Returns every outpoint there ever was, and the set after so many steps.
    pub(crate) fn set_after(&self, steps: usize) -> (Vec<Outpoint>, BTreeMap<Outpoint, UtxoEntry>) {
        let (mut all, mut set) = (Vec::new(), BTreeMap::new());
        for (number, step) in self.steps.iter().enumerate() {
            all.extend(step.diff.added().keys().copied());
            if number < steps {
                step.diff.removed().keys().for_each(|outpoint| drop(set.remove(outpoint)));
                let added = step.diff.added().iter();
                set.extend(added.map(|(outpoint, entry)| (*outpoint, entry.clone())));
            }
        }
        (all, set)
    }

    /// Returns the number of the step whose sink this is.
    pub(crate) fn step_of(&self, sink: BlockId) -> usize {
        self.steps.iter().position(|step| step.sink == sink).expect("a sink of the model")
    }

    /// Prunes up to `point`, after the pruning points `earlier`: all bodies below it go, and all headers but those of pruning points and
    /// every `keep`-th.
    pub(crate) fn prune(
        &self,
        ledger: &dyn Ledger,
        point: BlockId,
        earlier: &[BlockId],
        keep: u32,
    ) {
        let below = |from: u32| (from..point.number()).map(BlockId::new);
        let kept = |id: &BlockId| id.number().is_multiple_of(keep) || earlier.contains(id);
        let alive = |id: &BlockId| ledger.header(*id).unwrap().is_some();
        let bodies: Vec<_> = below(1).filter(alive).filter(kept).collect();
        let blocks: Vec<_> = below(1).filter(alive).filter(|id| !kept(id)).collect();
        let diff = self.diff_between(*earlier.last().unwrap(), point);
        let step = PruneStep { points: &[point], diff: &diff, bodies: &bodies, blocks: &blocks };
        ledger.prune(&step).unwrap();
    }

    /// Returns what leads from the set of one chain block to that of another above it.
    pub(crate) fn diff_between(&self, low: BlockId, high: BlockId) -> UtxoDiff {
        let mut path = Vec::new();
        let mut at = high;
        while at != low {
            path.push(at);
            at = self.block(at).row.ghostdag.selected_parent;
            assert!(!at.is_origin(), "the lower block is on the chain of the higher");
        }
        let mut diff = UtxoDiff::new();
        for &id in path.iter().rev() {
            diff.then(&self.block(id).record.as_ref().unwrap().diff).unwrap();
        }
        diff
    }

    /// Returns the chain of a block down to the genesis.
    pub(crate) fn chain(&self, from: BlockId) -> Vec<BlockId> {
        let up = |at: &BlockId| {
            let parent = self.block(*at).row.ghostdag.selected_parent;
            (!parent.is_origin()).then_some(parent)
        };
        std::iter::successors(Some(from), up).collect()
    }
}

impl Maker {
    fn block(&mut self) {
        let count = 1 + self.draw.below(4.min(self.tips.len()));
        let mut parents = self.tips.clone();
        while parents.len() > count {
            let at = self.draw.below(parents.len());
            parents.remove(at);
        }
        parents = self.columns.unrelated(&parents);
        // A branch nobody merged for long is left alone.
        if self.columns.colouring.run(&self.columns.dag, &parents, &PARAMS).is_err() {
            parents = vec![self.sink];
        }
        let hash = self.draw.hash();
        let time = u64::try_from(self.model.blocks.len()).unwrap() * 700;
        let row = self.columns.add(hash, &parents, time);
        let id = self.push(row, &parents);
        self.model.ops.push(Op::Header(id));
        if self.draw.below(20) == 0 {
            // A header whose body never comes, or is invalid: nobody builds on it.
            self.valid.push(false);
            if self.draw.below(2) == 0 {
                self.model.ops.push(Op::Invalid(id));
            }
            return;
        }
        self.valid.push(true);
        self.model.ops.push(Op::Body(id));
        if self.draw.below(3) > 0 {
            self.tips.retain(|tip| !parents.contains(tip));
        }
        self.tips.push(id);
        if self.tips.len() > 6 {
            self.tips.remove(0);
        }
        if self.columns.dag.rank(id) > self.columns.dag.rank(self.sink) && self.draw.below(4) > 0 {
            self.resolve(id);
        }
    }

    /// Moves the sink.
    fn resolve(&mut self, sink: BlockId) {
        let reachability = self.columns.dag.reachability();
        let mut removed = Vec::new();
        let mut at = self.sink;
        while !reachability.is_chain_ancestor_of(at, sink) {
            removed.push(at);
            at = self.columns.dag.selected_parent(at);
        }
        let added: Vec<_> = reachability.forward_chain(at, sink).skip(1).collect();
        self.step(sink, removed, added);
    }

    fn step(&mut self, sink: BlockId, removed: Vec<BlockId>, added: Vec<BlockId>) {
        let mut diff = UtxoDiff::new();
        for &id in &removed {
            let record = Arc::clone(self.model.block(id).record.as_ref().unwrap());
            self.go(&record.diff, true);
            diff.then_reversed(&record.diff).unwrap();
        }
        let mut validated = Vec::new();
        for &id in &added {
            let known = self.model.block(id).record.clone();
            let record = known.clone().unwrap_or_else(|| self.record(id));
            if known.is_none() || id == GENESIS {
                validated.push(id);
                self.model.blocks[id.row() - 1].record = Some(Arc::clone(&record));
            }
            self.go(&record.diff, false);
            diff.then(&record.diff).unwrap();
        }
        let disqualified = match self.draw.below(10) {
            0 => self.tips.iter().copied().filter(|tip| *tip != sink).take(1).collect(),
            _ => Vec::new(),
        };
        let disqualified: Vec<BlockId> = disqualified;
        let disqualified =
            disqualified.into_iter().filter(|id| self.model.block(*id).record.is_none()).collect();
        self.sink = sink;
        self.model.ops.push(Op::Step(self.model.steps.len()));
        self.model.steps.push(Step { sink, removed, added, diff, validated, disqualified });
    }

    fn go(&mut self, diff: &UtxoDiff, back: bool) {
        let (from, to) =
            if back { (diff.added(), diff.removed()) } else { (diff.removed(), diff.added()) };
        for (outpoint, entry) in from {
            assert_eq!(self.set.remove(outpoint).as_ref(), Some(entry));
        }
        self.set.extend(to.iter().map(|(outpoint, entry)| (*outpoint, entry.clone())));
    }

    fn push(&mut self, row: HeaderRow, parents: &[BlockId]) -> BlockId {
        let id = BlockId::new(u32::try_from(self.model.blocks.len() + 1).unwrap());
        let hashes: Vec<_> = parents.iter().map(|&id| *self.columns.dag.hash(id)).collect();
        let genesis = *self.columns.dag.hash(GENESIS);
        let few = hashes.first().copied().into_iter().collect::<Vec<_>>();
        let runs = [(1, hashes), (5, few), (200, vec![genesis])];
        let header = Header {
            version: 2,
            parents: match parents.is_empty() {
                true => LevelParents::default(),
                false => LevelParents::from_levels(
                    (0..200_u16).map(|level| &runs.iter().find(|(end, _)| level < *end).unwrap().1),
                )
                .unwrap(),
            },
            hash_merkle_root: self.draw.hash(),
            accepted_id_merkle_root: self.draw.hash(),
            utxo_commitment: self.draw.hash(),
            timestamp: row.timestamp,
            bits: row.bits,
            nonce: self.draw.next(),
            daa_score: row.expected.daa_score,
            blue_work: row.ghostdag.blue_work,
            blue_score: row.ghostdag.blue_score,
            pruning_point: self.draw.hash(),
        };
        let body = Arc::new(self.body());
        self.model.blocks.push(Block { header: Arc::new(header), row, body, record: None });
        id
    }

    fn body(&mut self) -> Vec<Transaction> {
        (0..=self.draw.below(3)).map(|place| self.transaction(place == 0)).collect()
    }

    fn transaction(&mut self, coinbase: bool) -> Transaction {
        let draw = &mut self.draw;
        let version = u16::from(draw.below(2) == 1);
        let input = |draw: &mut Draw| TransactionInput {
            previous_outpoint: Outpoint::new(draw.hash(), u32::try_from(draw.below(300)).unwrap()),
            signature_script: draw.bytes(70),
            sequence: draw.next(),
            compute_commit: match version {
                0 => ComputeCommit::SigOpCount(draw.next().to_le_bytes()[0]),
                _ => ComputeCommit::ComputeBudget(u16::try_from(draw.below(60_000)).unwrap()),
            },
        };
        let output = |draw: &mut Draw| TransactionOutput {
            value: draw.next(),
            script_public_key: ScriptPublicKey::new(0, &draw.bytes(60)),
            covenant: (draw.below(4) == 0).then(|| CovenantBinding {
                authorizing_input: u16::try_from(draw.below(60_000)).unwrap(),
                covenant_id: draw.hash(),
            }),
        };
        let lane = [&draw.bytes(0)[..], &[1, 2, 3, 4], &[0; 16]].concat().try_into().unwrap();
        Transaction {
            version,
            inputs: (0..if coinbase { 0 } else { draw.below(3) + 1 })
                .map(|_| input(draw))
                .collect(),
            outputs: (0..draw.below(3)).map(|_| output(draw)).collect(),
            lock_time: draw.next() >> draw.below(64),
            subnetwork_id: match (coinbase, draw.below(2)) {
                (true, _) => SubnetworkId::COINBASE,
                (_, 0) => SubnetworkId::NATIVE,
                _ => SubnetworkId::new(lane),
            },
            gas: draw.next() >> draw.below(64),
            payload: draw.bytes(100),
            storage_mass: draw.next() >> draw.below(64),
        }
    }

    /// What a chain block spends and makes, on the set of the sink as it is now.
    fn record(&mut self, id: BlockId) -> Arc<ChainRecord> {
        let mut diff = UtxoDiff::new();
        let spent = self.draw.below(4).min(self.set.len());
        for _ in 0..spent {
            let at = self.draw.below(self.set.len());
            let (outpoint, entry) = self.set.iter().nth(at).unwrap();
            if !diff.removed().contains_key(outpoint) {
                diff.remove(*outpoint, entry.clone()).unwrap();
            }
        }
        for index in 0..1 + self.draw.below(5) {
            let outpoint = Outpoint::new(self.draw.hash(), u32::try_from(index * 100).unwrap());
            let entry = UtxoEntry {
                amount: self.draw.next(),
                script_public_key: ScriptPublicKey::new(0, &self.draw.bytes(50)),
                block_daa_score: self.draw.next() >> 30,
                is_coinbase: index == 0,
                covenant_id: (self.draw.below(5) == 0).then(|| self.draw.hash()),
            };
            diff.add(outpoint, entry).unwrap();
        }
        let mut multiset = UtxoMuHash::new();
        multiset.insert(&[id.number().to_be_bytes().as_slice()]);
        let merged = self.columns.dag.mergeset(id).to_vec();
        let accepted = |draw: &mut Draw| AcceptedTx {
            index: u32::try_from(draw.below(1000)).unwrap(),
            id: draw.hash(),
            fee: draw.next() >> 40,
        };
        let merged = merged.into_iter().map(|block| MergedBlock {
            block,
            accepted: (0..self.draw.below(3)).map(|_| accepted(&mut self.draw)).collect(),
        });
        let acceptance = merged.collect();
        let state = |draw: &mut Draw| {
            (draw.below(3) > 0)
                .then(|| LaneState { tip: draw.hash(), blue_score: draw.next() >> 20 })
        };
        let lanes = (0..self.draw.below(3)).map(|_| LaneChange {
            lane: self.draw.hash(),
            before: state(&mut self.draw),
            after: state(&mut self.draw),
        });
        let lanes: Vec<LaneChange> = lanes.collect();
        let payload_and_context = lanes.first().map_or_else(Hash256::default, |change| change.lane);
        Arc::new(ChainRecord { diff, acceptance, multiset, lanes, payload_and_context })
    }
}

/// Checks that a ledger holds what is the outcome of `ops[..done]`: blocks, statuses, records and the set.
pub(crate) fn check(model: &Model, ledger: &dyn Ledger, done: &[Op]) {
    let mut statuses = vec![None; model.blocks.len()];
    let mut steps = 0;
    for &op in done {
        match op {
            Op::Header(id) => statuses[id.row() - 1] = Some(BlockStatus::HeaderOnly),
            Op::Body(id) => statuses[id.row() - 1] = Some(BlockStatus::BodyPending),
            Op::Invalid(id) => statuses[id.row() - 1] = Some(BlockStatus::Invalid),
            Op::Step(number) => {
                steps = number + 1;
                let step = &model.steps[number];
                for id in &step.validated {
                    statuses[id.row() - 1] = Some(BlockStatus::UtxoValid);
                }
                for id in &step.disqualified {
                    statuses[id.row() - 1] = Some(BlockStatus::Disqualified);
                }
            }
        }
    }
    for (number, status) in (1..).zip(&statuses) {
        let id = BlockId::new(number);
        let block = model.block(id);
        let Some(status) = status else {
            assert!(ledger.header(id).unwrap().is_none(), "{number} has not come");
            continue;
        };
        assert_eq!(ledger.header(id).unwrap().as_ref(), Some(&block.header), "header {number}");
        let body = status.has_body().then_some(&block.body);
        assert_eq!(ledger.body(id).unwrap().as_ref(), body, "body {number}, {status:?}");
        let record = ledger.chain_record(id).unwrap();
        match (*status == BlockStatus::UtxoValid, record) {
            (true, Some(found)) => same_record(block.record.as_ref().unwrap(), &found),
            (valid, found) => assert!(!valid && found.is_none(), "record {number}"),
        }
    }
    let (all, set) = model.set_after(steps);
    let expected: Vec<_> = all.iter().map(|outpoint| set.get(outpoint).cloned()).collect();
    assert!(ledger.utxos(&all).unwrap() == expected, "the set after {steps} steps");
}

pub(crate) fn same_record(expected: &ChainRecord, actual: &ChainRecord) {
    assert_eq!(expected.diff, actual.diff);
    assert_eq!(expected.acceptance, actual.acceptance);
    assert_eq!(expected.lanes, actual.lanes);
    assert_eq!(expected.multiset.finalise(), actual.multiset.finalise());
}
