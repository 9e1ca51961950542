//! Doors to libsecp256k1: ECDSA and Schnorr signatures, tweaks of public keys, Diffie-Hellman.
//!
//! Everything verified one by one comes here; signatures that can wait for company go to
//! [`schnorr_batch`](crate::schnorr_batch). Verification takes bytes as they stand in a transaction and answers yes or no: *why* a signature
//! is bad is nobody's business in a consensus rule.
//!
//! # Invariants
//!
//! - Public keys, signatures and tweaks are hostile bytes: no input panics, and each function says
//!   which encodings it takes.
//! - Secret keys never show in `Debug` output; signing is in constant time, a function of its
//!   arguments alone.

use core::fmt;
use std::sync::LazyLock;

use secp256k1::{
    All, Keypair, Message, Parity, PublicKey, Scalar, Secp256k1, XOnlyPublicKey, ecdh, ecdsa,
    ecdsa::{RecoverableSignature, RecoveryId},
    schnorr,
};
use thiserror::Error;

use crate::digest::Tag;

/// One context for everybody: its tables are immutable, so threads share it freely.
static CONTEXT: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// BIP340's hash of nonce, key and message.
pub(crate) static CHALLENGE: LazyLock<Tag> = LazyLock::new(|| Tag::new(b"BIP0340/challenge"));
static AUX: LazyLock<Tag> = LazyLock::new(|| Tag::new(b"BIP0340/aux"));
static NONCE: LazyLock<Tag> = LazyLock::new(|| Tag::new(b"BIP0340/nonce"));

/// The group order, big-endian.
pub const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// Bytes that name no secret key, or a tweak that leads to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretKeyError {
    /// The bytes are zero or not below the group order.
    #[error("expected a secret key between one and the group order, got one outside")]
    OutOfRange,
    /// The tweak is not below the group order, or key and tweak cancel out.
    #[error("expected a tweak below the group order that does not cancel the key, got another")]
    Tweak,
}

/// Checks an ECDSA signature as blocks have always been checked.
///
/// The signature is read by the lax rules that OpenSSL had when the first blocks were signed
/// (stricter encodings are the caller's own rule, BIP66); its S may be high; the key may be
/// compressed, uncompressed or of the hybrid forms `06` and `07`.
///
/// **Spec:** SEC 1, section 4.1.4; Bitcoin Core's `CPubKey::Verify`.
#[must_use]
pub fn ecdsa_verify(signature_der: &[u8], public_key: &[u8], message: &[u8; 32]) -> bool {
    let Ok(key) = PublicKey::from_slice(public_key) else { return false };
    let Ok(mut signature) = ecdsa::Signature::from_der_lax(signature_der) else { return false };
    signature.normalize_s();
    CONTEXT.verify_ecdsa(&Message::from_digest(*message), &signature, &key).is_ok()
}

/// Checks an ECDSA signature by the strict rules: DER to the letter, and S in the lower half.
///
/// **Spec:** SEC 1, section 4.1.4; BIP66 for the encoding, BIP146 for S.
#[must_use]
pub fn ecdsa_verify_strict(signature_der: &[u8], public_key: &[u8], message: &[u8; 32]) -> bool {
    let Ok(key) = PublicKey::from_slice(public_key) else { return false };
    let Ok(signature) = ecdsa::Signature::from_der(signature_der) else { return false };
    CONTEXT.verify_ecdsa(&Message::from_digest(*message), &signature, &key).is_ok()
}

/// Checks a compact ECDSA signature (R, then S, 32 bytes each) whose S must be low, under a
/// compressed key.
///
/// **Spec:** SEC 1, section 4.1.4.
#[must_use]
pub fn ecdsa_verify_compact(
    signature: &[u8; 64],
    public_key: &[u8; 33],
    message: &[u8; 32],
) -> bool {
    let Ok(key) = PublicKey::from_slice(public_key) else { return false };
    let Ok(signature) = ecdsa::Signature::from_compact(signature) else { return false };
    CONTEXT.verify_ecdsa(&Message::from_digest(*message), &signature, &key).is_ok()
}

/// Checks a compact ECDSA signature (R, then S, 32 bytes each) whose S may be high; keys as [`ecdsa_verify`].
///
/// **Spec:** SEC 1, section 4.1.4.
#[must_use]
pub fn ecdsa_verify_compact_any_s(
    signature: &[u8; 64],
    public_key: &[u8],
    message: &[u8; 32],
) -> bool {
    let Ok(key) = PublicKey::from_slice(public_key) else { return false };
    let Ok(mut signature) = ecdsa::Signature::from_compact(signature) else { return false };
    signature.normalize_s();
    CONTEXT.verify_ecdsa(&Message::from_digest(*message), &signature, &key).is_ok()
}

/// Returns R and S, 32 bytes each, of a signature read by the lax rules; `None` if it is none. Numbers above the order
/// become zeros, which no signature has.
///
/// **Spec:** Bitcoin Core's `ecdsa_signature_parse_der_lax`.
#[must_use]
pub fn ecdsa_compact_from_der_lax(signature_der: &[u8]) -> Option<[u8; 64]> {
    ecdsa::Signature::from_der_lax(signature_der).ok().map(|found| found.serialize_compact())
}

/// Returns the key, X and Y, 32 bytes each, of which a compact signature is, given whether the Y of the point behind R is odd; S may be
/// high.
///
/// The point's X is R itself, never R and the order: Ethereum has no sign for that.
///
/// **Spec:** SEC 1, section 4.1.6; Ethereum yellow paper, appendix F.
#[must_use]
pub fn ecdsa_recover(signature: &[u8; 64], odd: bool, message: &[u8; 32]) -> Option<[u8; 64]> {
    let id = RecoveryId::from_i32(i32::from(odd)).ok()?;
    let signature = RecoverableSignature::from_compact(signature, id).ok()?;
    let key = CONTEXT.recover_ecdsa(&Message::from_digest(*message), &signature).ok()?;
    key.serialize_uncompressed().last_chunk().copied()
}

/// Returns whether an ECDSA signature, read by the lax rules, has an S in the lower half.
///
/// **Spec:** BIP146, `LOW_S`; Bitcoin Core's `CPubKey::CheckLowS`.
#[must_use]
pub fn ecdsa_is_low_s(signature_der: &[u8]) -> bool {
    let Ok(signature) = ecdsa::Signature::from_der_lax(signature_der) else { return false };
    let mut normalised = signature;
    normalised.normalize_s();
    normalised == signature
}

/// Checks a Schnorr signature over a message of 32 bytes, a hash as a rule.
///
/// **Spec:** BIP340, "Verification".
#[must_use]
pub fn schnorr_verify(signature: &[u8; 64], public_key: &[u8; 32], message: &[u8; 32]) -> bool {
    let Ok(key) = XOnlyPublicKey::from_slice(public_key) else { return false };
    let Ok(signature) = schnorr::Signature::from_slice(signature) else { return false };
    CONTEXT.verify_schnorr(&signature, &Message::from_digest(*message), &key).is_ok()
}

/// Checks a Schnorr signature over a message of any length.
///
/// For 32 bytes this is [`schnorr_verify`]; the library takes no other length, so here its group
/// operations are put together as the specification says: `s·G - e·P` must be the R of the
/// signature. Slower by a third.
///
/// **Spec:** BIP340, "Verification" and "Messages of Arbitrary Size".
#[must_use]
pub fn schnorr_verify_any(signature: &[u8; 64], public_key: &[u8; 32], message: &[u8]) -> bool {
    if let Ok(message) = message.try_into() {
        return schnorr_verify(signature, public_key, message);
    }
    let Ok(key) = XOnlyPublicKey::from_slice(public_key) else { return false };
    let (r, s) = halves(signature);
    let Ok(s) = Scalar::from_be_bytes(s) else { return false };
    let e = reduce(CHALLENGE.hash(&[&r, public_key, message]).into_bytes());
    // A challenge of zero cannot be found by trying, so a refusal does not differ from the rule.
    let Ok(e) = secp256k1::SecretKey::from_slice(&e) else { return false };
    let point = key
        .public_key(Parity::Even)
        .mul_tweak(&CONTEXT, &e.negate().into())
        .and_then(|point| point.add_exp_tweak(&CONTEXT, &s));
    point.is_ok_and(|point| {
        let (x, parity) = point.x_only_public_key();
        parity == Parity::Even && x.serialize() == r
    })
}

/// Checks that `output_key`, with a Y of the parity told, is `internal_key + tweak·G`.
///
/// False too if `internal_key` is no X of the curve or `tweak` is not below the group order.
///
/// **Spec:** BIP341, "Script validation rules"; Bitcoin Core's `XOnlyPubKey::CheckTapTweak`, the
/// hash aside, which the caller has computed.
#[must_use]
pub fn tweak_check(
    output_key: &[u8; 32],
    parity_odd: bool,
    internal_key: &[u8; 32],
    tweak: &[u8; 32],
) -> bool {
    tweak_add(internal_key, tweak) == Some((*output_key, parity_odd))
}

/// Returns `internal_key + tweak·G` and whether its Y is odd; `None` where there is no such key.
///
/// **Spec:** BIP341, `taproot_tweak_pubkey`.
#[must_use]
pub fn tweak_add(internal_key: &[u8; 32], tweak: &[u8; 32]) -> Option<([u8; 32], bool)> {
    let internal = XOnlyPublicKey::from_slice(internal_key).ok()?;
    let tweak = Scalar::from_be_bytes(*tweak).ok()?;
    // Not the library's own check: it would have the output key parsed first, a square root more.
    let (output, parity) = internal.add_tweak(&CONTEXT, &tweak).ok()?;
    Some((output.serialize(), parity == Parity::Odd))
}

/// Returns whether the bytes are a public key [`ecdsa_verify`] would take.
///
/// **Spec:** SEC 1, section 2.3.4; Bitcoin Core's `CPubKey::IsFullyValid`.
#[must_use]
pub fn is_public_key(bytes: &[u8]) -> bool {
    PublicKey::from_slice(bytes).is_ok()
}

/// Returns whether the 32 bytes are the X of a point.
///
/// **Spec:** BIP340, `lift_x`; Bitcoin Core's `XOnlyPubKey::IsFullyValid`.
#[must_use]
pub fn is_x_only_public_key(bytes: &[u8; 32]) -> bool {
    XOnlyPublicKey::from_slice(bytes).is_ok()
}

/// A key that signs. Its `Debug` form shows the public half only.
#[derive(Clone)]
pub struct SecretKey(Keypair);

impl SecretKey {
    /// Takes the key as a big-endian number.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError::OutOfRange`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SecretKeyError> {
        Keypair::from_seckey_slice(&CONTEXT, bytes)
            .map(Self)
            .map_err(|_| SecretKeyError::OutOfRange)
    }

    /// Returns the key as a big-endian number, for whoever stores it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.secret_bytes()
    }

    /// Returns the public key, compressed.
    #[must_use]
    pub fn public_key(&self) -> [u8; 33] {
        self.0.public_key().serialize()
    }

    /// Returns the public key in the long form: `04`, X, Y.
    #[must_use]
    pub fn public_key_uncompressed(&self) -> [u8; 65] {
        self.0.public_key().serialize_uncompressed()
    }

    /// Returns the X of the public key and whether its Y is odd.
    #[must_use]
    pub fn x_only_public_key(&self) -> ([u8; 32], bool) {
        let (key, parity) = self.0.x_only_public_key();
        (key.serialize(), parity == Parity::Odd)
    }

    /// Returns the key of [`tweak_add`]'s output key.
    ///
    /// **Spec:** BIP341, `taproot_tweak_seckey`.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError::Tweak`].
    pub fn tweaked(&self, tweak: &[u8; 32]) -> Result<Self, SecretKeyError> {
        let tweak = Scalar::from_be_bytes(*tweak).map_err(|_| SecretKeyError::Tweak)?;
        let pair = self.0.add_xonly_tweak(&CONTEXT, &tweak);
        pair.map(Self).map_err(|_| SecretKeyError::Tweak)
    }

    /// Signs by ECDSA with the nonce of RFC 6979 and a low S; returns the DER form.
    #[must_use]
    pub fn sign_ecdsa(&self, message: &[u8; 32]) -> Vec<u8> {
        let message = Message::from_digest(*message);
        CONTEXT.sign_ecdsa(&message, &self.0.secret_key()).serialize_der().to_vec()
    }

    /// Signs as [`Self::sign_ecdsa`], with nonces tried until R needs no 33rd byte: a signature of at
    /// most 70 bytes, as wallets count on.
    ///
    /// **Spec:** Bitcoin Core's `CKey::Sign` with `grind`.
    #[must_use]
    pub fn sign_ecdsa_low_r(&self, message: &[u8; 32]) -> Vec<u8> {
        let message = Message::from_digest(*message);
        CONTEXT.sign_ecdsa_low_r(&message, &self.0.secret_key()).serialize_der().to_vec()
    }

    /// Signs as [`Self::sign_ecdsa`]; returns R and S, 32 bytes each, and whether the Y of the point behind R is odd.
    ///
    /// `None` for the one signature in 2^128 whose point has an X above the order.
    #[must_use]
    pub fn sign_ecdsa_recoverable(&self, message: &[u8; 32]) -> Option<([u8; 64], bool)> {
        let message = Message::from_digest(*message);
        let signature = CONTEXT.sign_ecdsa_recoverable(&message, &self.0.secret_key());
        let (id, signature) = signature.serialize_compact();
        match id.to_i32() {
            id @ 0..=1 => Some((signature, id == 1)),
            _ => None,
        }
    }

    /// Signs a message of any length by BIP340; `aux` is fresh randomness, or zeros.
    ///
    /// **Spec:** BIP340, "Default Signing".
    #[must_use]
    pub fn sign_schnorr(&self, message: &[u8], aux: &[u8; 32]) -> [u8; 64] {
        if let Ok(message) = message.try_into() {
            let message = Message::from_digest(message);
            return CONTEXT.sign_schnorr_with_aux_rand(&message, &self.0, aux).serialize();
        }
        // Zero nonces, challenges and sums cannot be found by trying; the specification fails there.
        self.sign_schnorr_any(message, aux).unwrap_or([0; 64])
    }

    /// Returns the X of the shared point: Diffie-Hellman without a hash.
    ///
    /// `None` if `public_key` is no point in an encoding of SEC 1.
    #[must_use]
    pub fn shared_x(&self, public_key: &[u8]) -> Option<[u8; 32]> {
        let key = PublicKey::from_slice(public_key).ok()?;
        let point = ecdh::shared_secret_point(&key, &self.0.secret_key());
        point.first_chunk().copied()
    }

    fn sign_schnorr_any(&self, message: &[u8], aux: &[u8; 32]) -> Option<[u8; 64]> {
        let (public, odd) = self.x_only_public_key();
        let secret = even(self.0.secret_key(), odd);
        let mut masked = secret.secret_bytes();
        let mask = AUX.hash(&[aux]);
        masked.iter_mut().zip(mask.as_bytes()).for_each(|(byte, mask)| *byte ^= mask);
        let nonce = reduce(NONCE.hash(&[&masked, &public, message]).into_bytes());
        let nonce = secp256k1::SecretKey::from_slice(&nonce).ok()?;
        let (r, parity) = nonce.x_only_public_key(&CONTEXT);
        let nonce = even(nonce, parity == Parity::Odd);
        let e = reduce(CHALLENGE.hash(&[&r.serialize(), &public, message]).into_bytes());
        let e = Scalar::from_be_bytes(e).ok()?;
        let s = secret.mul_tweak(&e).ok()?.add_tweak(&nonce.into()).ok()?;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r.serialize());
        signature[32..].copy_from_slice(&s.secret_bytes());
        Some(signature)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(public {})", quintet_primitives::hex::encode(&self.public_key()))
    }
}

fn even(key: secp256k1::SecretKey, odd: bool) -> secp256k1::SecretKey {
    if odd { key.negate() } else { key }
}

/// Splits a signature into R's X and s.
pub(crate) fn halves(signature: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (mut r, mut s) = ([0; 32], [0; 32]);
    r.copy_from_slice(&signature[..32]);
    s.copy_from_slice(&signature[32..]);
    (r, s)
}

/// Reduces a hash modulo the group order, which it exceeds at most once.
pub(crate) fn reduce(mut number: [u8; 32]) -> [u8; 32] {
    if number >= ORDER {
        let mut borrow = false;
        for (digit, order) in number.iter_mut().zip(ORDER).rev() {
            let (less, first) = digit.overflowing_sub(order);
            let (less, second) = less.overflowing_sub(u8::from(borrow));
            (*digit, borrow) = (less, first || second);
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quintet_primitives::hex;

    use super::*;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32]).unwrap()
    }

    #[test]
    fn signs_and_verifies_by_ecdsa_in_every_form_of_the_key() {
        let (key, message) = (key(7), [9; 32]);
        let long = key.public_key_uncompressed();
        let mut hybrid = long;
        hybrid[0] = 6 + (long[64] & 1);
        for signature in [key.sign_ecdsa(&message), key.sign_ecdsa_low_r(&message)] {
            assert!(ecdsa_is_low_s(&signature));
            assert!(ecdsa_verify(&signature, &key.public_key(), &message));
            assert!(ecdsa_verify(&signature, &long, &message));
            assert!(ecdsa_verify(&signature, &hybrid, &message));
            assert!(!ecdsa_verify(&signature, &key.public_key(), &[8; 32]));
        }
        hybrid[0] ^= 1;
        assert!(!ecdsa_verify(&key.sign_ecdsa(&message), &hybrid, &message), "parity must fit");
    }

    #[test]
    fn takes_the_lax_encodings_of_old_blocks_and_a_high_s() {
        let (key, message) = (key(3), [1; 32]);
        let strict = key.sign_ecdsa(&message);
        let mut padded = strict.clone();
        padded.push(0);
        assert!(ecdsa_verify(&padded, &key.public_key(), &message), "bytes after the sequence");

        let compact = ecdsa::Signature::from_der(&strict).unwrap().serialize_compact();
        let s = secp256k1::SecretKey::from_slice(&compact[32..]).unwrap().negate();
        let mut high = compact;
        high[32..].copy_from_slice(&s.secret_bytes());
        assert!(ecdsa_verify_compact(&compact, &key.public_key(), &message));
        assert!(!ecdsa_verify_compact(&high, &key.public_key(), &message));
        let high = ecdsa::Signature::from_compact(&high).unwrap().serialize_der();
        assert!(!ecdsa_is_low_s(&high));
        assert!(ecdsa_verify(&high, &key.public_key(), &message));
    }

    #[test]
    fn refuses_nonsense_without_a_panic() {
        for bytes in [&[][..], &[0x30], &[2; 33], &[4; 65], &[0; 200]] {
            assert!(!ecdsa_verify(bytes, bytes, &[0; 32]));
        }
        assert!(!schnorr_verify(&[0xff; 64], &[0xff; 32], &[0; 32]));
        assert!(!tweak_check(&[0; 32], false, &[0; 32], &[0; 32]));
        assert_eq!(SecretKey::from_bytes(&ORDER).unwrap_err(), SecretKeyError::OutOfRange);
        assert_eq!(SecretKey::from_bytes(&[0; 32]).unwrap_err(), SecretKeyError::OutOfRange);
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let shown = format!("{:?}", key(0x5a));
        assert!(!shown.contains(&hex::encode(&[0x5a; 32])), "{shown}");
    }

    #[test]
    fn a_hash_above_the_order_is_reduced() {
        let mut above = ORDER;
        above[31] += 5;
        let mut five = [0; 32];
        five[31] = 5;
        assert_eq!(reduce(above), five);
        assert_eq!(reduce(five), five);
        assert_eq!(reduce(ORDER), [0; 32]);
        assert_eq!(
            reduce([0xff; 32])[16..],
            [
                0x45, 0x51, 0x23, 0x19, 0x50, 0xb7, 0x5f, 0xc4, 0x40, 0x2d, 0xa1, 0x73, 0x2f, 0xc9,
                0xbe, 0xbe
            ]
        );
    }

    proptest! {
        #[test]
        fn a_tweaked_key_signs_for_the_tweaked_public_key(seed in 1_u8..255, tweak: [u8; 32], message: [u8; 32]) {
            let internal = key(seed);
            let (x, _) = internal.x_only_public_key();
            let Some((output, odd)) = tweak_add(&x, &tweak) else { return Ok(()) };
            prop_assert!(tweak_check(&output, odd, &x, &tweak));
            prop_assert!(!tweak_check(&output, !odd, &x, &tweak));
            let tweaked = internal.tweaked(&tweak).unwrap();
            prop_assert_eq!(tweaked.x_only_public_key(), (output, odd));
            let signature = tweaked.sign_schnorr(&message, &tweak);
            prop_assert!(schnorr_verify(&signature, &output, &message));
        }

        #[test]
        fn messages_of_any_length_are_signed_and_bound(seed in 1_u8..255, mut message: Vec<u8>, bit in 0_usize..512) {
            let key = key(seed);
            let (x, _) = key.x_only_public_key();
            let mut signature = key.sign_schnorr(&message, &[seed; 32]);
            prop_assert!(schnorr_verify_any(&signature, &x, &message));
            message.push(0);
            prop_assert!(!schnorr_verify_any(&signature, &x, &message));
            message.pop();
            signature[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!schnorr_verify_any(&signature, &x, &message));
        }
    }
}
