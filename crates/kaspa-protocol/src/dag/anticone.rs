//! The anticone of a block: what neither has it in its past nor is in it.

use std::collections::HashSet;

use super::{BlockId, Dag};

impl Dag {
    /// Returns the blocks at or below `tips` that are neither in the past nor in the future of `block`, in no particular order.
    ///
    /// `None` if more than `limit` blocks above and beside it are met on the way, or if `block` is not there. What was deleted is not found,
    /// nor what only it leads to.
    ///
    /// Cost: everything between the tips and the block's past is looked at once.
    ///
    /// Reference: `traversal_manager::anticone`.
    #[must_use]
    pub fn anticone(
        &self,
        block: BlockId,
        tips: impl IntoIterator<Item = BlockId>,
        limit: usize,
    ) -> Option<Vec<BlockId>> {
        let reachability = self.reachability();
        if !reachability.has(block) {
            return None;
        }
        let mut found = Vec::new();
        let mut met = HashSet::new();
        let mut rest: Vec<BlockId> = tips.into_iter().collect();
        while let Some(at) = rest.pop() {
            let outside = !reachability.has(at) || reachability.is_dag_ancestor_of(at, block);
            if outside || !met.insert(at) {
                continue;
            }
            if met.len() > limit {
                return None;
            }
            if !reachability.is_dag_ancestor_of(block, at) {
                found.push(at);
            }
            rest.extend(self.parents(at));
        }
        Some(found)
    }
}
