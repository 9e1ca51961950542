//! Where history may end: the pruning point of a block, found over samples (KIP-14).
//!
//! The selected chain is cut into epochs of `finality_depth` blue scores; the first chain block of an epoch is a *sample*, and every block
//! knows the latest sample below it. The pruning point of a block is the highest sample at least `pruning_depth` below, found in
//! P / F steps from sample to sample.
//!
//! ```text
//!   … ─ s1 ─ ○ ─ ○ ─ s2 ─ ○ ─ s3 ─ ○ ─ ○ ─ ○ ─ B        ─: selected chain,  s: first of an epoch
//!        ▲                                     │
//!        └──────── at least P blues ───────────┘            pruning point of B: s1
//! ```
//!
//! Before Crescendo the reference searched the chain from a candidate instead; it asserts that both find the same for a chain with the
//! node's pruning point on it, so the samples serve every era, with the depths of the era.
//!
//! Reference: `processes::pruning::PruningPointManager`.

use super::{BlockId, Dag, Ghostdag};

/// Depths in blue score.
///
/// On every network P rounded up to whole epochs exceeds P by more than the blues one block merges (K + 1), so that samples at their
/// last step are deep enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruningRules {
    /// How far below a block its pruning point is, at least.
    pub pruning_depth: u64,
    /// Blue scores of an epoch, at least 1.
    pub finality_depth: u64,
    /// The first block.
    pub genesis: BlockId,
}

/// What is known of a block's history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpectedPruning {
    /// The latest sample below the block.
    pub sample: BlockId,
    /// Its pruning point, which its header must name.
    pub point: BlockId,
}

/// Samples and pruning points of all blocks: a column beside [`Dag`], 8 bytes a row.
#[derive(Debug, Clone)]
pub struct PruningPoints {
    rows: Vec<ExpectedPruning>,
}

impl PruningRules {
    /// Returns the epoch of a blue score.
    const fn epoch(&self, blue_score: u64) -> u64 {
        blue_score / if self.finality_depth == 0 { 1 } else { self.finality_depth }
    }

    /// Returns the samples between a sample and its pruning point.
    const fn steps(&self) -> u64 {
        self.pruning_depth.div_ceil(if self.finality_depth == 0 { 1 } else { self.finality_depth })
    }
}

impl Default for PruningPoints {
    fn default() -> Self {
        Self::new()
    }
}

impl PruningPoints {
    /// Makes the column of an empty DAG.
    #[must_use]
    pub fn new() -> Self {
        Self { rows: vec![ExpectedPruning::default()] }
    }

    /// Returns the sample below a block and its pruning point.
    #[must_use]
    pub fn get(&self, block: BlockId) -> ExpectedPruning {
        self.rows[block.row()]
    }

    /// Adds the row of the block just inserted; of the genesis, itself twice.
    pub fn push(&mut self, pruning: ExpectedPruning) {
        self.rows.push(pruning);
    }

    /// Finds the pruning point of a block of this data. All chain blocks above the node's pruning point have rows.
    #[must_use]
    pub fn expect(&self, dag: &Dag, ghostdag: &Ghostdag, rules: &PruningRules) -> ExpectedPruning {
        let parent = ghostdag.selected_parent;
        if parent.is_origin() || parent == rules.genesis {
            return ExpectedPruning { sample: rules.genesis, point: rules.genesis };
        }
        let score = |block| dag.blue_score(block);
        let above = |score_of_block, below| rules.epoch(below) < rules.epoch(score_of_block);
        let last = self.get(parent);
        let sample = if above(score(parent), score(last.sample)) { parent } else { last.sample };
        let is_sample = above(ghostdag.blue_score, score(parent));
        let (mut point, mut steps) = (sample, 1);
        loop {
            let deep = score(point).saturating_add(rules.pruning_depth) <= ghostdag.blue_score;
            // After a fork to faster blocks samples keep their number of steps until the new depth is reached; blocks between them
            // stay with their selected parent, so that the pruning point never moves back.
            let clamped = is_sample && steps == rules.steps() || point == last.point;
            if point == rules.genesis || point.is_origin() || deep || clamped {
                return ExpectedPruning { sample, point };
            }
            point = self.get(point).sample;
            steps += 1;
        }
    }

    /// Returns the pruning points from the one after `current` up to that of a tip with this data; none if it does not move.
    #[must_use]
    pub fn next(
        &self,
        dag: &Dag,
        tip: &Ghostdag,
        rules: &PruningRules,
        current: BlockId,
    ) -> Vec<BlockId> {
        let current_score = dag.blue_score(current);
        if tip.selected_parent.is_origin()
            || current_score.saturating_add(rules.pruning_depth) > tip.blue_score
        {
            return Vec::new();
        }
        let mut point = self.expect(dag, tip, rules).point;
        let mut points = Vec::new();
        while dag.blue_score(point) > current_score {
            points.push(point);
            point = self.get(point).sample;
        }
        points.reverse();
        points
    }

    /// Returns whether `point` may be the pruning point of a node with this tip: on its chain and deep enough below, or genesis.
    #[must_use]
    pub fn is_valid(dag: &Dag, rules: &PruningRules, point: BlockId, tip: BlockId) -> bool {
        point == rules.genesis
            || dag.reachability().is_chain_ancestor_of(point, tip)
                && dag.blue_score(point).saturating_add(rules.pruning_depth) <= dag.blue_score(tip)
    }
}
