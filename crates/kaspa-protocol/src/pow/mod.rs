//! Proof of work: kHeavyHash, and the level a block reaches by it.
//!
//! ```text
//!   header without time and nonce ──► pre-PoW hash ──┬──► xoshiro256++ ──► 64×64 nibbles of full rank
//!                                                    │                             │
//!   pre-PoW hash · time · 32 zeros · nonce ──► cSHAKE256 "ProofOfWorkHash" ──► hash × matrix ⊕ hash
//!                                                                                  │
//!                                      target ≥ little-endian ◄── cSHAKE256 "HeavyHash"
//! ```
//!
//! [`Pow`] holds what does not depend on the nonce, so that a miner and a checker use the same code.
//!
//! **Spec:** rusty-kaspa's `consensus/pow/src/lib.rs`, `crypto/hashes/src/pow_hashers.rs`.

use quintet_primitives::Hash256;
use ruint::aliases::U256;

use crate::{
    header::Header,
    target::{self, Target},
};

mod cshake;
mod matrix;
mod rank;

pub use matrix::Matrix;

/// The proof of work of one header, for any nonce.
#[derive(Debug, Clone)]
pub struct Pow {
    matrix: Matrix,
    target: Target,
    /// Sponge that has taken all but the nonce.
    prefix: cshake::State,
}

impl Pow {
    /// Prepares for a header. Its nonce is not looked at.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let pre_pow = header.pre_pow_hash();
        Self {
            matrix: Matrix::generate(&pre_pow),
            target: target::from_compact(header.bits),
            prefix: cshake::proof_of_work_prefix(&pre_pow, header.timestamp),
        }
    }

    /// Returns the value that has to be at most the target.
    #[must_use]
    pub fn value(&self, nonce: u64) -> U256 {
        let hash = cshake::proof_of_work(&self.prefix, nonce);
        U256::from_le_bytes(self.matrix.heavy_hash(&hash).into_bytes())
    }

    /// Returns the value if the nonce satisfies the target the header claims.
    #[must_use]
    pub fn check(&self, nonce: u64) -> Option<U256> {
        let value = self.value(nonce);
        (value <= self.target).then_some(value)
    }
}

/// Returns the level a value reaches: how many bits it is shorter than `max_level`.
#[must_use]
pub fn level_of(value: &U256, max_level: u8) -> u8 {
    u8::try_from(usize::from(max_level).saturating_sub(value.bit_len())).unwrap_or(max_level)
}

/// Returns the level of a header by its own nonce, whether or not it satisfies its target. A header
/// without parents, a genesis, has the highest.
#[must_use]
pub fn level_of_header(header: &Header, max_level: u8) -> u8 {
    if header.parents.levels() == 0 {
        return max_level;
    }
    level_of(&Pow::new(header).value(header.nonce), max_level)
}

/// Returns the hash of `input` by a matrix, as the last step of the proof of work.
#[must_use]
pub fn heavy_hash(matrix: &Matrix, input: &Hash256) -> Hash256 {
    matrix.heavy_hash(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_the_bits_a_value_lacks() {
        assert_eq!(level_of(&U256::ZERO, 225), 225);
        assert_eq!(level_of(&U256::from(1), 225), 224);
        assert_eq!(level_of(&(U256::from(1) << 224), 225), 0);
        assert_eq!(level_of(&U256::MAX, 225), 0);
        assert_eq!(level_of(&(U256::from(1) << 200), 250), 49);
    }
}
