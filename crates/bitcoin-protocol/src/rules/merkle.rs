//! The Merkle tree of a block, folded in place.

use quintet_crypto::digest::sha256d;

/// Returns the root and whether two neighbours of a level are equal (CVE-2012-2459).
pub(super) fn merkle_root(mut level: Vec<[u8; 32]>) -> ([u8; 32], bool) {
    let mut mutated = false;
    while level.len() > 1 {
        mutated |= level.chunks_exact(2).any(|pair| pair[0] == pair[1]);
        let pairs = level.len().div_ceil(2);
        for pair in 0..pairs {
            let left = level[pair * 2];
            let right = level.get(pair * 2 + 1).copied().unwrap_or(left);
            level[pair] = sha256d(&[&left, &right]).into_bytes();
        }
        level.truncate(pairs);
    }
    (level.first().copied().unwrap_or_default(), mutated)
}
