//! Which headers stay when what is below a new pruning point is deleted.
//!
//! | what | kept as |
//! |---|---|
//! | not below the pruning point: it, its anticone, its future | all of it; the first two with bodies |
//! | the trusted window below | DAG, GHOSTDAG data and header: to be sent, and for the windows above |
//! | the chain segment, past pruning points | header |
//! | the proof's levels, and what the anticone names on levels it does not reach | header: for the next proof |
//!
//! Reference: `pruning_processor::prune`.

use std::{collections::HashSet, sync::Arc};

use quintet_primitives::Hash256;

use super::{PruningProof, TrustedData};
use crate::{
    dag::{BlockId, Dag, LevelRules, LevelView},
    header::Header,
};

/// What stays of a DAG at a new pruning point.
#[derive(Debug, Clone)]
pub struct Kept {
    pruning_point: BlockId,
    /// The pruning point and its anticone: bodies.
    bodies: HashSet<BlockId>,
    /// Blocks below the pruning point or beside it that stay in the DAG.
    window: HashSet<BlockId>,
    /// Headers below the DAG, by hash, in no order.
    headers: HashSet<Hash256>,
}

impl Kept {
    /// Works out what stays, before anything is deleted: what the proof and the trusted data of the new pruning point hold.
    #[must_use]
    pub fn new<V: LevelView + ?Sized>(
        view: &V,
        rules: &LevelRules,
        proof: &PruningProof,
        data: &TrustedData,
        past_pruning_points: &[Hash256],
        hash_of: impl Fn(&Arc<Header>) -> Hash256,
    ) -> Self {
        let dag = view.dag();
        let mut headers: HashSet<Hash256> = past_pruning_points.iter().copied().collect();
        headers.extend(data.chain_segment.iter().map(|&block| *dag.hash(block)));
        headers.extend(proof.iter().flatten().map(&hash_of));
        for &block in &data.anticone {
            let said = view.level_parents(block);
            let above = usize::from(view.level(block)) + 1..=usize::from(rules.max_level);
            for level in above.take_while(|&level| said.level(level).is_some()) {
                headers.extend(rules.parents_at(&said, level));
            }
        }
        headers.insert(rules.genesis);
        Self {
            pruning_point: data.anticone.first().copied().unwrap_or_default(),
            bodies: data.anticone.iter().copied().collect(),
            window: data.window.iter().copied().collect(),
            headers,
        }
    }

    /// Returns whether a block stays in the DAG: not below the pruning point, or in the window. What does not is to be
    /// [deleted](Dag::delete).
    #[must_use]
    pub fn in_dag(&self, dag: &Dag, block: BlockId) -> bool {
        self.window.contains(&block)
            || dag.reachability().is_dag_ancestor_of(self.pruning_point, block)
    }

    /// Returns whether a block's body stays.
    #[must_use]
    pub fn body(&self, dag: &Dag, block: BlockId) -> bool {
        self.bodies.contains(&block)
            || dag.reachability().is_dag_ancestor_of(self.pruning_point, block)
    }

    /// Returns whether a block's header stays, whether or not it stays in the DAG.
    #[must_use]
    pub fn header(&self, dag: &Dag, block: BlockId) -> bool {
        self.in_dag(dag, block) || self.headers.contains(dag.hash(block))
    }

    /// Iterates over the hashes of headers that stay for themselves, in no order.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = &Hash256> {
        self.headers.iter()
    }
}
