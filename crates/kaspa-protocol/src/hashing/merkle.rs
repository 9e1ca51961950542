//! Merkle roots: of a block's transactions, and of the transactions it accepts.
//!
//! A missing right node is zero; a tree of one leaf is the leaf, of none is zero. Nodes of a level
//! are hashed several at once where the processor can.
//!
//! `accepted_id_merkle_root` of a header has meant three things:
//!
//! | era | meaning |
//! |---|---|
//! | before Crescendo | root of the accepted ids, sorted: [`accepted_id_root_sorted`] |
//! | Crescendo (KIP-15) | root of the ids in the order of acceptance, hashed after the selected parent's commitment: [`accepted_id_root_canonical`] |
//! | Toccata (KIP-21) | the sequencing commitment over lanes: [`super::seq_commit`] |
//!
//! **Spec:** rusty-kaspa's `crypto/merkle` and `consensus/core/src/merkle.rs`; KIP-15.

use blake2b_simd::many::{HashManyJob, hash_many};
use quintet_primitives::Hash256;

use super::{Blake2b, domain::from_slice};
use crate::tx::Transaction;

/// Nodes handed to the hash function at once; it takes what the processor's vectors hold.
const AT_ONCE: usize = 16;

/// Returns the Merkle root of leaves.
#[must_use]
pub fn merkle_root(mut level: Vec<Hash256>) -> Hash256 {
    while level.len() > 1 {
        level = parents(&level);
    }
    level.first().copied().unwrap_or_default()
}

/// Returns the Merkle root of the transactions' hashes: a header's `hash_merkle_root`.
#[must_use]
pub fn hash_merkle_root(transactions: &[Transaction]) -> Hash256 {
    merkle_root(transactions.iter().map(Transaction::hash).collect())
}

/// Returns [`hash_merkle_root`] as it was before Crescendo, when no mass was hashed.
#[must_use]
pub fn hash_merkle_root_pre_crescendo(transactions: &[Transaction]) -> Hash256 {
    merkle_root(transactions.iter().map(Transaction::hash_pre_crescendo).collect())
}

/// Returns the root of the accepted ids as before Crescendo: sorted by their bytes.
#[must_use]
pub fn accepted_id_root_sorted(mut ids: Vec<Hash256>) -> Hash256 {
    ids.sort_unstable();
    merkle_root(ids)
}

/// Returns the commitment of Crescendo: the selected parent's one, then the root of the accepted ids
/// in the order of their acceptance.
///
/// **Spec:** KIP-15.
#[must_use]
pub fn accepted_id_root_canonical(selected_parent_root: &Hash256, ids: Vec<Hash256>) -> Hash256 {
    let root = merkle_root(ids);
    Blake2b::MERKLE_BRANCH_HASH.hash(&[selected_parent_root.as_bytes(), root.as_bytes()])
}

fn parents(level: &[Hash256]) -> Vec<Hash256> {
    let params = Blake2b::MERKLE_BRANCH_HASH.params();
    let mut parents = Vec::with_capacity(level.len().div_ceil(2));
    for nodes in level.chunks(2 * AT_ONCE) {
        let mut inputs = [[0; 2 * Hash256::LEN]; AT_ONCE];
        for (input, pair) in inputs.iter_mut().zip(nodes.chunks(2)) {
            // What is missing on the right stays zero.
            for (half, node) in input.chunks_exact_mut(Hash256::LEN).zip(pair) {
                half.copy_from_slice(node.as_bytes());
            }
        }
        let inputs = inputs.iter().take(nodes.len().div_ceil(2));
        let mut jobs: Vec<_> = inputs.map(|input| HashManyJob::new(&params, input)).collect();
        hash_many(&mut jobs);
        parents.extend(jobs.iter().map(|job| from_slice(job.to_hash().as_bytes())));
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(left: &Hash256, right: &Hash256) -> Hash256 {
        Blake2b::MERKLE_BRANCH_HASH.hash(&[left.as_bytes(), right.as_bytes()])
    }

    #[test]
    fn a_missing_right_node_is_zero() {
        let leaf = |byte| Hash256::new([byte; 32]);
        let zero = Hash256::default();
        assert_eq!(merkle_root(vec![]), zero);
        assert_eq!(merkle_root(vec![leaf(1)]), leaf(1));
        let five: Vec<_> = (1..=5).map(leaf).collect();
        let left = branch(&branch(&leaf(1), &leaf(2)), &branch(&leaf(3), &leaf(4)));
        let right = branch(&branch(&leaf(5), &zero), &zero);
        assert_eq!(merkle_root(five), branch(&left, &right));
    }

    #[test]
    fn wide_levels_hash_as_pairs_do() {
        let mut level: Vec<_> = (0..=200).map(|byte| Hash256::new([byte; 32])).collect();
        let root = merkle_root(level.clone());
        while level.len() > 1 {
            let zero = Hash256::default();
            level = level
                .chunks(2)
                .map(|pair| branch(&pair[0], pair.get(1).unwrap_or(&zero)))
                .collect();
        }
        assert_eq!(root, level[0]);
    }

    #[test]
    fn order_matters_to_the_canonical_root_alone() {
        let (a, b) = (Hash256::new([1; 32]), Hash256::new([2; 32]));
        assert_eq!(accepted_id_root_sorted(vec![a, b]), accepted_id_root_sorted(vec![b, a]));
        assert_ne!(
            accepted_id_root_canonical(&a, vec![a, b]),
            accepted_id_root_canonical(&a, vec![b, a])
        );
    }
}
