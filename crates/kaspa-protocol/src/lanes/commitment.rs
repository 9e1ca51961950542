//! From what a chain block accepts to its sequencing commitment.

use std::collections::BTreeMap;

use quintet_primitives::Hash256;

use super::{Lane, LaneDiff, LaneTree};
use crate::{
    dag::{BlockId, Dag},
    hashing::seq_commit::{
        activity_leaf, activity_root, lane_key, lane_tip, mergeset_context, miner_payload_leaf,
        payload_and_context, seq_commit, seq_commit_merkle_root,
    },
    header::BlueWork,
    tx::SubnetworkId,
};

/// What a block merges and accepts, as leaves. Filled in the order of acceptance: the selected parent, then the others by rank.
///
/// Reference: `collect_mergeset_seq_data`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    lanes: BTreeMap<SubnetworkId, Vec<Hash256>>,
    payloads: Vec<Hash256>,
    accepted: u32,
}

impl Activity {
    /// Makes the activity of no block.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on to the next block of the mergeset, whether or not anything of it is accepted. `payload` is that of its coinbase.
    pub fn merge(&mut self, block: &Hash256, blue_work: &BlueWork, payload: &[u8]) {
        self.payloads.push(miner_payload_leaf(block, blue_work, payload));
    }

    /// Adds the next accepted transaction: for the selected parent its coinbase first.
    pub fn accept(&mut self, lane: SubnetworkId, transaction_id: &Hash256, version: u16) {
        let leaf = activity_leaf(transaction_id, version, self.accepted);
        self.lanes.entry(lane).or_default().push(leaf);
        // A mergeset's blocks weigh too little to hold 2^32 transactions.
        self.accepted = self.accepted.wrapping_add(1);
    }

    /// Returns how many transactions were accepted.
    #[must_use]
    pub const fn accepted(&self) -> u32 {
        self.accepted
    }
}

/// What a commitment depends on besides the lanes and the activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneContext {
    /// The selected parent's `accepted_id_merkle_root`, whatever that means in its era; zeros for the genesis.
    pub parent_commitment: Hash256,
    /// The selected parent's time, in milliseconds.
    pub parent_timestamp: u64,
    /// The block's own DAA score.
    pub daa_score: u64,
    /// The block's own blue score.
    pub blue_score: u64,
    /// Commitment of the [`shortcut_block`]; zeros if that is not of Toccata.
    pub inactivity_shortcut: Hash256,
    /// Blue scores after which a lane that was not touched is inactive.
    pub finality_depth: u64,
}

/// What came of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeqCommit {
    /// What the header must hold as its `accepted_id_merkle_root`.
    pub commitment: Hash256,
    /// The lanes after the block.
    pub tree: LaneTree,
    /// What the block changed of them.
    pub diff: LaneDiff,
    /// Digest of context and payloads, which peers are sent with the lanes of a pruning point.
    pub payload_and_context: Hash256,
}

impl LaneContext {
    /// Computes the commitment of a block, or of the virtual one, on the lanes of its selected parent.
    ///
    /// Reference: `resolve_lane_updates`, `expire_stale_lanes`, `build_seq_commit`.
    #[must_use]
    pub fn commit(&self, parent: &LaneTree, activity: &Activity) -> SeqCommit {
        let context = mergeset_context(self.parent_timestamp, self.daa_score, self.blue_score);
        let oldest_active = self.blue_score.saturating_sub(self.finality_depth);
        let expired = parent.older_than(oldest_active).map(|(key, _)| (key, None));
        let mut changes: BTreeMap<Hash256, Option<Lane>> = expired.collect();
        for (lane, leaves) in &activity.lanes {
            let key = lane_key(lane);
            // A lane that expires with this very block begins anew.
            let active = parent.get(&key).filter(|lane| lane.blue_score >= oldest_active);
            let last = active.map_or(self.parent_commitment, |lane| lane.tip);
            let digest = seq_commit_merkle_root(leaves.clone());
            let tip = lane_tip(&last, &key, &digest, &context);
            changes.insert(key, Some(Lane { tip, blue_score: self.blue_score }));
        }
        let diff = LaneDiff::new(parent, changes);
        let tree = parent.with(diff.changes.iter().map(|change| (change.key, change.after)));
        let payloads = seq_commit_merkle_root(activity.payloads.clone());
        let payload_and_context = payload_and_context(&context, &payloads);
        let activity_root = activity_root(&self.inactivity_shortcut, &tree.root());
        let commitment = seq_commit(&self.parent_commitment, &activity_root, &payload_and_context);
        SeqCommit { commitment, tree, diff, payload_and_context }
    }
}

/// Returns the block whose commitment is the inactivity shortcut of a block: the highest on its chain more than a finality depth of
/// blue score below, or the genesis. Who claims that a lane was inactive all the time since an older commitment need not show more.
///
/// `from` is that of the selected parent, or any block known to be at or below it on the chain. Where
/// [`Depths`](crate::dag::Depths) has a row, this is its finality point.
///
/// Reference: `compute_inactivity_shortcut_block`.
#[must_use]
pub fn shortcut_block(
    dag: &Dag,
    selected_parent: BlockId,
    blue_score: u64,
    finality_depth: u64,
    genesis: BlockId,
    from: BlockId,
) -> BlockId {
    let Some(above) = blue_score.checked_sub(finality_depth).filter(|&above| above > 0) else {
        return genesis;
    };
    let chain = dag.reachability().forward_chain(from, selected_parent);
    chain.take_while(|&block| dag.blue_score(block) < above).last().unwrap_or(from)
}
