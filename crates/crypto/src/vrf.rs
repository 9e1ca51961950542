//! A verifiable random function on Curve25519: what its owner alone can compute of a message, and everybody can check.
//!
//! ```text
//!   secret, message ──► prove ──► proof (80 bytes) ──► output (64 bytes)
//!   public, message, proof ──► verify ──► the same output, or nothing
//! ```
//!
//! # Invariants
//!
//! - For a key and a message there is one output, whoever made the proof: keys and points of small order and encodings that are not
//!   canonical are refused.
//! - A proof is a function of key and message; no randomness is drawn.
//!
//! **Spec:** RFC 9381, ECVRF-EDWARDS25519-SHA512-TAI (section 5.5), with the check of keys of section 5.4.5.

use core::fmt;

use curve25519_dalek::{
    EdwardsPoint, Scalar,
    edwards::CompressedEdwardsY,
    scalar::clamp_integer,
    traits::{IsIdentity as _, VartimeMultiscalarMul as _},
};
use thiserror::Error;

use crate::digest::sha512;

/// Length of a public key, in bytes.
pub const PUBLIC_KEY_LEN: usize = 32;

/// Length of a proof, in bytes: a point, a challenge of 16 bytes, a scalar.
pub const PROOF_LEN: usize = 80;

/// Length of an output, in bytes.
pub const OUTPUT_LEN: usize = 64;

/// `suite_string`.
const SUITE: u8 = 3;
/// Length of a challenge (`cLen`), in bytes.
const CHALLENGE_LEN: usize = 16;

/// Domain separators of section 5.4 and 5.2, and what closes every input to the hash.
const ENCODE_TO_CURVE: u8 = 1;
const CHALLENGE: u8 = 2;
const PROOF_TO_HASH: u8 = 3;
const BACK: u8 = 0;

/// Why a proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VrfError {
    /// The key is no point, or one of small order.
    #[error("the public key is no point of the curve that may be a key")]
    PublicKey,
    /// The proof's point or scalar is not in its canonical encoding.
    #[error("the proof is not encoded canonically")]
    Proof,
    /// The message has no point; nobody has seen one.
    #[error("no point of the curve belongs to the message")]
    Message,
    /// The proof is not of this key and message.
    #[error("the proof does not match the public key and the message")]
    Mismatch,
}

/// What the function gives for a message.
pub type Output = [u8; OUTPUT_LEN];

/// A proof that an output is a key's.
pub type Proof = [u8; PROOF_LEN];

/// A key that proves. Its `Debug` form shows the public half only.
#[derive(Clone)]
pub struct SecretKey {
    scalar: Scalar,
    /// Second half of the seed's hash, which nonces come from.
    prefix: [u8; 32],
    public: [u8; PUBLIC_KEY_LEN],
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(public {})", quintet_primitives::hex::encode(&self.public))
    }
}

impl SecretKey {
    /// Derives the key from 32 bytes, as Ed25519 does.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let hashed = sha512(&[seed]);
        let (low, high) = hashed.split_at(32);
        let scalar = Scalar::from_bytes_mod_order(clamp_integer(array(low)));
        let public = EdwardsPoint::mul_base(&scalar).compress().to_bytes();
        Self { scalar, prefix: array(high), public }
    }

    /// Returns the public key.
    #[must_use]
    pub const fn public_key(&self) -> [u8; PUBLIC_KEY_LEN] {
        self.public
    }

    /// Computes the output for a message, with its proof.
    ///
    /// # Errors
    ///
    /// [`VrfError::Message`] if the message has no point, of which the chance is 2 to the power of -256.
    pub fn prove(&self, message: &[u8]) -> Result<(Output, Proof), VrfError> {
        let point = encode_to_curve(&self.public, message)?;
        let gamma = self.scalar * point;
        let nonce = sha512(&[&self.prefix, point.compress().as_bytes()]);
        let nonce = Scalar::from_bytes_mod_order_wide(&nonce);
        let (u, v) = (EdwardsPoint::mul_base(&nonce), nonce * point);
        let challenge = challenge(&self.public, &[&point, &gamma, &u, &v]);
        let answer = nonce + scalar_of(&challenge) * self.scalar;
        let mut proof = [0; PROOF_LEN];
        let gamma_bytes = gamma.compress();
        let parts: [&[u8]; 3] = [gamma_bytes.as_bytes(), &challenge, answer.as_bytes()];
        for (to, from) in proof.iter_mut().zip(parts.concat()) {
            *to = from;
        }
        Ok((output_of(&gamma), proof))
    }
}

/// Checks a proof and returns the output it is of.
///
/// # Errors
///
/// [`VrfError`] says what does not hold.
pub fn verify(
    public_key: &[u8; PUBLIC_KEY_LEN],
    message: &[u8],
    proof: &Proof,
) -> Result<Output, VrfError> {
    let key = canonical_point(public_key).filter(|key| !key.is_small_order());
    let key = key.ok_or(VrfError::PublicKey)?;
    let (gamma, claimed, answer) = decode(proof)?;
    let point = encode_to_curve(public_key, message)?;
    let minus = -scalar_of(&claimed);
    let u = EdwardsPoint::vartime_double_scalar_mul_basepoint(&minus, &key, &answer);
    let v = EdwardsPoint::vartime_multiscalar_mul([answer, minus], [point, gamma]);
    if challenge(public_key, &[&point, &gamma, &u, &v]) != claimed {
        return Err(VrfError::Mismatch);
    }
    Ok(output_of(&gamma))
}

/// `ECVRF_decode_proof`, section 5.4.4.
fn decode(proof: &Proof) -> Result<(EdwardsPoint, [u8; CHALLENGE_LEN], Scalar), VrfError> {
    let (gamma, rest) = proof.split_at(32);
    let (challenge, answer) = rest.split_at(CHALLENGE_LEN);
    let gamma = canonical_point(&array(gamma)).ok_or(VrfError::Proof)?;
    let answer = Option::from(Scalar::from_canonical_bytes(array(answer)));
    Ok((gamma, array(challenge), answer.ok_or(VrfError::Proof)?))
}

/// Reads a point as RFC 8032 does: one encoding for each.
fn canonical_point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let compressed = CompressedEdwardsY(*bytes);
    compressed.decompress().filter(|point| point.compress() == compressed)
}

/// `ECVRF_encode_to_curve_try_and_increment`, section 5.4.1.1; the salt is the key.
fn encode_to_curve(public_key: &[u8; 32], message: &[u8]) -> Result<EdwardsPoint, VrfError> {
    for attempt in 0..=u8::MAX {
        let hashed = sha512(&[&[SUITE, ENCODE_TO_CURVE], public_key, message, &[attempt], &[BACK]]);
        let (low, _) = hashed.split_at(32);
        let Some(point) = canonical_point(&array(low)) else { continue };
        let point = point.mul_by_cofactor();
        if !point.is_identity() {
            return Ok(point);
        }
    }
    Err(VrfError::Message)
}

/// `ECVRF_challenge_generation`, section 5.4.3.
fn challenge(public_key: &[u8; 32], points: &[&EdwardsPoint; 4]) -> [u8; CHALLENGE_LEN] {
    let [a, b, c, d] = points.map(|point| point.compress().to_bytes());
    let hashed = sha512(&[&[SUITE, CHALLENGE], public_key, &a, &b, &c, &d, &[BACK]]);
    let (front, _) = hashed.split_at(CHALLENGE_LEN);
    array(front)
}

/// `ECVRF_proof_to_hash`, section 5.2.
fn output_of(gamma: &EdwardsPoint) -> Output {
    let point = gamma.mul_by_cofactor().compress();
    sha512(&[&[SUITE, PROOF_TO_HASH], point.as_bytes(), &[BACK]])
}

fn scalar_of(challenge: &[u8; CHALLENGE_LEN]) -> Scalar {
    Scalar::from(u128::from_le_bytes(*challenge))
}

/// Copies a slice whose length the caller split off.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}

#[cfg(test)]
mod tests;
