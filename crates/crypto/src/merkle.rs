//! Merkle trees of double SHA-256.
//!
//! ```text
//!          root
//!         /    \
//!       AB      CC      a level with an odd number of nodes
//!      /  \    /  \     pairs its last node with itself
//!     A    B  C   (C)
//! ```
//!
//! # Why there is a flag
//!
//! Since the last node is paired with itself, `A B C` and `A B C C` have one root (CVE-2012-2459, found
//! by Forrest Voight). A node that was sent a valid block with its last transactions doubled, found it
//! invalid and remembered that *by the block's hash* would refuse the valid block for ever. So a tree
//! in which two neighbours are equal, both really there, is told apart: it is not to be held against
//! the hash.

use crate::{digest::sha256d, sha256_lanes::sha256d_64_into};

/// Most levels above the leaves: no list in memory has more.
pub const DEPTH_MAX: usize = 64;

/// The root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// The hash at the top; zero for a tree without leaves.
    pub hash: [u8; 32],
    /// Whether two neighbours, a left and a right one, are equal at some level. Another list of leaves
    /// may then have the same root.
    pub mutated: bool,
}

/// Returns the root over `leaves`.
///
/// **Spec:** Bitcoin Core's `ComputeMerkleRoot`.
#[must_use]
pub fn root(leaves: &[[u8; 32]]) -> Root {
    let doubled =
        |nodes: &[[u8; 32]]| nodes.as_chunks::<2>().0.iter().any(|[left, right]| left == right);
    if let [] | [_] = leaves {
        return Root { hash: leaves.first().copied().unwrap_or_default(), mutated: false };
    }
    let mut mutated = doubled(leaves);
    let mut level = above(leaves);
    while level.len() > 1 {
        mutated |= doubled(&level);
        level = above(&level);
    }
    Root { hash: level.first().copied().unwrap_or_default(), mutated }
}

/// Returns the siblings on the way from the leaf at `index` to the root; none if there is no such leaf.
///
/// **Spec:** Bitcoin Core's `TransactionMerklePath`.
#[must_use]
pub fn branch(leaves: &[[u8; 32]], index: usize) -> Vec<[u8; 32]> {
    let mut siblings = Vec::new();
    if index >= leaves.len() {
        return siblings;
    }
    let (mut level, mut at) = (leaves.to_vec(), index);
    while level.len() > 1 {
        siblings.push(*level.get(at ^ 1).unwrap_or(&level[at]));
        level = above(&level);
        at /= 2;
    }
    siblings
}

/// Returns the root of a tree that has `leaf` at `index` and `siblings` on its way up.
///
/// At most [`DEPTH_MAX`] siblings count.
#[must_use]
pub fn root_of_branch(leaf: [u8; 32], index: usize, siblings: &[[u8; 32]]) -> [u8; 32] {
    let mut at = index;
    siblings.iter().take(DEPTH_MAX).fold(leaf, |node, sibling| {
        let (left, right) = if at & 1 == 1 { (sibling, &node) } else { (&node, sibling) };
        at /= 2;
        sha256d(&[left, right]).into_bytes()
    })
}

/// Returns the level above.
fn above(nodes: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let mut level = vec![[0; 32]; nodes.len().div_ceil(2)];
    let (pairs, _) = nodes.as_flattened().as_chunks::<64>();
    sha256d_64_into(pairs, &mut level);
    if let (Some(node), Some(last)) = (level.get_mut(pairs.len()), nodes.last()) {
        *node = sha256d(&[last, last]).into_bytes();
    }
    level
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Levels from the definition, one pair at a time.
    fn slow_root(leaves: &[[u8; 32]]) -> [u8; 32] {
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            let pairs = level.chunks(2);
            level =
                pairs.map(|pair| sha256d(&[&pair[0], pair.last().unwrap()]).into_bytes()).collect();
        }
        level.first().copied().unwrap_or_default()
    }

    fn leaves(count: u32) -> Vec<[u8; 32]> {
        (0..count).map(|number| sha256d(&[&number.to_le_bytes()]).into_bytes()).collect()
    }

    #[test]
    fn a_single_leaf_is_the_root_and_none_is_zero() {
        assert_eq!(root(&leaves(1)), Root { hash: leaves(1)[0], mutated: false });
        assert_eq!(root(&[]), Root { hash: [0; 32], mutated: false });
    }

    #[test]
    fn doubled_last_transactions_keep_the_root_and_raise_the_flag() {
        let honest = leaves(6);
        let mut doubled = honest.clone();
        doubled.extend_from_slice(&honest[4..]);
        let (honest, doubled) = (root(&honest), root(&doubled));
        assert_eq!(honest.hash, doubled.hash);
        assert!(!honest.mutated, "the last pair stands alone at its level, which is no doubling");
        assert!(doubled.mutated, "the doubling shows one level up");

        let mut three = leaves(3);
        three.push(three[2]);
        assert_eq!(root(&three), Root { mutated: true, ..root(&leaves(3)) });
    }

    #[test]
    fn equal_nodes_that_are_no_siblings_raise_nothing() {
        let mut leaves = leaves(4);
        leaves[2] = leaves[1];
        assert!(!root(&leaves).mutated);
        leaves[3] = leaves[2];
        assert!(root(&leaves).mutated);
    }

    proptest! {
        #[test]
        fn the_root_is_that_of_the_definition(count in 0_u32..200) {
            let leaves = leaves(count);
            prop_assert_eq!(root(&leaves), Root { hash: slow_root(&leaves), mutated: false });
        }

        #[test]
        fn every_leaf_has_a_branch_to_the_root(count in 1_u32..40) {
            let leaves = leaves(count);
            for (index, &leaf) in leaves.iter().enumerate() {
                let siblings = branch(&leaves, index);
                prop_assert_eq!(root_of_branch(leaf, index, &siblings), root(&leaves).hash);
            }
            prop_assert!(branch(&leaves, leaves.len()).is_empty());
        }
    }
}
