//! The sequencing commitment: what a header of Toccata says of the transactions its block accepts.
//!
//! Each lane has a tip, a hash chained over the lane's own transactions, so that who follows one lane
//! need not see the others.
//!
//! ```text
//!   seq_commit
//!   ├── the selected parent's
//!   └── state root
//!       ├── activity root
//!       │   ├── inactivity shortcut
//!       │   └── root of the sparse tree of active lanes: lane key ──► leaf of tip and blue score
//!       └── payload and context
//!           ├── time, DAA score, blue score
//!           └── root of the miners' payloads
//! ```
//!
//! These are the hashes; the tree of lanes and what is active are state, and live elsewhere.
//!
//! **Spec:** KIP-21; rusty-kaspa's `consensus/seq-commit/src/hashing.rs`.

use quintet_primitives::Hash256;

use super::{Blake3, Put};
use crate::{header::BlueWork, tx::SubnetworkId};

/// Returns where a lane stands in the tree of active lanes.
#[must_use]
pub fn lane_key(lane: &SubnetworkId) -> Hash256 {
    Blake3::SEQ_COMMIT_LANE_KEY.hash(&[lane.as_bytes()])
}

/// Returns the leaf of an accepted transaction, the `merge_index`-th its block accepts.
#[must_use]
pub fn activity_leaf(transaction_id: &Hash256, version: u16, merge_index: u32) -> Hash256 {
    let mut hasher = Blake3::SEQ_COMMIT_ACTIVITY_LEAF.hasher();
    hasher.hash(transaction_id).u16(version).u32(merge_index);
    hasher.finish()
}

/// Returns the Merkle root of leaves: of a lane's transactions in a block, or of miners' payloads.
#[must_use]
pub fn seq_commit_merkle_root(mut level: Vec<Hash256>) -> Hash256 {
    let zero = Hash256::default();
    while level.len() > 1 {
        let pairs = level.chunks(2).map(|pair| match pair {
            [left, right] => branch(left, right),
            // A missing right node is zero, as in every Merkle tree of Kaspa.
            [left, ..] => branch(left, &zero),
            [] => zero,
        });
        level = pairs.collect();
    }
    level.first().copied().unwrap_or_default()
}

/// Returns a lane's next tip.
///
/// `parent` is the lane's tip before, or the selected parent's commitment if the lane was not active.
#[must_use]
pub fn lane_tip(
    parent: &Hash256,
    lane_key: &Hash256,
    activity: &Hash256,
    context: &Hash256,
) -> Hash256 {
    let mut hasher = Blake3::SEQ_COMMIT_LANE_TIP.hasher();
    hasher.hash(parent).hash(lane_key).hash(activity).hash(context);
    hasher.finish()
}

/// Returns the hash of what is the same for all lanes of a block.
#[must_use]
pub fn mergeset_context(timestamp: u64, daa_score: u64, blue_score: u64) -> Hash256 {
    let mut hasher = Blake3::SEQ_COMMIT_MERGESET_CONTEXT.hasher();
    hasher.u64(timestamp).u64(daa_score).u64(blue_score);
    hasher.finish()
}

/// Returns the leaf of a merged block's coinbase payload.
#[must_use]
pub fn miner_payload_leaf(block: &Hash256, blue_work: &BlueWork, payload: &[u8]) -> Hash256 {
    let payload = Blake3::PAYLOAD_DIGEST.hash(&[payload]);
    let mut hasher = Blake3::SEQ_COMMIT_MINER_PAYLOAD_LEAF.hasher();
    hasher.hash(block).var_bytes(&blue_work.to_be_bytes_trimmed_vec()).hash(&payload);
    hasher.finish()
}

/// Returns the leaf of an active lane: its tip, and the blue score at which it last moved.
#[must_use]
pub fn active_lane_leaf(tip: &Hash256, blue_score: u64) -> Hash256 {
    let mut hasher = Blake3::SEQ_COMMIT_ACTIVE_LEAF.hasher();
    hasher.hash(tip).u64(blue_score);
    hasher.finish()
}

/// Returns a node of the tree of active lanes with lanes in either half.
#[must_use]
pub fn active_lane_node(left: &Hash256, right: &Hash256) -> Hash256 {
    Blake3::SEQ_COMMIT_ACTIVE_NODE.hash(&[left.as_bytes(), right.as_bytes()])
}

/// Returns a node of the tree of active lanes with one lane below it.
#[must_use]
pub fn active_lane_single(lane_key: &Hash256, leaf: &Hash256) -> Hash256 {
    Blake3::SEQ_COMMIT_ACTIVE_COLLAPSED_NODE.hash(&[lane_key.as_bytes(), leaf.as_bytes()])
}

/// Returns the activity root.
#[must_use]
pub fn activity_root(inactivity_shortcut: &Hash256, lanes_root: &Hash256) -> Hash256 {
    let parts = [inactivity_shortcut, lanes_root].map(|hash| hash.as_bytes().as_slice());
    Blake3::SEQ_COMMIT_ACTIVITY_ROOT.hash(&parts)
}

/// Returns the digest of a block's context and its miners' payloads.
#[must_use]
pub fn payload_and_context(context: &Hash256, payload_root: &Hash256) -> Hash256 {
    branch(context, payload_root)
}

/// Returns the commitment of a header.
#[must_use]
pub fn seq_commit(
    parent: &Hash256,
    activity_root: &Hash256,
    payload_and_context: &Hash256,
) -> Hash256 {
    branch(parent, &branch(activity_root, payload_and_context))
}

fn branch(left: &Hash256, right: &Hash256) -> Hash256 {
    Blake3::SEQ_COMMIT_MERKLE_BRANCH.hash(&[left.as_bytes(), right.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(first: u8) -> Hash256 {
        let mut bytes = [0; 32];
        bytes[0] = first;
        Hash256::new(bytes)
    }

    #[test]
    fn agrees_with_the_values_of_the_reference() {
        let known = |text: &str| text.parse::<Hash256>().unwrap();
        assert_eq!(
            lane_key(&SubnetworkId::new([0x42; 20])),
            known("57c7e52c7602b366b3f662addc36129677d4844b840468ccaa9631106bea8897")
        );
        assert_eq!(
            lane_key(&SubnetworkId::COINBASE),
            known("8aa78027db66a16cb69692ee0af5cb76738ef80ad14c9d13920d7fa3cc40b9e4")
        );
        assert_eq!(
            activity_leaf(&hash(1), 0, 0),
            known("4ef43f316ecf616c6934b566ae41055e9712f1089b914f33186cdc9d55191121")
        );
        let key = lane_key(&SubnetworkId::new([0x55; 20]));
        assert_eq!(
            lane_tip(&hash(1), &key, &hash(2), &hash(3)),
            known("38793576d545d2952df31b7c57193a492f9c5b8c09ddaeb2274e4e23edbc3f43")
        );
        assert_eq!(
            Blake3::PAYLOAD_DIGEST.hash(&[b"hello miner"]),
            known("c0f20a1777e175c50a6b97afbac57aae055ebab3dd7774e59aeb4c776c2a7d3a")
        );
    }

    #[test]
    fn one_leaf_is_its_own_root_and_a_third_has_zero_beside_it() {
        let zero = Hash256::default();
        assert_eq!(seq_commit_merkle_root(vec![]), zero);
        assert_eq!(seq_commit_merkle_root(vec![hash(1)]), hash(1));
        let expected = branch(&branch(&hash(1), &hash(2)), &branch(&hash(3), &zero));
        assert_eq!(seq_commit_merkle_root(vec![hash(1), hash(2), hash(3)]), expected);
    }

    #[test]
    fn every_part_of_the_commitment_counts() {
        let commit = |[parent, activity, context, payload]: [u8; 4]| {
            let both = payload_and_context(&hash(context), &hash(payload));
            seq_commit(&hash(parent), &hash(activity), &both)
        };
        let base = commit([1, 2, 3, 4]);
        for other in [[9, 2, 3, 4], [1, 9, 3, 4], [1, 2, 9, 4], [1, 2, 3, 9]].map(commit) {
            assert_ne!(base, other);
        }
    }
}
