//! The mergeset: what is in the past of a block and not in the past of its selected parent.
//!
//! A search from the parents that turns back at the past of the selected parent. Every block is asked about once.
//! That no parent is an ancestor of another comes out on the way: a parent met from another parent is in its past, for nothing
//! between the two can be in the past of the selected parent if the lower one is not.

use super::{Colouring, DagError};
use crate::dag::{BlockId, Dag};

/// Met from below the parents.
const MET: u32 = 0;
/// A parent.
const PARENT: u32 = 1;

impl Colouring {
    /// Fills `merged` with the mergeset without the selected parent, by rank.
    ///
    /// Deleted blocks count as past of the selected parent, with all that is below them.
    pub(super) fn search(
        &mut self,
        dag: &Dag,
        selected_parent: BlockId,
        parents: &[BlockId],
        limit: usize,
    ) -> Result<(), DagError> {
        let Self { seen, merged, .. } = self;
        let reachability = dag.reachability();
        merged.clear();
        if let [_] = parents {
            return Ok(());
        }
        seen.clear(dag.len());
        for &parent in parents {
            let twice = seen.get(parent).is_some();
            let below = parent != selected_parent
                && reachability.is_dag_ancestor_of(parent, selected_parent);
            if twice || below {
                return Err(DagError::RelatedParents { parent });
            }
            seen.set(parent, PARENT);
            if parent != selected_parent {
                merged.push(parent);
            }
        }
        let mut next = 0;
        while let Some(&block) = merged.get(next) {
            next += 1;
            for &parent in dag.parents(block) {
                match seen.get(parent) {
                    Some(MET) => continue,
                    // The selected parent below another parent would have less blue work than it.
                    Some(_) => return Err(DagError::RelatedParents { parent }),
                    None => seen.set(parent, MET),
                }
                if !reachability.has(parent)
                    || reachability.is_dag_ancestor_of(parent, selected_parent)
                {
                    continue;
                }
                merged.push(parent);
            }
            if merged.len() >= limit {
                return Err(DagError::MergesetTooBig { limit });
            }
        }
        merged.sort_unstable_by(|&a, &b| dag.rank(a).cmp(&dag.rank(b)));
        Ok(())
    }
}
