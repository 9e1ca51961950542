//! A key of an L1 account and the transactions it signs: what a batcher posts with, and what deploys contracts.

use std::path::Path;

use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, TxEip4844, transaction::RlpEcdsaEncodableTx,
};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Signature, hex, keccak256};
use quintet_crypto::secp::SecretKey;
use thiserror::Error;

/// Largest key file, bytes.
const FILE_MAX: usize = 1_024;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// It is neither a key nor a file that holds one.
    #[error("expected a key of 32 bytes in hexadecimal, or a file that holds one: {reason}")]
    NotAKey {
        /// What is wrong.
        reason: String,
    },
}

/// A key.
#[derive(Clone)]
pub struct Wallet {
    key: SecretKey,
    address: Address,
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Wallet").field(&self.address).finish()
    }
}

impl Wallet {
    /// Takes a key.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the number is none: zero, or not below the curve's order.
    pub fn new(bytes: B256) -> Result<Self, KeyError> {
        let key = SecretKey::from_bytes(&bytes.0)
            .map_err(|error| KeyError::NotAKey { reason: error.to_string() })?;
        let public = key.public_key_uncompressed();
        let address = Address::from_word(keccak256(public.get(1..).unwrap_or_default()));
        Ok(Self { key, address })
    }

    /// Reads a key: hexadecimal digits, or the path of a file with them.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if it is neither.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let bad = |reason: String| KeyError::NotAKey { reason };
        let digits = |text: &str| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(text.trim(), &mut bytes).ok().map(|()| B256::from(bytes))
        };
        if let Some(key) = digits(text) {
            return Self::new(key);
        }
        let content = std::fs::read(Path::new(text)).map_err(|error| bad(error.to_string()))?;
        let content = content.get(..FILE_MAX.min(content.len())).unwrap_or_default();
        let key = digits(&String::from_utf8_lossy(content));
        Self::new(key.ok_or_else(|| bad("the file holds something else".to_owned()))?)
    }

    /// Returns the account's address.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest; `None` never happens with keys that [`Wallet::new`] takes.
    #[must_use]
    pub fn sign_digest(&self, digest: B256) -> Option<Signature> {
        let (compact, odd) = self.key.sign_ecdsa_recoverable(&digest.0)?;
        Some(Signature::from_bytes_and_parity(&compact, odd))
    }

    /// Signs a transaction; empty never happens, see [`Wallet::sign_digest`].
    #[must_use]
    pub fn sign<T>(&self, tx: T) -> Bytes
    where
        T: SignableTransaction<Signature> + RlpEcdsaEncodableTx,
        EthereumTxEnvelope<TxEip4844>: From<alloy_consensus::Signed<T>>,
    {
        let Some(signature) = self.sign_digest(tx.signature_hash()) else { return Bytes::new() };
        let envelope = EthereumTxEnvelope::<TxEip4844>::from(tx.into_signed(signature));
        envelope.encoded_2718().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_digits_and_from_a_file() {
        let digits = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        let address: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse().unwrap();
        assert_eq!(Wallet::read(digits).unwrap().address(), address);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("0x{digits}\n")).unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(Wallet::read(path).unwrap().address(), address);
        assert!(Wallet::read("/nowhere").is_err());
        assert!(Wallet::new(B256::ZERO).is_err());
    }
}
