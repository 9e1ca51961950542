//! The hash of a header, over its parents expanded to every level.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/hashing/header.rs`.

use quintet_primitives::Hash256;

use super::{Blake2b, Put};
use crate::header::Header;

impl Header {
    /// Returns the block's hash.
    #[must_use]
    pub fn hash(&self) -> Hash256 {
        self.hash_with(self.timestamp, self.nonce)
    }

    /// Returns the hash proof of work begins with: nonce and time are zero in it.
    #[must_use]
    pub fn pre_pow_hash(&self) -> Hash256 {
        self.hash_with(0, 0)
    }

    fn hash_with(&self, timestamp: u64, nonce: u64) -> Hash256 {
        let mut hasher = Blake2b::BLOCK_HASH.hasher();
        hasher.u16(self.version).length(self.parents.levels());
        let mut level = 0;
        let mut bytes = Vec::new();
        for (end, parents) in self.parents.runs() {
            bytes.clear();
            bytes.length(parents.len());
            parents.iter().for_each(|parent| bytes.extend_from_slice(parent.as_bytes()));
            for _ in level..end {
                hasher.put(&bytes);
            }
            level = end;
        }
        hasher
            .hash(&self.hash_merkle_root)
            .hash(&self.accepted_id_merkle_root)
            .hash(&self.utxo_commitment)
            .u64(timestamp)
            .u32(self.bits)
            .u64(nonce)
            .u64(self.daa_score)
            .u64(self.blue_score)
            .var_bytes(&self.blue_work.to_be_bytes_trimmed_vec())
            .hash(&self.pruning_point);
        hasher.finish()
    }
}
