//! A proof that a lane is active with some tip, or that it is not, against the root of the tree.
//!
//! It holds what stands beside the path of the key, from the root down to where the path ends: at the lane itself, at the only lane of
//! a subtree, which is another one, or at nothing.
//!
//! **Spec:** KIP-21; rusty-kaspa's `crypto/smt/src/proof.rs`.

use quintet_primitives::Hash256;

use super::tree::{BITS, LaneTree, Node, bit_at, empty_below};
use crate::hashing::seq_commit::{active_lane_node, active_lane_single};

/// Where the path of a key ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofEnd {
    /// At depth 256: the lane beside it differs in the last bit, or there is no lane at all from some depth on.
    Full,
    /// At a subtree that holds the lane of the key alone.
    Alone {
        /// Its depth.
        depth: u8,
    },
    /// At a subtree that holds another lane alone.
    Other {
        /// Its depth.
        depth: u8,
        /// The other lane's key.
        key: Hash256,
        /// The other lane's leaf.
        leaf: Hash256,
    },
}

impl ProofEnd {
    const fn depth(&self) -> usize {
        match self {
            Self::Full => BITS,
            Self::Alone { depth } | Self::Other { depth, .. } => *depth as usize,
        }
    }
}

/// What stands beside the path of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneProof {
    /// A bit set (the lowest bit of the first byte for depth 0) for each depth at which nothing stands beside the path, or below its end.
    pub empty: [u8; 32],
    /// The hashes beside the path at all other depths, from the root down.
    pub siblings: Vec<Hash256>,
    /// Where the path ends.
    pub end: ProofEnd,
}

impl LaneProof {
    /// Returns the root that has this proof for a key and a leaf (`None`: no lane of that key). `None` if the proof has another number of
    /// hashes than it says, or says what only another leaf could make true.
    #[must_use]
    pub fn root(&self, key: &Hash256, leaf: Option<&Hash256>) -> Option<Hash256> {
        let mut hash = match (leaf, self.end) {
            (Some(leaf), ProofEnd::Full | ProofEnd::Alone { .. }) => active_lane_single(key, leaf),
            (None, ProofEnd::Other { key: other, leaf, .. }) if other != *key => {
                active_lane_single(&other, &leaf)
            }
            (None, ProofEnd::Full) => Hash256::default(),
            _ => return None,
        };
        let mut siblings = self.siblings.iter().rev();
        for depth in (0..self.end.depth()).rev() {
            let is_empty = self.empty[depth / 8] & (1 << (depth % 8)) != 0;
            let sibling = if is_empty { empty_below(depth) } else { *siblings.next()? };
            hash = if bit_at(key, depth) {
                active_lane_node(&sibling, &hash)
            } else {
                active_lane_node(&hash, &sibling)
            };
        }
        siblings.next().is_none().then_some(hash)
    }
}

impl LaneTree {
    /// Proves that a lane is active, or that it is not.
    #[must_use]
    pub fn prove(&self, key: &Hash256) -> LaneProof {
        let mut proof = LaneProof { empty: [0xff; 32], siblings: Vec::new(), end: ProofEnd::Full };
        let mut beside = |depth: usize, hash| {
            proof.empty[depth / 8] &= !(1 << (depth % 8));
            proof.siblings.push(hash);
        };
        let (mut at, mut depth) = (self.top(), 0_usize);
        while let Some(node) = at {
            match node {
                Node::Lane { key: own, leaf, .. } => {
                    // Depth 256 is the full path.
                    if let Ok(depth) = u8::try_from(depth) {
                        proof.end = if own == key {
                            ProofEnd::Alone { depth }
                        } else {
                            ProofEnd::Other { depth, key: *own, leaf: *leaf }
                        };
                    }
                    break;
                }
                Node::Branch(branch) => {
                    let turns = |&depth: &usize| bit_at(key, depth) != bit_at(&branch.key, depth);
                    if let Some(depth) = (depth..branch.bit).find(turns) {
                        beside(depth, node.hash_at(depth + 1));
                        break;
                    }
                    let (on, off) = if bit_at(key, branch.bit) {
                        (&branch.right, &branch.left)
                    } else {
                        (&branch.left, &branch.right)
                    };
                    depth = branch.bit + 1;
                    beside(branch.bit, off.hash_at(depth));
                    at = Some(on);
                }
            }
        }
        proof
    }
}
