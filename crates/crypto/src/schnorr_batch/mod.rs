//! Many Schnorr signatures and public key tweaks at once, for less than half of what they cost singly.
//!
//! ```text
//! add_signature ─┐  R + e P - s G = 0          all equations, each times a coefficient of
//!                ├► Q - P - t G   = 0   ─────► 128 bits nobody could foresee, must add up to
//! add_tweak ─────┘                             zero: one sum of points, one answer
//! ```
//!
//! # What an answer means
//!
//! Yes if every signature and every tweak would be found valid singly; no, up to a chance of 2^-128, if
//! one would not. The coefficients come from a hash of all that was added, so whoever makes signatures
//! cannot choose them knowing the coefficients, and the answer is the same on every machine. No does
//! not say what is invalid: check singly ([`secp`](crate::secp)) to learn that.
//!
//! # Invariants
//!
//! - What BIP340 refuses early is refused early here: an R or key above the field or off the curve, an
//!   s not below the order. The challenge is taken modulo the order.
//! - Nothing here is secret and nothing is in constant time.
//!
//! **Spec:** BIP340, "Batch Verification"; BIP341, "Script validation rules".

use std::sync::LazyLock;

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher},
};
use quintet_primitives::Hash256;

use self::sum::Term;
use crate::{
    digest::Tag,
    group::{
        curve::{Affine, GENERATOR},
        scalar::{Half, Scalar},
    },
    secp::{CHALLENGE, halves, reduce},
};

mod sum;
#[cfg(test)]
mod tests;

static COEFFICIENTS: LazyLock<Tag> = LazyLock::new(|| Tag::new(b"quintet/schnorr_batch"));

/// Bytes of a coefficient.
const COEFFICIENT_LEN: usize = 16;

/// Signatures and tweaks to be verified together.
///
/// Below some ten of them, single verification is faster; from some hundreds on it takes half the time, with vector
/// instructions a third, and above four thousand more of them gain little. A member takes about 500 bytes while it
/// is verified.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    signatures: Vec<Signature>,
    tweaks: Vec<Tweak>,
}

#[derive(Debug, Clone)]
struct Signature {
    r: [u8; 32],
    s: [u8; 32],
    public_key: [u8; 32],
    challenge: [u8; 32],
}

#[derive(Debug, Clone)]
struct Tweak {
    output_key: [u8; 32],
    parity_odd: bool,
    internal_key: [u8; 32],
    tweak: [u8; 32],
}

impl Batch {
    /// Returns an empty batch, which is valid.
    #[must_use]
    pub const fn new() -> Self {
        Self { signatures: Vec::new(), tweaks: Vec::new() }
    }

    /// Returns how many signatures and tweaks were added.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.signatures.len() + self.tweaks.len()
    }

    /// Returns whether nothing was added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes everything out and keeps the memory.
    pub fn clear(&mut self) {
        self.signatures.clear();
        self.tweaks.clear();
    }

    /// Adds a signature over a message of any length.
    pub fn add_signature(&mut self, signature: &[u8; 64], public_key: &[u8; 32], message: &[u8]) {
        let (r, s) = halves(signature);
        let challenge = CHALLENGE.hash(&[&r, public_key, message]).into_bytes();
        self.signatures.push(Signature { r, s, public_key: *public_key, challenge });
    }

    /// Adds the claim that `output_key`, with a Y of the parity told, is `internal_key + tweak·G`.
    pub fn add_tweak(
        &mut self,
        output_key: &[u8; 32],
        parity_odd: bool,
        internal_key: &[u8; 32],
        tweak: &[u8; 32],
    ) {
        self.tweaks.push(Tweak {
            output_key: *output_key,
            parity_odd,
            internal_key: *internal_key,
            tweak: *tweak,
        });
    }

    /// Returns whether everything added is valid.
    #[must_use]
    pub fn verify(&self) -> bool {
        self.terms().is_some_and(|terms| sum::sum(&terms).is_neutral())
    }

    /// Returns the terms whose sum is zero if all is valid; `None` if something is no point or number.
    fn terms(&self) -> Option<Vec<Term>> {
        let mut terms = Vec::with_capacity(3 * self.signatures.len() + 2 * self.tweaks.len() + 2);
        let mut generator = Scalar::ZERO;
        let mut coefficients = self.coefficients();
        let points = Affine::lift_all(&self.points())?;
        let (pairs, _) = points.as_chunks::<2>();
        let (of_signatures, of_tweaks) = pairs.split_at(self.signatures.len());
        let signatures = self.signatures.iter().zip(of_signatures);
        for ((signature, &[r, key]), coefficient) in signatures.zip(&mut coefficients) {
            let s = Scalar::from_bytes(&signature.s)?;
            let e = Scalar::from_bytes(&reduce(signature.challenge))?;
            let factor = Scalar::from_u128(coefficient);
            generator = generator.plus(s.times(factor));
            terms.push((r, Half { magnitude: coefficient, negative: false }));
            push(&mut terms, key, e.times(factor));
        }
        let tweaks = self.tweaks.iter().zip(of_tweaks);
        for ((tweak, &[output, internal]), coefficient) in tweaks.zip(&mut coefficients) {
            let t = Scalar::from_bytes(&tweak.tweak)?;
            generator = generator.plus(t.times(Scalar::from_u128(coefficient)));
            terms.push((output, Half { magnitude: coefficient, negative: false }));
            terms.push((internal, Half { magnitude: coefficient, negative: true }));
        }
        push(&mut terms, GENERATOR, generator.negated());
        Some(terms)
    }

    /// Returns the X and parities of the points, two a signature and two a tweak.
    fn points(&self) -> Vec<(&[u8; 32], bool)> {
        let signatures = self
            .signatures
            .iter()
            .flat_map(|Signature { r, public_key, .. }| [(r, false), (public_key, false)]);
        let tweaks = self.tweaks.iter().flat_map(|tweak| {
            [(&tweak.output_key, tweak.parity_odd), (&tweak.internal_key, false)]
        });
        signatures.chain(tweaks).collect()
    }

    /// Returns the coefficients, signatures' first: a function of all that was added.
    fn coefficients(&self) -> impl Iterator<Item = u128> {
        let counts = [self.signatures.len(), self.tweaks.len()].map(|count| count as u64);
        let mut parts: Vec<&[u8]> = Vec::with_capacity(4 * self.len() + 2);
        let counts = counts.map(u64::to_le_bytes);
        parts.extend([&counts[0][..], &counts[1]]);
        for Signature { r, s, public_key, challenge } in &self.signatures {
            parts.extend([&r[..], s, public_key, challenge]);
        }
        for Tweak { output_key, parity_odd, internal_key, tweak } in &self.tweaks {
            let parity: &[u8] = if *parity_odd { &[1] } else { &[0] };
            parts.extend([&output_key[..], parity, internal_key, tweak]);
        }
        let seed: Hash256 = COEFFICIENTS.hash(&parts);
        let mut stream = vec![0; COEFFICIENT_LEN * self.len()];
        ChaCha20::new(&seed.into_bytes().into(), &[0; 12].into()).apply_keystream(&mut stream);
        let count = self.len();
        (0..count).map(move |index| {
            let bytes = stream[index * COEFFICIENT_LEN..].first_chunk().copied();
            // Never zero, which would drop an equation.
            u128::from_le_bytes(bytes.unwrap_or_default()).max(1)
        })
    }
}

/// Adds a point times a factor of 256 bits, as two of 128.
fn push(terms: &mut Vec<Term>, point: Affine, factor: Scalar) {
    let (k1, k2) = factor.split();
    terms.push((point, k1));
    terms.push((point.endomorphism(), k2));
}
