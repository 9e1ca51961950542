//! Numbers modulo the prime 2^3072 - 1103717.
//!
//! # Invariants
//!
//! A number is kept below 2^3072, not below the modulus: the fold after a product costs one pass so,
//! and only what leaves this module ([`Num3072::to_reduced`]) is reduced to the end.

use super::inverse;
use crate::words::{add_carry, multiply_add, subtract_borrow};

/// Words of 64 bits, the lowest first.
pub(super) const WORDS: usize = 48;

/// The modulus is 2^3072 less this: the largest safe prime of its length.
pub(super) const GAP: u64 = 1_103_717;

const HALF: usize = WORDS / 2;

/// A number modulo 2^3072 - 1103717.
///
/// **Spec:** Bitcoin Core's `Num3072`.
#[derive(Debug, Clone, Copy)]
pub struct Num3072(pub(super) [u64; WORDS]);

/// A product before its upper half is folded into the lower: lower words, then upper words.
pub(super) type Wide = [u64; 2 * WORDS];

impl Num3072 {
    /// Length of a number's bytes.
    pub const LEN: usize = 384;

    /// The neutral number.
    pub const ONE: Self = {
        let mut words = [0; WORDS];
        words[0] = 1;
        Self(words)
    };

    /// Reads 384 little-endian bytes; a number above the modulus stands for its remainder.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let (chunks, _) = bytes.as_chunks::<8>();
        let mut words = [0; WORDS];
        words.iter_mut().zip(chunks).for_each(|(word, chunk)| *word = u64::from_le_bytes(*chunk));
        Self(words)
    }

    /// Returns the 384 little-endian bytes of the number below the modulus.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        let words = self.to_reduced().0;
        chunks.iter_mut().zip(words).for_each(|(chunk, word)| *chunk = word.to_le_bytes());
        bytes
    }

    /// Returns the product.
    #[must_use]
    pub fn multiply(&self, other: &Self) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = super::ifma::multiply(&self.0, &other.0) {
            return fold(&wide);
        }
        self.multiply_portable(other)
    }

    /// Returns the number whose product with this one is one; zero for zero, which has none.
    #[must_use]
    pub fn invert(&self) -> Self {
        inverse::invert(self)
    }

    /// Returns the same number, below the modulus.
    #[must_use]
    pub(super) fn to_reduced(self) -> Self {
        // Above the modulus exactly where adding the gap carries out; the sum without it is the rest.
        let mut sum = self.0;
        let mut carry = GAP;
        for word in &mut sum {
            let (value, over) = word.overflowing_add(carry);
            (*word, carry) = (value, u64::from(over));
        }
        if carry == 1 { Self(sum) } else { self }
    }

    /// The product where the machine has no wide multiplier: Karatsuba once, schoolbook below.
    pub(super) fn multiply_portable(&self, other: &Self) -> Self {
        let ([a0, a1], [b0, b1]) = (halves(&self.0), halves(&other.0));
        let (low, high) = (schoolbook(a0, b0), schoolbook(a1, b1));
        let (da, a_negative) = difference(a0, a1);
        let (db, b_negative) = difference(b0, b1);
        let cross = schoolbook(&da, &db);

        // low + high - (a0 - a1)(b0 - b1) stands in the middle; its top word is a small carry.
        let mut middle = [0; WORDS + 1];
        middle[..WORDS].copy_from_slice(&low);
        add(&mut middle, &high);
        if a_negative == b_negative {
            subtract(&mut middle, &cross)
        } else {
            add(&mut middle, &cross)
        }
        let mut wide = [0; 2 * WORDS];
        wide[..WORDS].copy_from_slice(&low);
        wide[WORDS..].copy_from_slice(&high);
        add(&mut wide[HALF..], &middle);
        fold(&wide)
    }
}

impl PartialEq for Num3072 {
    fn eq(&self, other: &Self) -> bool {
        self.to_reduced().0 == other.to_reduced().0
    }
}

impl Eq for Num3072 {}

/// Brings a product below 2^3072: its upper half counts [`GAP`] times as much in the lower.
fn fold(wide: &Wide) -> Num3072 {
    let (low, high) = wide.split_at(WORDS);
    let mut words = [0; WORDS];
    let mut carry = 0;
    for ((word, &low), &high) in words.iter_mut().zip(low).zip(high) {
        (*word, carry) = multiply_add(high, GAP, low, carry);
    }
    // What is left is below the gap, so a second fold carries out at most once, and then into nothing.
    while carry != 0 {
        let (value, over) = words[0].overflowing_add(carry * GAP);
        words[0] = value;
        carry = u64::from(
            over && words[1..].iter_mut().all(|word| {
                *word = word.wrapping_add(1);
                *word == 0
            }),
        );
    }
    Num3072(words)
}

fn halves(words: &[u64; WORDS]) -> [&[u64; HALF]; 2] {
    let (chunks, _) = words.as_chunks::<HALF>();
    [&chunks[0], &chunks[1]]
}

fn schoolbook(a: &[u64; HALF], b: &[u64; HALF]) -> [u64; WORDS] {
    let mut product = [0; WORDS];
    for (shift, &factor) in b.iter().enumerate() {
        let mut carry = 0;
        for (word, &a) in product[shift..shift + HALF].iter_mut().zip(a) {
            (*word, carry) = multiply_add(a, factor, *word, carry);
        }
        product[shift + HALF] = carry;
    }
    product
}

/// Returns the magnitude of `a - b`, and whether it is negative.
fn difference(a: &[u64; HALF], b: &[u64; HALF]) -> ([u64; HALF], bool) {
    let negative = a.iter().rev().lt(b.iter().rev());
    let (larger, smaller) = if negative { (b, a) } else { (a, b) };
    let mut words = *larger;
    subtract(&mut words, smaller);
    (words, negative)
}

/// Adds in place; the sum must fit.
fn add(sum: &mut [u64], other: &[u64]) {
    let mut carry = false;
    for (index, word) in sum.iter_mut().enumerate() {
        let Some(&other) = other.get(index) else {
            if !carry {
                return;
            }
            (*word, carry) = word.overflowing_add(1);
            continue;
        };
        (*word, carry) = add_carry(*word, other, carry);
    }
}

/// Subtracts in place; the difference must not be negative.
pub(super) fn subtract(difference: &mut [u64], other: &[u64]) {
    let mut borrow = false;
    for (index, word) in difference.iter_mut().enumerate() {
        let Some(&other) = other.get(index) else {
            if !borrow {
                return;
            }
            (*word, borrow) = word.overflowing_sub(1);
            continue;
        };
        (*word, borrow) = subtract_borrow(*word, other, borrow);
    }
}
