//! What a node that starts from a pruning point must be told besides the proof: the blocks beside it, and the blocks below both that windows and
//! GHOSTDAG of the next blocks reach down to.
//!
//! ```text
//!        a1   a2            anticone: blocks with bodies
//!       ╱  ╲ ╱             ┐
//!   ○─○─○─○─○─○─ P          │ window: headers with GHOSTDAG data, all there is down to some blue work
//!   ┆                      ┘
//!   c ─ c ─ c               chain segment: headers alone, to a finality depth below P, for their commitments
//! ```
//!
//! None of it is trusted for good: the data is what the work above it was done on, and the blocks above do not fit if it is wrong.
//!
//! Reference: `calculate_pruning_point_anticone_and_trusted_data`, `apply_proof`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use quintet_primitives::Hash256;

use super::PruningImportError;
use crate::{
    block::Block,
    dag::{AnticoneSize, BlockId, Colouring, Dag, Ghostdag, GhostdagParams},
    header::{BlueWork, Header},
    target,
};

/// GHOSTDAG data by hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedGhostdag {
    /// Blues in the past.
    pub blue_score: u64,
    /// Their work.
    pub blue_work: BlueWork,
    /// The parent of most blue work.
    pub selected_parent: Hash256,
    /// Blues merged, the selected parent first.
    pub blues: Vec<Hash256>,
    /// Reds merged.
    pub reds: Vec<Hash256>,
    /// Blues whose anticone has more blues than in the selected parent's view, and how many.
    pub anticone_sizes: Vec<(Hash256, u16)>,
}

/// A header with its GHOSTDAG data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedHeader {
    /// The header.
    pub header: Arc<Header>,
    /// The data.
    pub ghostdag: TrustedGhostdag,
}

/// A block with its GHOSTDAG data.
#[derive(Debug, Clone)]
pub struct TrustedBlock {
    /// The block.
    pub block: Arc<Block>,
    /// The data.
    pub ghostdag: TrustedGhostdag,
}

/// The GHOSTDAG data of a block known by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedGhostdagData {
    /// The block's hash.
    pub hash: Hash256,
    /// The data.
    pub ghostdag: TrustedGhostdag,
}

impl TrustedGhostdag {
    /// Returns the data of a block in a DAG.
    #[must_use]
    pub fn of(dag: &Dag, block: BlockId) -> Self {
        let hash = |&block: &BlockId| *dag.hash(block);
        let sizes = dag.anticone_sizes(block).iter();
        Self {
            blue_score: dag.blue_score(block),
            blue_work: dag.blue_work(block),
            selected_parent: hash(&dag.selected_parent(block)),
            blues: dag.blues(block).iter().map(hash).collect(),
            reds: dag.reds(block).iter().map(hash).collect(),
            anticone_sizes: sizes.map(|size| (hash(&size.block), size.size)).collect(),
        }
    }

    /// Returns the data by numbers, as far as the blocks are in the DAG.
    fn known_in(&self, dag: &Dag) -> Ghostdag {
        let known = |hashes: &[Hash256]| hashes.iter().filter_map(|hash| dag.find(hash)).collect();
        let size = |(hash, size): &(Hash256, u16)| {
            dag.find(hash).map(|block| AnticoneSize { block, size: *size })
        };
        Ghostdag {
            selected_parent: dag.find(&self.selected_parent).unwrap_or(BlockId::ORIGIN),
            blues: known(&self.blues),
            reds: known(&self.reds),
            anticone_sizes: self.anticone_sizes.iter().filter_map(size).collect(),
            blue_score: self.blue_score,
            blue_work: self.blue_work,
        }
    }
}

/// What to send, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedData {
    /// The pruning point, then its anticone by rank: to be sent with bodies.
    pub anticone: Vec<BlockId>,
    /// The blocks with their GHOSTDAG data, those of `anticone` among them, by rank.
    pub window: Vec<BlockId>,
    /// Up to K + 1 chain blocks down from each block of `anticone`, which older peers are sent apart.
    pub ghostdag: Vec<BlockId>,
    /// Blocks of the pruning point's chain down to a finality depth below its selected parent that are not in `window`, highest first.
    pub chain_segment: Vec<BlockId>,
}

impl TrustedData {
    /// Collects what a peer needs. `difficulty_window` returns the blocks of a block's difficulty window
    /// ([`Windows::difficulty_window`](crate::dag::Windows::difficulty_window)). `None` if more than `limit` blocks lie between the tips and
    /// the pruning point.
    ///
    /// The pruning point must be deep enough below the tips for its anticone to be final.
    #[must_use]
    pub fn collect(
        dag: &Dag,
        pruning_point: BlockId,
        tips: &[BlockId],
        k: u16,
        finality_depth: u64,
        limit: usize,
        difficulty_window: impl Fn(BlockId) -> Vec<BlockId>,
    ) -> Option<Self> {
        let mut anticone = dag.anticone(pruning_point, tips.iter().copied(), limit)?;
        anticone.sort_by(|&a, &b| dag.rank(a).cmp(&dag.rank(b)));
        anticone.insert(0, pruning_point);
        let (mut set, mut ghostdag) = (HashSet::new(), Vec::new());
        let mut in_ghostdag = HashSet::new();
        for &block in &anticone {
            cover(dag, block, difficulty_window(block), &mut set);
            for at in chain(dag, block).take(usize::from(k) + 1) {
                set.insert(at);
                if in_ghostdag.insert(at) {
                    ghostdag.push(at);
                }
            }
        }
        let lowest = set.iter().map(|&block| dag.blue_work(block)).min()?;
        let mut met: HashSet<BlockId> = anticone.iter().copied().collect();
        let mut rest: Vec<BlockId> = anticone.clone();
        while let Some(at) = rest.pop() {
            if dag.blue_work(at) < lowest {
                continue;
            }
            set.insert(at);
            let known = |parent: &&BlockId| !parent.is_origin() && dag.reachability().has(**parent);
            for &parent in dag.parents(at).iter().filter(known) {
                if met.insert(parent) {
                    rest.push(parent);
                }
            }
        }
        let context = dag.blue_score(dag.selected_parent(pruning_point));
        let mut is_within = true;
        let chain_segment = chain(dag, pruning_point)
            .take_while(|&at| {
                let score = dag.blue_score(at).saturating_add(finality_depth);
                core::mem::replace(&mut is_within, score > context)
            })
            .filter(|block| !set.contains(block))
            .collect();
        let mut window: Vec<BlockId> = set.into_iter().collect();
        window.sort_by(|&a, &b| dag.rank(a).cmp(&dag.rank(b)));
        Some(Self { anticone, window, ghostdag, chain_segment })
    }
}

/// Iterates down the chain of selected parents as far as they are known.
fn chain(dag: &Dag, block: BlockId) -> impl Iterator<Item = BlockId> + '_ {
    let known = |&at: &BlockId| !at.is_origin() && dag.reachability().has(at);
    core::iter::successors(Some(block), |&at| Some(dag.selected_parent(at))).take_while(known)
}

/// Adds whole mergesets down the chain until all blocks of a window have come: samples can only be counted so.
///
/// Reference: `consecutive_cover_for_window`.
fn cover(dag: &Dag, block: BlockId, window: Vec<BlockId>, set: &mut HashSet<BlockId>) {
    let mut rest: HashSet<BlockId> = window.into_iter().collect();
    for at in chain(dag, block) {
        if rest.is_empty() {
            return;
        }
        for &merged in dag.mergeset(at).iter().filter(|merged| !merged.is_origin()) {
            set.insert(merged);
            let parent = dag.selected_parent(merged);
            if rest.remove(&merged) && !parent.is_origin() {
                set.insert(parent);
            }
        }
    }
}

/// A block of an imported DAG.
#[derive(Debug, Clone)]
pub struct ImportedBlock {
    /// Its hash.
    pub hash: Hash256,
    /// Its header.
    pub header: Arc<Header>,
    /// Whether it is nobody's ancestor and only has a number, a hash and a blue score: past pruning points and the chain segment.
    pub is_deleted: bool,
}

/// The DAG a node starts from.
#[derive(Debug)]
pub struct TrustedImport {
    /// The DAG, from which headers above the pruning point go on as always.
    pub dag: Dag,
    /// The blocks in order of their numbers, from 1: for the columns beside the DAG.
    pub blocks: Vec<ImportedBlock>,
    /// The pruning point.
    pub pruning_point: BlockId,
    /// The blocks with a parent that is not there: [`LevelView::edge`](crate::dag::LevelView::edge).
    pub edge: Vec<BlockId>,
    /// The pruning point's chain from itself down to the first block a finality depth below its selected parent, or as far
    /// as there is one.
    pub chain: Vec<BlockId>,
}

impl TrustedImport {
    /// Builds the DAG of past pruning points (without the last), the chain segment and the trusted blocks, and checks that they fit the
    /// pruning point. `seed` salts the map of hashes; `has_body` says of which blocks the transactions came.
    ///
    /// # Errors
    ///
    /// [`PruningImportError`].
    pub fn new(
        (pruning_point, header): (Hash256, &Header),
        trusted: &[TrustedHeader],
        segment: &[Arc<Header>],
        past: &[(Hash256, Arc<Header>)],
        rules: &ImportRules,
        seed: u64,
        has_body: impl Fn(&Hash256) -> bool,
    ) -> Result<Self, PruningImportError> {
        let mut set: Vec<(Hash256, &TrustedHeader)> =
            trusted.iter().map(|trusted| (trusted.header.hash(), trusted)).collect();
        set.sort_by_key(|(hash, trusted)| (trusted.header.blue_work, *hash));
        set.dedup_by_key(|(hash, _)| *hash);
        let segment: HashMap<Hash256, &Arc<Header>> =
            segment.iter().map(|header| (header.hash(), header)).collect();
        let chain = check_chain((pruning_point, header), &set, &segment, rules)?;
        let selected: HashMap<Hash256, Hash256> =
            chain.iter().zip(chain.iter().skip(1)).map(|(hash, parent)| (*hash, *parent)).collect();
        let in_set: HashSet<Hash256> = set.iter().map(|(hash, _)| *hash).collect();
        let mut import = Import::new(rules, seed);
        let alone = past.iter().map(|(hash, header)| (*hash, header));
        let alone = alone.chain(segment.iter().map(|(hash, header)| (*hash, *header)));
        let mut numbers: HashMap<Hash256, BlockId> = HashMap::new();
        for (hash, header) in alone {
            if !in_set.contains(&hash) && !numbers.contains_key(&hash) {
                numbers.insert(hash, import.number(hash, header)?);
            }
        }
        for (hash, trusted) in &set {
            import.block(*hash, trusted, selected.get(hash))?;
        }
        let Import { dag, blocks, edge, .. } = import;
        let missing = PruningImportError::MissingPruningPointChainSegment { hash: pruning_point };
        let point = dag.find(&pruning_point).ok_or(missing)?;
        for (hash, _) in &set {
            let Some(block) = dag.find(hash) else { continue };
            if block != point && dag.reachability().is_dag_ancestor_of(point, block) {
                return Err(PruningImportError::TrustedBlockInPruningPointFuture { hash: *hash });
            }
            if !dag.reachability().is_dag_ancestor_of(block, point) && !has_body(hash) {
                return Err(PruningImportError::PruningPointAnticoneMissingBody { hash: *hash });
            }
        }
        let number = |hash: &Hash256| dag.find(hash).or_else(|| numbers.get(hash).copied());
        let chain = chain.iter().filter_map(number).collect();
        Ok(Self { dag, blocks, pruning_point: point, edge, chain })
    }

    /// Returns the blocks after numbers: the chain block whose commitment is the inactivity shortcut of a block of this blue score, if it
    /// is at or below the pruning point. See [`shortcut_block`](crate::lanes::shortcut_block) for those above.
    #[must_use]
    pub fn shortcut(&self, blue_score: u64, finality_depth: u64) -> Option<BlockId> {
        let above = blue_score.checked_sub(finality_depth)?;
        self.chain.iter().copied().find(|&block| self.dag.blue_score(block) < above)
    }
}

/// What an import depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportRules {
    /// K.
    pub k: u16,
    /// Blues below the pruning point's selected parent that the chain segment reaches.
    pub finality_depth: u64,
    /// Hash of the first block.
    pub genesis: Hash256,
}

/// Walks the chain below the pruning point by first parents and checks that all came, and nothing else as segment.
///
/// Reference: `verify_and_build_chain_segment_map`.
fn check_chain(
    (pruning_point, header): (Hash256, &Header),
    set: &[(Hash256, &TrustedHeader)],
    segment: &HashMap<Hash256, &Arc<Header>>,
    rules: &ImportRules,
) -> Result<Vec<Hash256>, PruningImportError> {
    let mut headers: HashMap<Hash256, &Header> =
        set.iter().map(|(hash, trusted)| (*hash, &*trusted.header)).collect();
    headers.extend(segment.iter().map(|(hash, header)| (*hash, &***header)));
    let get = |hash: Hash256| {
        let missing = PruningImportError::MissingPruningPointChainSegment { hash };
        headers.get(&hash).copied().ok_or(missing)
    };
    let selected = header.direct_parents().first().copied().unwrap_or(pruning_point);
    let context = get(selected)?.blue_score;
    let (mut chain, mut at) = (Vec::new(), pruning_point);
    loop {
        let header = get(at)?;
        chain.push(at);
        if header.blue_score.saturating_add(rules.finality_depth) <= context {
            break;
        }
        match header.direct_parents().first() {
            // Blue scores that do not fall would lead in a circle; hashes forbid it all the same.
            Some(parent) => at = *parent,
            None if at == rules.genesis => break,
            None => return Err(PruningImportError::MissingPruningPointChainSegment { hash: at }),
        }
    }
    let expected: HashSet<&Hash256> = chain.iter().collect();
    match segment.keys().find(|hash| !expected.contains(hash)) {
        Some(&hash) => Err(PruningImportError::UnexpectedPruningPointChainSegmentBlock { hash }),
        None => Ok(chain),
    }
}

/// An import under way.
struct Import {
    dag: Dag,
    colouring: Colouring,
    params: GhostdagParams,
    blocks: Vec<ImportedBlock>,
    edge: Vec<BlockId>,
}

impl Import {
    fn new(rules: &ImportRules, seed: u64) -> Self {
        Self {
            dag: Dag::new(seed),
            colouring: Colouring::new(),
            params: GhostdagParams::new(rules.k, usize::MAX),
            blocks: Vec::new(),
            edge: Vec::new(),
        }
    }

    /// Gives a number to a block and nothing else.
    fn number(
        &mut self,
        hash: Hash256,
        header: &Arc<Header>,
    ) -> Result<BlockId, PruningImportError> {
        let (blue_score, blue_work) = (header.blue_score, header.blue_work);
        let said = Ghostdag { blue_score, blue_work, ..Ghostdag::default() };
        let inserted = self.dag.insert(hash, &[BlockId::ORIGIN], target::work(header.bits), &said);
        let what = "it came more than once";
        let twice = |_| PruningImportError::TrustedDataInconsistent { hash, what };
        let block = inserted.map_err(twice)?;
        self.dag.delete(block);
        self.blocks.push(ImportedBlock { hash, header: Arc::clone(header), is_deleted: true });
        Ok(block)
    }

    /// Inserts a trusted block above those of its parents that came.
    fn block(
        &mut self,
        hash: Hash256,
        trusted: &TrustedHeader,
        selected: Option<&Hash256>,
    ) -> Result<(), PruningImportError> {
        let inconsistent = |what| PruningImportError::TrustedDataInconsistent { hash, what };
        let TrustedHeader { header, ghostdag } = trusted;
        if ghostdag.blue_work != header.blue_work || ghostdag.blue_score != header.blue_score {
            return Err(inconsistent("blue work and blue score must be the header's"));
        }
        let named = header.direct_parents();
        let mut parents: Vec<BlockId> =
            named.iter().filter_map(|parent| self.dag.find(parent)).collect();
        let is_edge = parents.len() < named.len();
        if parents.is_empty() {
            parents.push(BlockId::ORIGIN);
        }
        let found = self.colouring.run(&self.dag, &parents, &self.params);
        let found = found.map_err(|_| inconsistent("its parents must not be related"))?;
        if let Some(parent) = selected {
            // Where the chain leaves the window, its next block has a number alone.
            let expected = self.dag.find(parent).unwrap_or(found.selected_parent);
            if found.selected_parent != expected {
                let parent = *parent;
                return Err(PruningImportError::TrustedBlockSelectedParentMissing { hash, parent });
            }
        }
        let said = ghostdag.known_in(&self.dag);
        let work = target::work(header.bits);
        let block = self.dag.insert_trusted(hash, &parents, work, found, &said);
        let block = block.map_err(|_| inconsistent("it came more than once"))?;
        if is_edge {
            self.edge.push(block);
        }
        self.blocks.push(ImportedBlock { hash, header: Arc::clone(header), is_deleted: false });
        Ok(())
    }
}
