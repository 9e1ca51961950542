//! Messages people sign to show that a key is theirs.
//!
//! **Spec:** KIP-5.

use quintet_crypto::secp::{SecretKey, schnorr_verify};
use quintet_primitives::Hash256;

use crate::hashing::Blake2b;

/// Returns what is signed of a message: no transaction has a signature hash of this domain.
#[must_use]
pub fn message_hash(message: &[u8]) -> Hash256 {
    Blake2b::PERSONAL_MESSAGE_SIGNING_HASH.hash(&[message])
}

/// Signs a message; `aux` is fresh randomness, or zeros.
#[must_use]
pub fn sign_message(key: &SecretKey, message: &[u8], aux: &[u8; 32]) -> [u8; 64] {
    key.sign_schnorr(message_hash(message).as_bytes(), aux)
}

/// Returns whether a message was signed by the key with this X.
#[must_use]
pub fn verify_message(signature: &[u8; 64], public_key: &[u8; 32], message: &[u8]) -> bool {
    schnorr_verify(signature, public_key, message_hash(message).as_bytes())
}
