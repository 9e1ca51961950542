//! ECDSA signatures verified, and public keys recovered, eight side by side: an answer for each, in a quarter of the time.
//!
//! ```text
//! verify    R = (m/s) G + (r/s) Q           valid if R's X is r, modulo the order
//! recover   Q = (s/r) R - (m/r) G           R lifted from r and a parity
//!
//! items ─► numbers read, inverted together ─► lanes of eight ─┬─ proven ──────────────► the lanes' answer
//!      └─ a number out of range, no point, too few items ────┴─ not proven ─► libsecp256k1's answer
//! ```
//!
//! # What an answer means
//!
//! The same as libsecp256k1's for that item alone; no item's answer depends on another's. Lanes only ever say yes. What
//! they do not prove, whatever the reason, is left to libsecp256k1, so a no is always its no, and costs both ways.
//!
//! Why a lane's yes is right: r and s are between one and the order, the key is a point of the curve (its equation is checked, also where Y is a
//! computed root), the digits of both factors stand for them whatever their value, and the sum of points is right
//! wherever its last Z is not zero: see `ifma`, which tells why. Then `r Z² = X` says that the affine X is r itself. That X may also be `r + n`
//! below the field's modulus, for one r in 2^128: libsecp256k1 knows, and is asked.
//!
//! # Invariants
//!
//! - Nothing here is secret and nothing is in constant time.
//! - At most [`PART`] items are under way at a time, about 400 bytes each.
//! - Without AVX-512 IFMA everything is libsecp256k1's.
//!
//! **Spec:** SEC 1, sections 4.1.4 and 4.1.6.

#[cfg(target_arch = "x86_64")]
use self::lanes::Lanes;
use crate::secp;

#[cfg(target_arch = "x86_64")]
mod digits;
#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(test)]
mod tests;

/// Items that share an inversion, and the memory of their numbers.
pub const PART: usize = 256;

/// An ECDSA signature to be verified.
#[derive(Debug, Clone, Copy)]
pub struct EcdsaItem<'a> {
    signature: [u8; 64],
    public_key: &'a [u8],
    message: &'a [u8; 32],
}

impl<'a> EcdsaItem<'a> {
    /// Takes a signature as r and s, 32 bytes each. Both s and its negation are valid: that it be the lower one is the
    /// caller's own rule.
    ///
    /// The key is of any form that [`secp::ecdsa_verify`] takes.
    #[must_use]
    pub const fn new(signature: [u8; 64], public_key: &'a [u8], message: &'a [u8; 32]) -> Self {
        Self { signature, public_key, message }
    }

    /// Takes a signature by the lax rules of [`secp::ecdsa_verify`]; `None` if it is none by these.
    #[must_use]
    pub fn from_der_lax(
        signature_der: &[u8],
        public_key: &'a [u8],
        message: &'a [u8; 32],
    ) -> Option<Self> {
        let signature = secp::ecdsa_compact_from_der_lax(signature_der)?;
        Some(Self::new(signature, public_key, message))
    }

    fn verify(&self) -> bool {
        secp::ecdsa_verify_compact_any_s(&self.signature, self.public_key, self.message)
    }
}

/// A signature whose key is to be recovered.
#[derive(Debug, Clone, Copy)]
pub struct RecoverItem {
    /// r and s, 32 bytes each; s may be high.
    pub signature: [u8; 64],
    /// Whether the Y of the point behind r is odd.
    pub odd: bool,
    /// The hash that was signed.
    pub message: [u8; 32],
}

impl RecoverItem {
    fn recover(&self) -> Option<[u8; 64]> {
        secp::ecdsa_recover(&self.signature, self.odd, &self.message)
    }
}

/// Returns for each signature whether it is valid, as [`secp::ecdsa_verify`] would.
#[must_use]
pub fn verify_ecdsa_many(items: &[EcdsaItem<'_>]) -> Vec<bool> {
    let answers = items.chunks(PART).flat_map(|items| {
        let proven = proven(items).into_iter();
        items.iter().zip(proven).map(|(item, proven)| proven || item.verify())
    });
    answers.collect()
}

/// Returns whether every signature is valid; looks no further than at the first that is not, and those verified beside it.
#[must_use]
pub fn are_all_valid(items: &[EcdsaItem<'_>]) -> bool {
    items.chunks(PART).all(|items| {
        let proven = proven(items).into_iter();
        items.iter().zip(proven).all(|(item, proven)| proven || item.verify())
    })
}

/// Returns which signatures lanes prove to be valid.
fn proven(items: &[EcdsaItem<'_>]) -> Vec<bool> {
    let mut proven = vec![false; items.len()];
    #[cfg(target_arch = "x86_64")]
    if let Some(lanes) = Lanes::for_items(items.len()) {
        lanes.verify(items, &mut proven);
    }
    proven
}

/// Returns for each signature the key it is of, X and Y, 32 bytes each, as [`secp::ecdsa_recover`] would.
#[must_use]
pub fn recover_many(items: &[RecoverItem]) -> Vec<Option<[u8; 64]>> {
    let mut keys = vec![None; items.len()];
    for (items, keys) in items.chunks(PART).zip(keys.chunks_mut(PART)) {
        #[cfg(target_arch = "x86_64")]
        if let Some(lanes) = Lanes::for_items(items.len()) {
            lanes.recover(items, keys);
        }
        for (item, key) in items.iter().zip(keys) {
            *key = key.or_else(|| item.recover());
        }
    }
    keys
}
