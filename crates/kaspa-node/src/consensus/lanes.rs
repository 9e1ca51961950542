//! The lanes of KIP-21 between the ledger, which stores changes, and the tree that commitments are made of.

use std::collections::HashMap;

use quintet_kaspa_protocol::{
    dag::BlockId,
    lanes::{Lane, LaneChange as Change, LaneDiff, LaneTree},
    params::Params,
};
use quintet_primitives::Hash256;

use super::{columns::Columns, error::ConsensusError, rules::GENESIS};
use crate::ports::{LaneChange, LaneState, Ledger};

/// Returns changes as the ledger stores them.
pub(super) fn stored(diff: &LaneDiff) -> Vec<LaneChange> {
    let state = |lane: Lane| LaneState { tip: lane.tip, blue_score: lane.blue_score };
    let change = |change: &Change| LaneChange {
        lane: change.key,
        before: change.before.map(state),
        after: change.after.map(state),
    };
    diff.changes.iter().map(change).collect()
}

/// Returns the changes a ledger has stored.
pub(super) fn diff(stored: &[LaneChange]) -> LaneDiff {
    let lane = |state: LaneState| Lane { tip: state.tip, blue_score: state.blue_score };
    let change = |change: &LaneChange| Change {
        key: change.lane,
        before: change.before.map(lane),
        after: change.after.map(lane),
    };
    LaneDiff { changes: stored.iter().map(change).collect() }
}

/// Returns the changes that make lanes out of others, as the ledger stores them.
pub(super) fn added(
    before: &LaneTree,
    after: impl IntoIterator<Item = (Hash256, Option<Lane>)>,
) -> Vec<LaneChange> {
    stored(&LaneDiff::new(before, after))
}

/// Puts the lanes at a chain block together from what the chain below it changed: whatever is active was touched within a finality depth.
pub(super) fn at(
    params: &Params,
    columns: &Columns,
    ledger: &dyn Ledger,
    block: BlockId,
) -> Result<LaneTree, ConsensusError> {
    let depth = params.toccata.rate.finality_depth;
    let lowest = columns.dag.blue_score(block).saturating_sub(depth);
    let mut latest: HashMap<Hash256, Option<Lane>> = HashMap::new();
    let mut at = block;
    while !at.is_origin() && columns.dag.blue_score(at) >= lowest {
        if !params.toccata_activation.is_active(columns.windows.daa_score(at)) {
            break;
        }
        let Some(record) = ledger.chain_record(at)? else { break };
        for change in diff(&record.lanes).changes {
            latest.entry(change.key).or_insert(change.after);
        }
        if at == GENESIS {
            break;
        }
        at = columns.dag.selected_parent(at);
    }
    let active = latest.into_iter().filter_map(|(key, lane)| Some((key, lane?)));
    Ok(LaneTree::from_lanes(active))
}
