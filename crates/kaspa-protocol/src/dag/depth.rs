//! How deep a block may reach: the merge depth root and the finality point.
//!
//! Both are the last block of the selected chain that is so many blues below. A red that does not have the merge depth root in its past
//! may be merged only if some blue on the root's side merged it before (a *kosherizing* blue); otherwise somebody could
//! hand in a side chain mined long ago, and nothing below could ever be pruned.
//!
//! Reference: `processes::block_depth`, `post_pow_validation::check_bounded_merge_depth`.

use super::{BlockId, Dag, DagError, Ghostdag};

/// Depths in blue score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthRules {
    /// Below this only what was merged before is merged.
    pub merge_depth: u64,
    /// Below this the chain is final.
    pub finality_depth: u64,
    /// The first block: what is at any depth where there is nothing below.
    pub genesis: BlockId,
}

/// The depth points of a block; the root where they lie under the pruning point and are not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpectedDepths {
    /// The last chain block at merge depth.
    pub merge_root: BlockId,
    /// The last chain block at finality depth.
    pub finality_point: BlockId,
}

/// The depth points of all blocks: a column beside [`Dag`], 8 bytes a row.
#[derive(Debug, Clone)]
pub struct Depths {
    rows: Vec<ExpectedDepths>,
}

impl Default for Depths {
    fn default() -> Self {
        Self::new()
    }
}

impl Depths {
    /// Makes the column of an empty DAG.
    #[must_use]
    pub fn new() -> Self {
        Self { rows: vec![ExpectedDepths::default()] }
    }

    /// Returns the depth points of a block.
    #[must_use]
    pub fn get(&self, block: BlockId) -> ExpectedDepths {
        self.rows[block.row()]
    }

    /// Adds the row of the block just inserted.
    pub fn push(&mut self, depths: ExpectedDepths) {
        self.rows.push(depths);
    }

    /// Finds the depth points of a block of this data and checks what it merges against them.
    ///
    /// `pruning_point` is that of the node: nothing below it is asked for.
    ///
    /// # Errors
    ///
    /// [`DagError::MergeDepth`]: the block merges what is too old.
    pub fn expect(
        &self,
        dag: &Dag,
        ghostdag: &Ghostdag,
        rules: &DepthRules,
        pruning_point: BlockId,
    ) -> Result<ExpectedDepths, DagError> {
        let last = self.get(ghostdag.selected_parent);
        let at = |depth, from| point_at(dag, ghostdag, rules, depth, from, pruning_point);
        let found = ExpectedDepths {
            merge_root: at(rules.merge_depth, last.merge_root),
            finality_point: at(rules.finality_depth, last.finality_point),
        };
        check_merge_depth(dag, ghostdag, found.merge_root)?;
        Ok(found)
    }
}

/// Returns the last block on the chain of `ghostdag` that is at least `depth` blues below, searching upwards from that of its
/// selected parent.
fn point_at(
    dag: &Dag,
    ghostdag: &Ghostdag,
    rules: &DepthRules,
    depth: u64,
    from: BlockId,
    pruning_point: BlockId,
) -> BlockId {
    let parent = ghostdag.selected_parent;
    if parent.is_origin() {
        return BlockId::ORIGIN;
    }
    let Some(highest) = ghostdag.blue_score.checked_sub(depth) else { return rules.genesis };
    if highest < dag.blue_score(pruning_point)
        || !dag.reachability().is_chain_ancestor_of(pruning_point, parent)
    {
        return BlockId::ORIGIN;
    }
    // What was found for the selected parent may have been deleted since.
    let is_gone = from.is_origin() || !dag.reachability().has(from);
    let from = if is_gone { pruning_point } else { from };
    let chain = dag.reachability().forward_chain(from, parent);
    chain.take_while(|&block| dag.blue_score(block) < highest).last().unwrap_or(from)
}

/// Returns the blues that may vouch for old reds: those with the merge depth root on their chain.
fn kosherizing_blues<'a>(
    dag: &'a Dag,
    ghostdag: &'a Ghostdag,
    merge_root: BlockId,
) -> impl Iterator<Item = BlockId> + 'a {
    let blues = ghostdag.blues.iter().copied();
    blues.filter(move |&blue| dag.reachability().is_chain_ancestor_of(merge_root, blue))
}

fn check_merge_depth(dag: &Dag, ghostdag: &Ghostdag, merge_root: BlockId) -> Result<(), DagError> {
    let reachability = dag.reachability();
    for &red in &ghostdag.reds {
        if reachability.is_dag_ancestor_of(merge_root, red) {
            continue;
        }
        let mut vouching = kosherizing_blues(dag, ghostdag, merge_root);
        if !vouching.any(|blue| reachability.is_dag_ancestor_of(red, blue)) {
            return Err(DagError::MergeDepth { red });
        }
    }
    Ok(())
}
