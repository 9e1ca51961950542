//! The sparse Merkle tree of active lanes, as a value: a change makes a new tree that shares all it can with the old one.
//!
//! Keys are paths of 256 bits, the first bit of the first byte at the root. A subtree of one lane is that lane, wherever it hangs, and
//! one of none has a hash by its height; all others are the hash of their halves:
//!
//! ```text
//!   hash(no lane,  height h)   empty[h]: zeros for 0, else H(empty[h - 1], empty[h - 1])
//!   hash(one lane)             H_collapsed(key, leaf of tip and blue score)
//!   hash(more)                 H(hash(left half), hash(right half))
//! ```
//!
//! So the root follows from the set of lanes alone. Stored are lanes and the branches where both halves hold some, which carry the
//! hash at their own depth; stretches with one empty half are hashed on the way up, some few for keys that nobody ground.
//!
//! # Invariants
//!
//! - Both halves of a branch hold lanes, so n lanes have n - 1 branches.
//! - `oldest` of a branch is the least blue score below it: what has expired is found without looking at the rest.
//!
//! Cost of a change: one node a level it passes, about the logarithm of the number of lanes.
//!
//! **Spec:** KIP-21; rusty-kaspa's `crypto/smt/src/tree.rs`.

use std::sync::{Arc, LazyLock};

use quintet_primitives::Hash256;

use crate::hashing::seq_commit::{active_lane_leaf, active_lane_node, active_lane_single};

/// Bits of a key.
pub(super) const BITS: usize = 256;

/// Hashes of empty subtrees by height.
static EMPTY: LazyLock<Vec<Hash256>> = LazyLock::new(|| {
    let next = |below: &Hash256| Some(active_lane_node(below, below));
    core::iter::successors(Some(Hash256::default()), next).take(BITS + 1).collect()
});

/// An active lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Hash chained over the lane's transactions.
    pub tip: Hash256,
    /// Blue score of the chain block that moved the tip last.
    pub blue_score: u64,
}

type Keyed<T> = (Hash256, T);

#[derive(Debug)]
pub(super) enum Node {
    Lane { key: Hash256, lane: Lane, leaf: Hash256, hash: Hash256 },
    Branch(Branch),
}

#[derive(Debug)]
pub(super) struct Branch {
    /// Some key below: its first `bit` bits are those of all.
    pub(super) key: Hash256,
    /// Depth, and the first bit in which keys below differ.
    pub(super) bit: usize,
    hash: Hash256,
    oldest: u64,
    lanes: usize,
    pub(super) left: Arc<Node>,
    pub(super) right: Arc<Node>,
}

/// Returns a bit of a key.
pub(super) fn bit_at(key: &Hash256, bit: usize) -> bool {
    key.as_bytes()[bit / 8] & (0x80 >> (bit % 8)) != 0
}

/// Returns the hash of an empty subtree below a branch at `depth`.
pub(super) fn empty_below(depth: usize) -> Hash256 {
    EMPTY[BITS - 1 - depth]
}

/// Returns how many bits two keys have in common from the start.
fn common_bits(a: &Hash256, b: &Hash256) -> usize {
    let mut bits = 0;
    for (a, b) in a.as_bytes().iter().zip(b.as_bytes()) {
        if a != b {
            return bits + (a ^ b).leading_zeros() as usize;
        }
        bits += 8;
    }
    bits
}

impl Node {
    fn lane(key: Hash256, lane: Lane) -> Arc<Self> {
        let leaf = active_lane_leaf(&lane.tip, lane.blue_score);
        let hash = active_lane_single(&key, &leaf);
        Arc::new(Self::Lane { key, lane, leaf, hash })
    }

    /// Puts two halves together; a half alone is the whole.
    fn join(bit: usize, left: Option<Arc<Self>>, right: Option<Arc<Self>>) -> Option<Arc<Self>> {
        let (left, right) = match (left, right) {
            (Some(left), Some(right)) => (left, right),
            (one, None) | (None, one) => return one,
        };
        Some(Arc::new(Self::Branch(Branch {
            key: *left.key(),
            bit,
            hash: active_lane_node(&left.hash_at(bit + 1), &right.hash_at(bit + 1)),
            oldest: left.oldest().min(right.oldest()),
            lanes: left.lanes() + right.lanes(),
            left,
            right,
        })))
    }

    pub(super) const fn key(&self) -> &Hash256 {
        match self {
            Self::Lane { key, .. } | Self::Branch(Branch { key, .. }) => key,
        }
    }

    const fn oldest(&self) -> u64 {
        match self {
            Self::Lane { lane, .. } => lane.blue_score,
            Self::Branch(branch) => branch.oldest,
        }
    }

    const fn lanes(&self) -> usize {
        match self {
            Self::Lane { .. } => 1,
            Self::Branch(branch) => branch.lanes,
        }
    }

    /// Returns the hash of the subtree at `depth` that holds what is below this node.
    pub(super) fn hash_at(&self, depth: usize) -> Hash256 {
        match self {
            Self::Lane { hash, .. } => *hash,
            Self::Branch(branch) => (depth..branch.bit).rev().fold(branch.hash, |hash, depth| {
                let empty = empty_below(depth);
                if bit_at(&branch.key, depth) {
                    active_lane_node(&empty, &hash)
                } else {
                    active_lane_node(&hash, &empty)
                }
            }),
        }
    }

    /// Makes the subtree of sorted lanes.
    fn build(lanes: &[(Hash256, Lane)]) -> Option<Arc<Self>> {
        match lanes {
            [] => None,
            [(key, lane)] => Some(Self::lane(*key, *lane)),
            [(first, _), .., (last, _)] => {
                let bit = common_bits(first, last);
                let (left, right) = split(lanes, bit);
                Self::join(bit, Self::build(left), Self::build(right))
            }
        }
    }

    /// Returns the subtree with sorted changes made.
    fn changed(node: Option<&Arc<Self>>, changes: &[(Hash256, Option<Lane>)]) -> Option<Arc<Self>> {
        let ([(first, _), ..], [.., (last, _)]) = (changes, changes) else { return node.cloned() };
        match node.map(|node| &**node) {
            None => Self::build(&kept(changes)),
            Some(Self::Lane { key, lane, .. }) => {
                let mut lanes = kept(changes);
                if changes.binary_search_by_key(key, |(key, _)| *key).is_err() {
                    let at = lanes.partition_point(|(other, _)| other < key);
                    lanes.insert(at, (*key, *lane));
                }
                Self::build(&lanes)
            }
            Some(Self::Branch(branch)) => {
                // Sorted, so the first and the last have least in common with the branch.
                let common = common_bits(first, &branch.key).min(common_bits(last, &branch.key));
                let bit = common.min(branch.bit);
                let (left, right) = split(changes, bit);
                let (below_left, below_right) = if bit == branch.bit {
                    (Some(&branch.left), Some(&branch.right))
                } else if bit_at(&branch.key, bit) {
                    (None, node)
                } else {
                    (node, None)
                };
                Self::join(bit, Self::changed(below_left, left), Self::changed(below_right, right))
            }
        }
    }
}

/// Splits what is sorted by key, and equal in the bits before, by a bit.
fn split<T>(sorted: &[Keyed<T>], bit: usize) -> (&[Keyed<T>], &[Keyed<T>]) {
    sorted.split_at(sorted.partition_point(|(key, _)| !bit_at(key, bit)))
}

fn kept(changes: &[(Hash256, Option<Lane>)]) -> Vec<(Hash256, Lane)> {
    changes.iter().filter_map(|&(key, lane)| Some((key, lane?))).collect()
}

/// The active lanes as some chain block left them.
///
/// Cloning shares everything, so that the trees of many blocks stand beside one another for what differs between them, and any number of
/// threads may read them.
#[derive(Debug, Clone, Default)]
pub struct LaneTree {
    root: Option<Arc<Node>>,
}

impl LaneTree {
    /// Makes the tree of no lanes.
    #[must_use]
    pub const fn new() -> Self {
        Self { root: None }
    }

    /// Makes the tree of these lanes; of a key named twice the later counts.
    #[must_use]
    pub fn from_lanes(lanes: impl IntoIterator<Item = (Hash256, Lane)>) -> Self {
        let mut lanes: Vec<_> = lanes.into_iter().collect();
        sort_by_key(&mut lanes);
        Self { root: Node::build(&lanes) }
    }

    /// Returns how many lanes are active.
    #[must_use]
    pub fn len(&self) -> usize {
        self.root.as_ref().map_or(0, |root| root.lanes())
    }

    /// Returns whether no lane is active.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Returns the root hash.
    #[must_use]
    pub fn root(&self) -> Hash256 {
        self.root.as_ref().map_or_else(|| EMPTY[BITS], |root| root.hash_at(0))
    }

    /// Returns a lane by its key.
    #[must_use]
    pub fn get(&self, key: &Hash256) -> Option<Lane> {
        let mut node = self.root.as_deref()?;
        loop {
            match node {
                Node::Lane { key: own, lane, .. } => return (own == key).then_some(*lane),
                Node::Branch(branch) => {
                    node = if bit_at(key, branch.bit) { &branch.right } else { &branch.left };
                }
            }
        }
    }

    /// Returns the tree with these lanes set, or taken out where there is none; of a key named twice the later counts.
    #[must_use]
    pub fn with(&self, changes: impl IntoIterator<Item = (Hash256, Option<Lane>)>) -> Self {
        let mut changes: Vec<_> = changes.into_iter().collect();
        sort_by_key(&mut changes);
        Self { root: Node::changed(self.root.as_ref(), &changes) }
    }

    /// Iterates over the lanes by key, for a peer or a disk.
    pub fn iter(&self) -> impl Iterator<Item = (Hash256, Lane)> + '_ {
        self.walk(u64::MAX).map(|(key, lane)| (*key, *lane))
    }

    /// Iterates over the lanes last moved below a blue score. Cost: what is found, and the branches above it.
    pub fn older_than(&self, blue_score: u64) -> impl Iterator<Item = (Hash256, Lane)> + '_ {
        let older = move |&(_, lane): &(&Hash256, &Lane)| lane.blue_score < blue_score;
        self.walk(blue_score).filter(older).map(|(key, lane)| (*key, *lane))
    }

    /// Walks the subtrees whose oldest lane is not younger than a blue score.
    fn walk(&self, blue_score: u64) -> impl Iterator<Item = (&Hash256, &Lane)> {
        let mut rest: Vec<&Node> = self.root.iter().map(|root| &**root).collect();
        core::iter::from_fn(move || {
            while let Some(node) = rest.pop() {
                match node {
                    _ if node.oldest() > blue_score => (),
                    Node::Lane { key, lane, .. } => return Some((key, lane)),
                    Node::Branch(branch) => rest.extend([&*branch.right, &*branch.left]),
                }
            }
            None
        })
    }

    pub(super) fn top(&self) -> Option<&Node> {
        self.root.as_deref()
    }
}

impl PartialEq for LaneTree {
    /// Lanes are equal if their hashes are.
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

impl Eq for LaneTree {}

fn sort_by_key<T>(entries: &mut Vec<(Hash256, T)>) {
    // Stable, so that of equal keys the last given stands last.
    entries.sort_by_key(|(key, _)| *key);
    entries.reverse();
    entries.dedup_by_key(|(key, _)| *key);
    entries.reverse();
}
