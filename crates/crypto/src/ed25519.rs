//! Ed25519 signatures.
//!
//! Verification is strict: keys of small order and non-canonical encodings are refused, so that
//! everybody agrees on what is valid and a signature cannot be changed into another valid one.
//!
//! **Spec:** RFC 8032, section 5.1.

use core::fmt;

use ed25519_dalek::{
    SigningKey,
    hazmat::{ExpandedSecretKey, raw_sign},
};
use sha2::Sha512;
use thiserror::Error;

/// Length of a public key, in bytes.
pub const PUBLIC_KEY_LEN: usize = 32;

/// Length of a signature, in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// Why a signature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The 32 bytes are no point of the curve.
    #[error("the public key is no point of the curve")]
    PublicKey,
    /// The signature is not by this key over this message.
    #[error("the signature does not match the public key and the message")]
    Mismatch,
}

/// A key that signs. Its `Debug` form shows the public half only.
#[derive(Clone)]
pub struct SecretKey(Form);

#[derive(Clone)]
enum Form {
    Seed(Box<SigningKey>),
    Expanded { secret: Box<[u8; 64]>, public: [u8; PUBLIC_KEY_LEN] },
}

impl SecretKey {
    /// Derives the key from its 32-byte seed, the form RFC 8032 calls the private key.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Form::Seed(Box::new(SigningKey::from_bytes(seed))))
    }

    /// Takes the 64-byte expanded form: scalar, then nonce prefix. BEP 44 quotes its keys so.
    #[must_use]
    pub fn from_expanded(bytes: &[u8; 64]) -> Self {
        let expanded = ExpandedSecretKey::from_bytes(bytes);
        let public = ed25519_dalek::VerifyingKey::from(&expanded).to_bytes();
        Self(Form::Expanded { secret: Box::new(*bytes), public })
    }

    /// Returns the public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_LEN] {
        match &self.0 {
            Form::Seed(key) => key.verifying_key().to_bytes(),
            Form::Expanded { public, .. } => *public,
        }
    }

    /// Signs `message`; the signature is a function of key and message alone.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        match &self.0 {
            Form::Seed(key) => {
                let expanded = ExpandedSecretKey::from(&key.to_bytes());
                raw_sign::<Sha512>(&expanded, message, &key.verifying_key()).to_bytes()
            }
            Form::Expanded { secret, .. } => {
                let expanded = ExpandedSecretKey::from_bytes(secret);
                let public = ed25519_dalek::VerifyingKey::from(&expanded);
                raw_sign::<Sha512>(&expanded, message, &public).to_bytes()
            }
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(public {})", quintet_primitives::hex::encode(&self.public_key()))
    }
}

/// Checks that `signature` is by the owner of `public_key` over `message`.
///
/// # Errors
///
/// [`SignatureError`] says whether the key or the signature is bad.
pub fn verify(
    public_key: &[u8; PUBLIC_KEY_LEN],
    message: &[u8],
    signature: &[u8; SIGNATURE_LEN],
) -> Result<(), SignatureError> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(public_key)
        .map_err(|_| SignatureError::PublicKey)?;
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    key.verify_strict(message, &signature).map_err(|_| SignatureError::Mismatch)
}

#[cfg(test)]
mod tests {
    use quintet_primitives::hex;

    use super::*;

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn signs_as_the_rfc_does() {
        let seed =
            hex::decode_array("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
                .unwrap();
        let key = SecretKey::from_seed(&seed);
        assert_eq!(
            hex::encode(&key.public_key()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        );
        let signature = key.sign(&[0x72]);
        assert_eq!(
            hex::encode(&signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert_eq!(verify(&key.public_key(), &[0x72], &signature), Ok(()));
    }

    #[test]
    fn refuses_a_signature_with_any_bit_flipped() {
        let key = SecretKey::from_seed(&[7; 32]);
        let signature = key.sign(b"message");
        for bit in 0..SIGNATURE_LEN * 8 {
            let mut flipped = signature;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&key.public_key(), b"message", &flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn refuses_a_key_of_small_order() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert_eq!(verify(&identity, b"anything", &signature), Err(SignatureError::Mismatch));
    }
}
