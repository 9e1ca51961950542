//! One level of a proof as a DAG with a GHOSTDAG of its own.
//!
//! Its genesis is its first block, whatever lies below; a block is worth its work, or that of the level where that is more.

use std::sync::Arc;

use quintet_primitives::Hash256;

use super::{ProofRules, PruningImportError};
use crate::{
    dag::{BlockId, Colouring, Dag, DagError, GhostdagParams, LevelRules},
    header::{BlueWork, Header},
    target,
};

/// A level under construction, or done.
#[derive(Debug)]
pub(super) struct Level {
    level: u8,
    rules: LevelRules,
    params: GhostdagParams,
    dag: Dag,
    colouring: Colouring,
    headers: Vec<Arc<Header>>,
    tip: BlockId,
}

impl Level {
    pub(super) fn new(level: u8, rules: &ProofRules) -> Self {
        let ProofRules { genesis, max_level, k, .. } = *rules;
        let level_work = target::level_work(level, max_level);
        Self {
            level,
            rules: LevelRules { genesis, max_level },
            params: GhostdagParams { k, mergeset_max: usize::MAX, level_work },
            dag: Dag::new(0),
            colouring: Colouring::new(),
            headers: Vec::new(),
            tip: BlockId::ORIGIN,
        }
    }

    pub(super) const fn dag(&self) -> &Dag {
        &self.dag
    }

    /// The block of most blue work by this level's GHOSTDAG.
    pub(super) const fn tip(&self) -> BlockId {
        self.tip
    }

    pub(super) fn header(&self, block: BlockId) -> Option<&Arc<Header>> {
        self.headers.get(block.row().checked_sub(1)?)
    }

    pub(super) fn headers(&self) -> &[Arc<Header>] {
        &self.headers
    }

    /// Returns the parents on this level that are in the DAG.
    pub(super) fn known_parents(&self, header: &Header) -> Vec<BlockId> {
        let parents = self.rules.parents_at(&header.parents, self.level.into());
        parents.iter().filter_map(|parent| self.dag.find(parent)).collect()
    }

    /// Adds a block above these parents, or above the root where there are none.
    pub(super) fn insert(
        &mut self,
        hash: Hash256,
        header: &Arc<Header>,
        parents: &[BlockId],
    ) -> Result<BlockId, DagError> {
        let parents = if parents.is_empty() { &[BlockId::ORIGIN] } else { parents };
        let found = self.colouring.run(&self.dag, parents, &self.params)?;
        let block = self.dag.insert(hash, parents, target::work(header.bits), found)?;
        self.headers.push(Arc::clone(header));
        if self.tip.is_origin() || self.dag.rank(block) > self.dag.rank(self.tip) {
            self.tip = block;
        }
        Ok(block)
    }

    /// Adds a block of a peer's proof, of which only the hash was checked.
    pub(super) fn insert_checked(
        &mut self,
        hash: Hash256,
        header: &Arc<Header>,
    ) -> Result<(), PruningImportError> {
        let level = self.level;
        let parents = self.known_parents(header);
        if parents.is_empty() && !self.headers.is_empty() {
            return Err(PruningImportError::PruningProofHeaderWithNoKnownParents { hash, level });
        }
        let work = |parent: &BlockId| self.header(*parent).map(|parent| parent.blue_work);
        if parents.iter().filter_map(work).any(|work| work >= header.blue_work) {
            return Err(PruningImportError::PruningProofInconsistentBlueWork { hash, level });
        }
        match self.insert(hash, header, &parents) {
            Ok(_) => Ok(()),
            Err(DagError::Known { hash }) => {
                Err(PruningImportError::PruningProofDuplicateHeaderAtLevel { hash, level })
            }
            Err(_) => Err(PruningImportError::PruningProofRelatedParents { hash, level }),
        }
    }

    /// Returns the blues below the tip, its own place counted as the reference does: one more than in a DAG with a genesis.
    pub(super) fn blue_score(&self) -> u64 {
        self.dag.blue_score(self.tip).saturating_add(1)
    }

    /// Returns the blue work by this level between a block and the tip.
    pub(super) fn blue_work_above(&self, block: BlockId) -> BlueWork {
        self.dag.blue_work(self.tip).saturating_sub(self.dag.blue_work(block))
    }

    /// Returns the highest block of the tip's chain more than `depth` blues below, or the lowest there is.
    pub(super) fn block_at_depth(&self, depth: u64) -> BlockId {
        let high = self.dag.blue_score(self.tip);
        let mut at = self.tip;
        while self.dag.blue_score(at).saturating_add(depth) >= high {
            let parent = self.dag.selected_parent(at);
            if parent.is_origin() {
                break;
            }
            at = parent;
        }
        at
    }
}
