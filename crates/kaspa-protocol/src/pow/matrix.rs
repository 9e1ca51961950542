//! The matrix of a header: 64×64 nibbles of full rank, drawn from its pre-PoW hash.
//!
//! **Spec:** rusty-kaspa's `consensus/pow/src/{matrix,xoshiro}.rs`; Blackman & Vigna, *Scrambled linear
//! pseudorandom number generators* (2021) for xoshiro256++.

use quintet_primitives::Hash256;

use super::{cshake, rank::has_full_rank};

/// Rows, and columns.
pub(super) const SIDE: usize = 64;

/// A matrix of nibbles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix(Box<[[u8; SIDE]; SIDE]>);

impl Matrix {
    /// Draws matrices until one has full rank, which the first does but for chances nobody meets.
    #[must_use]
    pub fn generate(seed: &Hash256) -> Self {
        let mut random = Xoshiro::new(seed);
        loop {
            let matrix = Self::draw(&mut random);
            if has_full_rank(&matrix.0) {
                return matrix;
            }
        }
    }

    /// Takes rows of nibbles; the upper four bits of each number are dropped.
    #[must_use]
    pub fn from_rows(mut rows: [[u8; SIDE]; SIDE]) -> Self {
        rows.iter_mut().flatten().for_each(|nibble| *nibble &= 15);
        Self(Box::new(rows))
    }

    /// Returns the rows.
    #[must_use]
    pub const fn rows(&self) -> &[[u8; SIDE]; SIDE] {
        &self.0
    }

    /// Returns whether proof of work would take it: whether the reference's elimination finds a pivot
    /// for every column.
    #[must_use]
    pub fn has_full_rank(&self) -> bool {
        has_full_rank(&self.0)
    }

    /// Multiplies the nibbles of `input` with the matrix, keeps the upper four of fourteen bits of each
    /// product, mixes them with `input` and hashes.
    #[must_use]
    pub(super) fn heavy_hash(&self, input: &Hash256) -> Hash256 {
        let mut vector = [0_u8; SIDE];
        let (pairs, _) = vector.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(input.as_bytes()) {
            *pair = [byte >> 4, byte & 15];
        }
        let mut mixed = input.into_bytes();
        let (rows, _) = self.0.as_chunks::<2>();
        for (byte, [high, low]) in mixed.iter_mut().zip(rows) {
            *byte ^= dot(high, &vector) << 4 | dot(low, &vector);
        }
        cshake::heavy(&Hash256::new(mixed))
    }

    fn draw(random: &mut Xoshiro) -> Self {
        let mut rows = Box::new([[0; SIDE]; SIDE]);
        let (words, _) = rows.as_flattened_mut().as_chunks_mut::<16>();
        for nibbles in words {
            let bytes = random.next().to_le_bytes();
            let (pairs, _) = nibbles.as_chunks_mut::<2>();
            for (pair, byte) in pairs.iter_mut().zip(bytes) {
                *pair = [byte & 15, byte >> 4];
            }
        }
        Self(rows)
    }
}

/// Returns the upper four of the fourteen bits of the product of two vectors of nibbles.
fn dot(row: &[u8; SIDE], vector: &[u8; SIDE]) -> u8 {
    let product = |(a, b): (&u8, &u8)| u16::from(*a) * u16::from(*b);
    // 64 products of two nibbles are below 2^14: four bits are left.
    let sum: u16 = row.iter().zip(vector).map(product).sum();
    (sum >> 2).to_le_bytes()[1]
}

/// The generator xoshiro256++.
struct Xoshiro([u64; 4]);

impl Xoshiro {
    fn new(seed: &Hash256) -> Self {
        let mut state = [0; 4];
        let (words, _) = seed.as_bytes().as_chunks::<8>();
        state.iter_mut().zip(words).for_each(|(state, word)| *state = u64::from_le_bytes(*word));
        Self(state)
    }

    const fn next(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.0;
        let drawn = s0.wrapping_add(s3).rotate_left(23).wrapping_add(s0);
        let (s2, s3) = (s2 ^ s0, s3 ^ s1);
        self.0 = [s0 ^ s3, s1 ^ s2, s2 ^ (s1 << 17), s3.rotate_left(45)];
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_rows_are_no_full_rank() {
        let matrix = Matrix::generate(&Hash256::new([42; 32]));
        assert!(matrix.has_full_rank());
        let mut rows = *matrix.rows();
        rows[0] = rows[1];
        assert!(!Matrix::from_rows(rows).has_full_rank());
        assert!(!Matrix::from_rows([[0; SIDE]; SIDE]).has_full_rank());
    }
}
