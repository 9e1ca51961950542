//! Which tips the virtual block merges.
//!
//! Every node may choose for itself, but blocks made of a bad choice would be refused; so the limits of parents, mergeset and merge depth are
//! those of a block. The reference picks among many tips at random; here the choice follows from the tips alone, so that what is resolved
//! does not depend on the order in which blocks came.
//!
//! Reference: `pick_virtual_parents`, `mergeset_increase`, `remove_bounded_merge_breaking_parents`.

use std::collections::{HashSet, VecDeque};

use quintet_kaspa_protocol::dag::{BlockId, DagError, Ghostdag};

use super::{columns::Columns, error::ConsensusError, header::colour, rules::DagRules};

/// Tips looked at for each parent there may be.
const CANDIDATES_PER_PARENT: usize = 3;

/// What adding a parent does to the mergeset.
enum Increase {
    /// It grows by so many blocks.
    Fits(usize),
    /// It grows too much; this block below may fit.
    TooBig(BlockId),
}

/// Picks the parents of the virtual block: the sink and as many of `candidates` as fit, which are an antichain with it, highest first.
pub(super) fn pick(
    columns: &Columns,
    sink: BlockId,
    candidates: Vec<BlockId>,
    rules: &DagRules,
) -> Result<(Vec<BlockId>, Ghostdag), ConsensusError> {
    let reachability = columns.dag.reachability();
    let (max_parents, limit) = (rules.max_parents, rules.ghostdag.mergeset_max);
    let mut candidates: VecDeque<BlockId> = candidates.into();
    candidates.truncate(max_parents.saturating_mul(CANDIDATES_PER_PARENT));
    let mut parents = vec![sink];
    // The selected parent is merged too.
    let mut size = 1;
    while size < limit && parents.len() < max_parents {
        let Some(candidate) = candidates.pop_front() else { break };
        match increase(columns, &parents, candidate, limit - size) {
            Increase::Fits(more) => {
                size += more;
                parents.push(candidate);
            }
            Increase::TooBig(below) => {
                let is_below = |&other: &BlockId| reachability.is_dag_ancestor_of(other, below);
                if candidates.iter().any(is_below) {
                    continue;
                }
                candidates.retain(|&other| !reachability.is_dag_ancestor_of(below, other));
                candidates.push_back(below);
            }
        }
    }
    within_depth(columns, parents, rules)
}

fn increase(columns: &Columns, parents: &[BlockId], candidate: BlockId, budget: usize) -> Increase {
    let dag = &columns.dag;
    let mut rest: VecDeque<BlockId> = dag.parents(candidate).iter().copied().collect();
    let mut met: HashSet<BlockId> = rest.iter().copied().collect();
    let mut more = 1;
    while let Some(at) = rest.pop_front() {
        let merged = !dag.reachability().has(at)
            || dag.reachability().is_dag_ancestor_of_any(at, parents.iter().copied());
        if merged {
            continue;
        }
        more += 1;
        if more > budget {
            return Increase::TooBig(at);
        }
        rest.extend(dag.parents(at).iter().copied().filter(|&parent| met.insert(parent)));
    }
    if more > budget { Increase::TooBig(candidate) } else { Increase::Fits(more) }
}

/// Takes parents away that lead to merging what is too deep.
fn within_depth(
    columns: &Columns,
    mut parents: Vec<BlockId>,
    rules: &DagRules,
) -> Result<(Vec<BlockId>, Ghostdag), ConsensusError> {
    let dag = &columns.dag;
    loop {
        let ghostdag = colour(columns, &parents, rules)?;
        let depths = columns.depths.expect(dag, &ghostdag, &rules.depth, columns.pruning_point());
        let red = match depths {
            Ok(_) => return Ok((parents, ghostdag)),
            Err(DagError::MergeDepth { red }) => red,
            Err(error) => return Err(error.into()),
        };
        let before = parents.len();
        parents.retain(|&parent| !dag.reachability().is_dag_ancestor_of(red, parent));
        if parents.is_empty() || parents.len() == before {
            return Err(ConsensusError::Inconsistent {
                expected: "a red under another parent than the sink",
            });
        }
    }
}
