//! Proofs of simulated DAGs: built, validated by a stranger, broken in every way, compared; and starting from a pruning point.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use quintet_primitives::Hash256;

use super::*;
use crate::{
    dag::{BlockId, Colouring, Dag, GhostdagParams, LevelRules, LevelView},
    header::{BlueWork, Header, LevelParents},
    target,
};

mod levels;
mod start;

const MAX_LEVEL: u8 = 12;
const K: u16 = 3;
const M: u64 = 20;
const BITS: u32 = 0x207f_ffff;
const GENESIS: BlockId = BlockId::new(1);

/// A stream of numbers that is the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    fn below(&mut self, end: u64) -> usize {
        usize::try_from(self.next() % end).unwrap()
    }
}

/// The level of a test's header is in its nonce, so that blocks can be forged on any level.
fn work(header: &Header) -> ProofOfWork {
    let level = u8::try_from(header.nonce.trailing_zeros()).unwrap().min(MAX_LEVEL);
    let level = if header.parents.levels() == 0 { MAX_LEVEL } else { level };
    ProofOfWork { level, is_valid: true }
}

/// A DAG with headers, as a node has it.
#[derive(Clone)]
struct Sim {
    dag: Dag,
    headers: Vec<Arc<Header>>,
    by_hash: HashMap<Hash256, Arc<Header>>,
    edge: Vec<BlockId>,
}

impl LevelView for Sim {
    fn dag(&self) -> &Dag {
        &self.dag
    }

    fn level(&self, block: BlockId) -> u8 {
        work(self.header(block)).level
    }

    fn level_parents(&self, block: BlockId) -> Cow<'_, LevelParents> {
        Cow::Borrowed(&self.header(block).parents)
    }

    fn edge(&self) -> &[BlockId] {
        &self.edge
    }
}

impl ProofView for Sim {
    fn header(&self, hash: &Hash256) -> Option<Arc<Header>> {
        self.by_hash.get(hash).cloned()
    }
}

fn blank(parents: LevelParents, nonce: u64) -> Header {
    let zero = Hash256::default();
    Header {
        version: 1,
        parents,
        hash_merkle_root: zero,
        accepted_id_merkle_root: zero,
        utxo_commitment: zero,
        timestamp: 0,
        bits: BITS,
        nonce,
        daa_score: 0,
        blue_work: BlueWork::ZERO,
        blue_score: 0,
        pruning_point: zero,
    }
}

impl Sim {
    /// A DAG of one block.
    fn new() -> Self {
        let genesis = Arc::new(blank(LevelParents::default(), 0));
        let mut sim = Self {
            dag: Dag::new(0),
            headers: Vec::new(),
            by_hash: HashMap::new(),
            edge: Vec::new(),
        };
        let found = Colouring::new();
        sim.dag
            .insert(genesis.hash(), &[BlockId::ORIGIN], target::work(BITS), found.found())
            .unwrap();
        sim.remember(genesis);
        sim
    }

    fn remember(&mut self, header: Arc<Header>) {
        self.by_hash.insert(header.hash(), Arc::clone(&header));
        self.headers.push(header);
    }

    fn header(&self, block: BlockId) -> &Header {
        &self.headers[block.row() - 1]
    }

    fn rules(&self) -> ProofRules {
        let genesis = self.headers[0].hash();
        ProofRules { genesis, max_level: MAX_LEVEL, m: M, k: K, skip_proof_of_work: false }
    }

    fn level_rules(&self) -> LevelRules {
        LevelRules { genesis: self.headers[0].hash(), max_level: MAX_LEVEL }
    }

    /// Adds a block.
    fn add(&mut self, parents: &[BlockId], pruning_point: BlockId, nonce: u64) -> BlockId {
        let named = self.level_rules().expect(self, pruning_point, parents).unwrap();
        let params = GhostdagParams::new(K, usize::MAX);
        let mut colouring = Colouring::new();
        let found = colouring.run(&self.dag, parents, &params).unwrap();
        let mut header = blank(named, nonce);
        header.blue_score = found.blue_score;
        header.blue_work = found.blue_work;
        // The selected parent comes first, as chain blocks must have it.
        let first = *self.dag.hash(found.selected_parent);
        let mut levels: Vec<Vec<Hash256>> = (0..header.parents.levels())
            .map(|level| header.parents.level(level).unwrap().to_vec())
            .collect();
        levels[0].sort_by_key(|parent| *parent != first);
        header.parents = LevelParents::from_levels(levels).unwrap();
        let block = self.dag.insert(header.hash(), parents, target::work(BITS), found).unwrap();
        self.remember(Arc::new(header));
        block
    }

    /// Adds blocks that do not know up to `blind` of the latest.
    fn grow(&mut self, blocks: usize, blind: u64, seed: u64) {
        let mut random = Random(seed);
        let first = self.dag.len() - 1;
        for _ in 0..blocks {
            let known = self.dag.len() - random.below(blind).min(self.dag.len() - 1 - first);
            let mut parents: Vec<BlockId> = Vec::new();
            for candidate in (1..known).rev().take(3 * usize::try_from(blind).unwrap()) {
                let candidate = BlockId::new(u32::try_from(candidate).unwrap());
                let reachability = self.dag.reachability();
                // Nothing that forks off below where this growth began.
                if candidate.row() < first && !parents.is_empty() {
                    break;
                }
                if !reachability.is_dag_ancestor_of_any(candidate, parents.iter().copied()) {
                    parents.push(candidate);
                }
            }
            self.add(&parents, GENESIS, random.next());
        }
    }

    /// The block of most blue work.
    fn tip(&self) -> BlockId {
        let blocks = (1..self.dag.len()).map(|number| BlockId::new(u32::try_from(number).unwrap()));
        let blocks = blocks.filter(|&block| self.dag.reachability().has(block));
        blocks.max_by(|&a, &b| self.dag.rank(a).cmp(&self.dag.rank(b))).unwrap()
    }

    /// The chain block so many blues below the tip.
    fn deep(&self, depth: u64) -> BlockId {
        let tip = self.tip();
        let chain = core::iter::successors(Some(tip), |&at| Some(self.dag.selected_parent(at)));
        let score = self.dag.blue_score(tip);
        chain
            .take_while(|at| !at.is_origin())
            .find(|&at| self.dag.blue_score(at) + depth <= score)
            .unwrap()
    }

    fn proof(&self, point: BlockId, roots: &[Hash256]) -> Result<BuiltProof, ProofBuildError> {
        build(self, &self.rules(), *self.dag.hash(point), self.level(point), roots)
    }

    fn valid(&self, point: BlockId) -> ValidProof {
        let proof = self.proof(point, &[]).unwrap().proof;
        ValidProof::new(&proof, &self.rules(), work).unwrap()
    }
}
