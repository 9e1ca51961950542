//! The parents a header must name on every level of proof of work, given its direct parents.
//!
//! The parents of level `L` are the highest blocks of level `L` or above in the header's past: the antichain that a DAG of only such blocks
//! would give it. A direct parent that reaches the level is one of them; in the place of one that does not stand its own parents
//! of the level, as far as no other candidate is above them.
//!
//! ```text
//!   level 3      Q ─────────────┐              direct parents A (level 0), B (level 2)
//!   level 2      │   P ── B ──┐ │              levels 0: A B     1, 2: B, and P' of A unless below B
//!   level 0      └── … ── A ──┴─┴─ header      level  3: Q
//! ```
//!
//! From level to level the candidates change only where a run of a direct parent's [`LevelParents`] ends or where a direct parent
//! itself does no longer reach; so each stretch of equal levels is worked out once.
//!
//! # What pruning leaves
//!
//! A candidate may be deleted, or left by itself far below the pruning point, where reachability cannot tell who is above it.
//! Two facts stand in. Some direct parent is in the future of the pruning point and so has all that was deleted in its past: a
//! deleted block that it does not name is below one it names. And a deleted block that it names is below just those kept blocks
//! that have a block of the *edge* (what is left with a parent that is not) in their past which names it too.
//!
//! # Deviations
//!
//! The reference keeps what the edge names on any level, so that there reachability answers; where it does not find it all the same, it
//! takes for the edge only what has no kept parent, and passes over deleted blocks where a direct parent reaches the level. Here
//! the antichain comes out in these cases too.
//!
//! Reference: `processes::parents_builder::ParentsManager::calc_block_parents`, `post_pow_validation::check_indirect_parents`.

use std::{borrow::Cow, collections::BTreeSet};

use quintet_primitives::Hash256;
use smallvec::{SmallVec, smallvec};
use thiserror::Error;

use super::{BlockId, Dag, Reachability};
use crate::header::{LevelParents, LevelParentsError};

/// What must be known of blocks to say what parents a block above them has.
pub trait LevelView {
    /// Returns the DAG.
    fn dag(&self) -> &Dag;

    /// Returns the level the proof of work of a block reaches; of the genesis the highest.
    fn level(&self, block: BlockId) -> u8;

    /// Returns the parents the header of a block names.
    fn level_parents(&self, block: BlockId) -> Cow<'_, LevelParents>;

    /// Returns the blocks that are left and of which a parent is not, or more; nothing as long as no block was deleted. Where nothing
    /// below the pruning point is left these are among itself and its [anticone](Dag::anticone). What is left must be closed upwards:
    /// with a block all of its future.
    ///
    /// Blocks below the edge may be left as well, for windows and proofs. Nothing is asked of reachability about them: it need not
    /// know who is above them any more.
    fn edge(&self) -> &[BlockId];
}

/// What is the same for all headers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelRules {
    /// Hash of the first block, which is the parent of last resort on every level.
    pub genesis: Hash256,
    /// Highest level.
    pub max_level: u8,
}

/// Why the parents cannot be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParentsError {
    /// Nothing above the pruning point is a direct parent.
    #[error("expected a parent in the future of the pruning point, number {}, got none", pruning_point.number())]
    NoneAbovePruningPoint {
        /// The pruning point.
        pruning_point: BlockId,
    },
    /// There would be too many.
    #[error(transparent)]
    Levels(#[from] LevelParentsError),
}

/// Few blocks: the usual candidate is its own and only reference.
type References = SmallVec<[BlockId; 1]>;

/// A direct parent.
struct Parent<'a> {
    hash: Hash256,
    block: BlockId,
    level: usize,
    said: Cow<'a, LevelParents>,
}

/// A block that may be a parent of the level.
struct Candidate {
    hash: Hash256,
    /// What is asked for in its place: itself, or blocks of the edge above it if it was deleted.
    references: References,
    /// Or left below the edge.
    is_deleted: bool,
}

impl Candidate {
    fn kept(hash: Hash256, block: BlockId) -> Self {
        Self { hash, references: smallvec![block], is_deleted: false }
    }

    fn is_below(&self, reachability: &Reachability, block: BlockId) -> bool {
        self.references.iter().any(|&below| reachability.is_dag_ancestor_of(below, block))
    }

    /// What was deleted is above nothing that is left.
    fn is_above(&self, reachability: &Reachability, block: BlockId) -> bool {
        let own = self.references.first().filter(|_| !self.is_deleted);
        own.is_some_and(|&own| reachability.is_dag_ancestor_of(block, own))
    }
}

impl LevelRules {
    /// Returns the parents, by level, of a block with these direct parents. `pruning_point` is the block's own, or the node's.
    ///
    /// Levels end below the first, above level 0, whose only parent is the genesis. The order on a level is of no meaning
    /// ([`is_same`]).
    ///
    /// # Errors
    ///
    /// [`ParentsError`].
    pub fn expect<V: LevelView + ?Sized>(
        &self,
        view: &V,
        pruning_point: BlockId,
        direct_parents: &[BlockId],
    ) -> Result<LevelParents, ParentsError> {
        let dag = view.dag();
        let above =
            |&parent: &BlockId| dag.reachability().is_dag_ancestor_of(pruning_point, parent);
        let Some(first) = direct_parents.iter().position(above) else {
            return Err(ParentsError::NoneAbovePruningPoint { pruning_point });
        };
        let mut parents: Vec<Parent<'_>> = direct_parents
            .iter()
            .map(|&block| Parent {
                hash: *dag.hash(block),
                block,
                level: view.level(block).into(),
                said: view.level_parents(block),
            })
            .collect();
        parents.swap(0, first);
        let stretches = self.stretches(&parents);
        let mut search = Search { view, rules: self, parents, edge: None };
        let mut runs: Vec<(u16, Vec<Hash256>)> = Vec::new();
        for (start, end) in stretches {
            let found = search.at_level(start);
            if start > 0 && found == [self.genesis] {
                break;
            }
            match runs.last_mut().filter(|(_, last)| *last == found) {
                Some((last_end, _)) => *last_end = end,
                None => runs.push((end, found)),
            }
        }
        Ok(LevelParents::from_runs(runs)?)
    }

    /// Returns the stretches of levels, each with the level after it, within which nothing changes.
    fn stretches(&self, parents: &[Parent<'_>]) -> Vec<(usize, u16)> {
        let levels = usize::from(self.max_level) + 1;
        let mut ends = BTreeSet::from([1, levels]);
        for parent in parents {
            ends.insert(parent.level + 1);
            ends.extend(parent.said.runs().map(|(end, _)| end));
        }
        let ends = ends.into_iter().filter(|&end| end <= levels);
        let mut start = 0;
        // Levels fit into a byte, so their ends into two.
        ends.map(|end| {
            (core::mem::replace(&mut start, end), u16::try_from(end).unwrap_or(u16::MAX))
        })
        .collect()
    }

    /// Returns the parents a header names on a level: where it says none, the genesis; of the genesis none.
    #[must_use]
    pub fn parents_at<'a>(&'a self, said: &'a LevelParents, level: usize) -> &'a [Hash256] {
        said.level(level).unwrap_or_else(|| {
            if said.levels() == 0 { &[] } else { core::slice::from_ref(&self.genesis) }
        })
    }
}

struct Search<'a, V: ?Sized> {
    view: &'a V,
    rules: &'a LevelRules,
    /// The direct parents, the first of them above the pruning point.
    parents: Vec<Parent<'a>>,
    /// The edge and what its headers say, once a candidate was deleted.
    edge: Option<Vec<(BlockId, Cow<'a, LevelParents>)>>,
}

impl<V: LevelView + ?Sized> Search<'_, V> {
    fn at_level(&mut self, level: usize) -> Vec<Hash256> {
        // Direct parents are in one another's anticone.
        let mut candidates: Vec<Candidate> = self
            .parents
            .iter()
            .filter(|parent| level <= parent.level)
            .map(|parent| Candidate::kept(parent.hash, parent.block))
            .collect();
        let (grandparents, of_first) = self.grandparents(level);
        if candidates.is_empty() && of_first == grandparents.len() {
            // All direct parents name the same: the usual case on high levels.
            return grandparents;
        }
        for (index, &hash) in grandparents.iter().enumerate() {
            let Some(block) = self.find(&hash) else {
                if index < of_first {
                    self.add_deleted(hash, level, &mut candidates);
                }
                continue;
            };
            let reachability = self.view.dag().reachability();
            let before = candidates.len();
            candidates.retain(|candidate| !candidate.is_below(reachability, block));
            let is_above_some = candidates.len() < before;
            if is_above_some
                || !candidates.iter().any(|candidate| candidate.is_above(reachability, block))
            {
                candidates.push(Candidate::kept(hash, block));
            }
        }
        candidates.into_iter().map(|candidate| candidate.hash).collect()
    }

    /// Returns a block that is not below the edge.
    fn find(&self, hash: &Hash256) -> Option<BlockId> {
        let (dag, edge) = (self.view.dag(), self.view.edge());
        let block = dag.find(hash)?;
        let reachability = dag.reachability();
        let is_above = |&edge: &BlockId| reachability.is_dag_ancestor_of(edge, block);
        (edge.is_empty() || edge.iter().any(is_above)).then_some(block)
    }

    /// Adds a deleted block that the first direct parent names, unless a candidate is above it.
    fn add_deleted(&mut self, hash: Hash256, level: usize, candidates: &mut Vec<Candidate>) {
        let references = self.edge_above(&hash, level);
        let deleted = Candidate { hash, references, is_deleted: true };
        let reachability = self.view.dag().reachability();
        // Deleted candidates are named by the same header, so none of them is above another.
        let is_above = |candidate: &Candidate| {
            let own = candidate.references.first().filter(|_| !candidate.is_deleted);
            own.is_some_and(|&block| deleted.is_below(reachability, block))
        };
        if !candidates.iter().any(is_above) {
            candidates.push(deleted);
        }
    }

    /// Returns what the direct parents below the level name on it, each once, and how many of them, standing in front, the first names.
    fn grandparents(&self, level: usize) -> (Vec<Hash256>, usize) {
        let mut found: Vec<Hash256> = Vec::new();
        let (mut of_first, mut last): (usize, &[Hash256]) = (0, &[]);
        for (index, parent) in self.parents.iter().enumerate() {
            if level <= parent.level {
                continue;
            }
            let said = self.rules.parents_at(&parent.said, level);
            if said != last {
                for hash in said {
                    if !found.contains(hash) {
                        found.push(*hash);
                    }
                }
                last = said;
            }
            if index == 0 {
                of_first = found.len();
            }
        }
        (found, of_first)
    }

    /// Returns the blocks of the edge whose headers name a deleted block.
    fn edge_above(&mut self, hash: &Hash256, level: usize) -> References {
        let (view, rules) = (self.view, self.rules);
        let edge = self.edge.get_or_insert_with(|| {
            let edge = view.edge().iter();
            edge.map(|&block| (block, view.level_parents(block))).collect()
        });
        let names = |said: &LevelParents| rules.parents_at(said, level).contains(hash);
        edge.iter().filter(|(_, said)| names(said)).map(|&(block, _)| block).collect()
    }
}

/// Returns whether two headers name the same parents on each level, in whatever order.
///
/// Reference: `post_pow_validation::check_indirect_parents`.
#[must_use]
pub fn is_same(expected: &LevelParents, actual: &LevelParents) -> bool {
    if expected == actual {
        return true;
    }
    if expected.levels() != actual.levels() {
        return false;
    }
    let runs = expected.runs().chain(actual.runs());
    let ends: BTreeSet<usize> = runs.map(|(end, _)| end).collect();
    ends.into_iter().all(|end| {
        let [one, other] = [expected, actual].map(|parents| {
            let mut sorted = parents.level(end - 1).unwrap_or_default().to_vec();
            sorted.sort_unstable();
            sorted
        });
        one == other
    })
}
