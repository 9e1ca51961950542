//! Building the proof of a pruning point.
//!
//! Level by level from the highest: the blocks of the level below its tip are collected, highest first, until the selected chain of their
//! GHOSTDAG leads to a block that can be the root: in the past of the block M deep on the level above, and 2M blues below the
//! tip in a GHOSTDAG that begins with it. Then the level is what lies between the two.
//!
//! ```text
//!   collect highest first ──► slab, GHOSTDAG ──► chain of the tip ──► root? ──► future(root) ∩ past(tip), GHOSTDAG ──► 2M blues?
//!        ▲                                                        no: more            no: further down the chain
//! ```
//!
//! Reference: `processes::pruning_proof::build`.

use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    sync::Arc,
};

use quintet_primitives::Hash256;
use thiserror::Error;

use super::{LEVEL_HEADERS_PER_M, ProofRules, PruningProof, level::Level};
use crate::{
    dag::{BlockId, DagError, LevelRules},
    header::{BlueWork, Header},
};

/// Headers by hash, with what they are known to reach.
pub trait ProofView {
    /// Returns the header of a block in the DAG, or kept below it as part of the last proof. Not those of past pruning points that
    /// are in neither: what lies above them is not known.
    fn header(&self, hash: &Hash256) -> Option<Arc<Header>>;
}

/// Why a proof cannot be built. All of these say that headers are gone which should have been kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofBuildError {
    /// The pruning point is not known.
    #[error("expected the header of the pruning point {hash}, it is not known")]
    NoPruningPoint {
        /// The pruning point.
        hash: Hash256,
    },
    /// The pruning point has no known parent on a level.
    #[error("expected a known parent of the pruning point on level {level}")]
    NoTip {
        /// The level.
        level: u8,
    },
    /// No root is deep enough.
    #[error(
        "expected a root of level {level} that is {depth} blues deep among its {headers} known headers"
    )]
    NoRoot {
        /// The level.
        level: u8,
        /// Blues wanted.
        depth: u64,
        /// Headers known of the level.
        headers: usize,
    },
    /// Headers contradict one another.
    #[error(transparent)]
    Dag(#[from] DagError),
}

/// A proof and the roots to build the next one by.
#[derive(Debug, Clone)]
pub struct BuiltProof {
    /// The proof.
    pub proof: PruningProof,
    /// The first block of each level: to be handed to the next [`build`].
    pub roots: Vec<Hash256>,
}

/// Builds the proof of a pruning point that reaches `pruning_point_level`.
///
/// `previous_roots` are those of the last proof, built here or taken from a peer (the first header of each level): where
/// nothing below them is known any more, a level begins with the same root again. Empty if there was none.
///
/// # Errors
///
/// [`ProofBuildError`].
pub fn build<V: ProofView + ?Sized>(
    view: &V,
    rules: &ProofRules,
    pruning_point: Hash256,
    pruning_point_level: u8,
    previous_roots: &[Hash256],
) -> Result<BuiltProof, ProofBuildError> {
    let header = view
        .header(&pruning_point)
        .ok_or(ProofBuildError::NoPruningPoint { hash: pruning_point })?;
    let mut builder = Builder {
        view,
        rules,
        levels: LevelRules { genesis: rules.genesis, max_level: rules.max_level },
        headers: HashMap::new(),
    };
    let mut built = BuiltProof { proof: Vec::new(), roots: Vec::new() };
    let mut next: Option<Level> = None;
    for level in (0..=rules.max_level).rev() {
        let tips = if pruning_point_level >= level {
            vec![(pruning_point, Arc::clone(&header))]
        } else {
            builder.parents(&header, level)
        };
        let required = next.as_ref().map(|next| *next.dag().hash(next.block_at_depth(rules.m)));
        let previous = previous_roots.get(usize::from(level)).copied();
        let mut found = Err(ProofBuildError::NoTip { level });
        for tip in tips {
            found = builder.level(level, &tip, required, previous);
            if found.is_ok() {
                break;
            }
        }
        let found = found?;
        built.roots.push(*found.dag().hash(BlockId::new(1)));
        built.proof.push(found.headers().to_vec());
        next = Some(found);
    }
    built.roots.reverse();
    built.proof.reverse();
    Ok(built)
}

type Hashed = (Hash256, Arc<Header>);

struct Builder<'a, V: ?Sized> {
    view: &'a V,
    rules: &'a ProofRules,
    levels: LevelRules,
    /// Headers met on some level.
    headers: HashMap<Hash256, Option<Arc<Header>>>,
}

impl<V: ProofView + ?Sized> Builder<'_, V> {
    fn header(&mut self, hash: &Hash256) -> Option<Arc<Header>> {
        self.headers.entry(*hash).or_insert_with(|| self.view.header(hash)).clone()
    }

    /// Returns the known parents on a level, that of most blue work first.
    fn parents(&mut self, header: &Header, level: u8) -> Vec<Hashed> {
        let levels = self.levels;
        let named = levels.parents_at(&header.parents, level.into());
        let mut known: Vec<Hashed> =
            named.iter().filter_map(|hash| Some((*hash, self.header(hash)?))).collect();
        known.sort_by_key(|(hash, header)| core::cmp::Reverse((header.blue_work, *hash)));
        known
    }

    /// Builds a level below a tip.
    fn level(
        &mut self,
        level: u8,
        tip: &Hashed,
        required: Option<Hash256>,
        previous: Option<Hash256>,
    ) -> Result<Level, ProofBuildError> {
        let (required, depth) = (required.unwrap_or(tip.0), self.rules.m.saturating_mul(2));
        let max = depth.saturating_mul(LEVEL_HEADERS_PER_M / 2);
        let mut slab = Slab::new(tip);
        let mut wanted = depth.saturating_add(self.rules.m);
        loop {
            let is_all = slab.extend(self, level, usize::try_from(wanted).unwrap_or(usize::MAX));
            let whole = slab.level(level, self.rules, |_| true)?;
            if let Some(found) =
                self.rooted(level, &slab, &whole, required, is_all.then_some(previous).flatten())?
            {
                return Ok(found);
            }
            if is_all || wanted > max {
                let headers = slab.blocks.len();
                return Err(ProofBuildError::NoRoot { level, depth, headers });
            }
            wanted = wanted.saturating_mul(2);
        }
    }

    /// Looks for a root in a slab and builds the level above it.
    fn rooted(
        &self,
        level: u8,
        slab: &Slab,
        whole: &Level,
        required: Hash256,
        previous: Option<Hash256>,
    ) -> Result<Option<Level>, ProofBuildError> {
        let (dag, tip, depth) = (whole.dag(), whole.tip(), self.rules.m.saturating_mul(2));
        let Some(required) = dag.find(&required) else { return Ok(None) };
        let reachability = dag.reachability();
        let is_genesis = |block| *dag.hash(block) == self.rules.genesis;
        let deep =
            |block: BlockId| dag.blue_score(block).saturating_add(depth) <= dag.blue_score(tip);
        let chain = core::iter::successors(Some(tip), |&at| Some(dag.selected_parent(at)))
            .take_while(|at| !at.is_origin())
            .filter(|&at| is_genesis(at) || deep(at));
        let previous = previous.and_then(|previous| dag.find(&previous));
        let mut tried = 0;
        for root in chain.chain(previous) {
            if !reachability.is_dag_ancestor_of(root, required) {
                continue;
            }
            let above = |hash: &Hash256| {
                dag.find(hash).is_some_and(|block| reachability.is_dag_ancestor_of(root, block))
            };
            let found = slab.level(level, self.rules, above)?;
            if is_genesis(root) || found.dag().blue_score(found.tip()) >= depth {
                return Ok(Some(found));
            }
            tried += 1;
            if tried == ROOTS_TRIED_MAX {
                break;
            }
        }
        Ok(None)
    }
}

/// Most roots tried in a slab before more headers are collected.
const ROOTS_TRIED_MAX: usize = 16;

/// The highest blocks of a level below a tip: whatever has a higher rank than the last and is below the tip is in it.
struct Slab {
    /// Highest first.
    blocks: Vec<Hashed>,
    rest: BinaryHeap<(BlueWork, Hash256)>,
    met: HashSet<Hash256>,
}

impl Slab {
    fn new((hash, header): &Hashed) -> Self {
        Self {
            blocks: Vec::new(),
            rest: BinaryHeap::from([(header.blue_work, *hash)]),
            met: HashSet::from([*hash]),
        }
    }

    /// Collects up to so many blocks; returns whether that is all there is.
    fn extend<V: ProofView + ?Sized>(
        &mut self,
        builder: &mut Builder<'_, V>,
        level: u8,
        wanted: usize,
    ) -> bool {
        while self.blocks.len() < wanted {
            let Some((_, hash)) = self.rest.pop() else { return true };
            let Some(header) = builder.header(&hash) else { continue };
            for (parent, above) in builder.parents(&header, level) {
                if self.met.insert(parent) {
                    self.rest.push((above.blue_work, parent));
                }
            }
            self.blocks.push((hash, header));
        }
        self.rest.is_empty()
    }

    /// Makes the DAG of those of its blocks that `is_in` takes.
    fn level(
        &self,
        level: u8,
        rules: &ProofRules,
        is_in: impl Fn(&Hash256) -> bool,
    ) -> Result<Level, DagError> {
        let mut built = Level::new(level, rules);
        for (hash, header) in self.blocks.iter().rev().filter(|(hash, _)| is_in(hash)) {
            let parents = built.known_parents(header);
            built.insert(*hash, header, &parents)?;
        }
        Ok(built)
    }
}
