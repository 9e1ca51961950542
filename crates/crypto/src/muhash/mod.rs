//! MuHash: the hash of a set, which elements join and leave in any order.
//!
//! An element is hashed to a number modulo the prime 2^3072 - 1103717; the set is the product of its
//! elements' numbers. Whoever finds two sets of one product solves discrete logarithms modulo that
//! prime.
//!
//! ```text
//! insert ──► element ──► numerator   *= n ┐
//! remove ──► element ──► denominator *= n ┴─► finalise: hash(numerator / denominator)
//! ```
//!
//! A division costs some fifty products, so there is one, at the end. Products commute: threads may
//! each take a share of the elements, and [`MuHash::combine`] brings the shares together.
//!
//! The chains that use it differ in how an element becomes a number and a number a hash:
//! [`ElementHash`].
//!
//! **Spec:** Bellare & Micciancio, *A New Paradigm for Collision-Free Hashing* (1997); Bitcoin Core's
//! `MuHash3072`.

use core::marker::PhantomData;

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher},
};
use quintet_primitives::Hash256;

use crate::digest::sha256;

#[cfg(target_arch = "x86_64")]
mod ifma;
mod inverse;
mod num;
#[cfg(test)]
mod tests;

pub use num::Num3072;

/// How elements become numbers, and the set's number a hash.
pub trait ElementHash {
    /// Returns the number of the element that is the concatenation of `parts`.
    fn element(parts: &[&[u8]]) -> Num3072;

    /// Returns the hash of the set's number.
    fn finish(number: &[u8; Num3072::LEN]) -> Hash256;
}

/// SHA-256 of the element as a ChaCha20 key, whose first 384 bytes are the number; SHA-256 at the end.
///
/// **Spec:** Bitcoin Core's `MuHash3072::ToNum3072` and `MuHash3072::Finalize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256ChaCha20;

impl ElementHash for Sha256ChaCha20 {
    fn element(parts: &[&[u8]]) -> Num3072 {
        from_chacha20(&sha256(parts))
    }

    fn finish(number: &[u8; Num3072::LEN]) -> Hash256 {
        sha256(&[number])
    }
}

/// Returns the first 384 bytes of ChaCha20's stream under `key` (nonce and counter zero) as a number.
#[must_use]
pub fn from_chacha20(key: &Hash256) -> Num3072 {
    let mut stream = [0; Num3072::LEN];
    ChaCha20::new(&(*key.as_bytes()).into(), &[0; 12].into()).apply_keystream(&mut stream);
    Num3072::from_bytes(&stream)
}

/// A set of elements, each a byte string. It does not know what it holds: removing what was never
/// inserted is possible, and is undone by inserting it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MuHash<H> {
    numerator: Num3072,
    denominator: Num3072,
    hash: PhantomData<H>,
}

impl<H: ElementHash> MuHash<H> {
    /// Length of [`Self::to_bytes`].
    pub const LEN: usize = 2 * Num3072::LEN;

    /// Returns the empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { numerator: Num3072::ONE, denominator: Num3072::ONE, hash: PhantomData }
    }

    /// Adds the element that is the concatenation of `parts`.
    pub fn insert(&mut self, parts: &[&[u8]]) {
        self.numerator = self.numerator.multiply(&H::element(parts));
    }

    /// Takes the element that is the concatenation of `parts` out.
    pub fn remove(&mut self, parts: &[&[u8]]) {
        self.denominator = self.denominator.multiply(&H::element(parts));
    }

    /// Adds all that `other` has in, and takes out all it has out.
    pub fn combine(&mut self, other: &Self) {
        self.numerator = self.numerator.multiply(&other.numerator);
        self.denominator = self.denominator.multiply(&other.denominator);
    }

    /// Undoes [`Self::combine`].
    pub fn separate(&mut self, other: &Self) {
        self.numerator = self.numerator.multiply(&other.denominator);
        self.denominator = self.denominator.multiply(&other.numerator);
    }

    /// Brings the fraction to the denominator one, the shortest form to keep.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let mut set = Self::new();
        set.numerator = self.number();
        set
    }

    /// Returns the hash of the set.
    #[must_use]
    pub fn finalise(&self) -> Hash256 {
        H::finish(&self.number().to_bytes())
    }

    /// Returns the running state: numerator, then denominator, little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 768] {
        let mut bytes = [0; 768];
        bytes[..Num3072::LEN].copy_from_slice(&self.numerator.to_bytes());
        bytes[Num3072::LEN..].copy_from_slice(&self.denominator.to_bytes());
        bytes
    }

    /// Reads the form of [`Self::to_bytes`]. Any bytes are a state, if not one that a set leads to.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 768]) -> Self {
        let (halves, _) = bytes.as_chunks::<{ Num3072::LEN }>();
        Self {
            numerator: Num3072::from_bytes(&halves[0]),
            denominator: Num3072::from_bytes(&halves[1]),
            hash: PhantomData,
        }
    }

    fn number(&self) -> Num3072 {
        if self.denominator == Num3072::ONE {
            return self.numerator;
        }
        self.numerator.multiply(&self.denominator.invert())
    }
}

impl<H: ElementHash> Default for MuHash<H> {
    fn default() -> Self {
        Self::new()
    }
}
