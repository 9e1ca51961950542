//! A validator's keys: one secret of 32 bytes, from which all others come.

use alloy_primitives::{Address, keccak256};
use quintet_crypto::{secp, vrf};
use quintet_lux_protocol::signature;

/// A secret that makes no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the 32 bytes are no secret key of secp256k1: make another one with `quintet lux new`")]
pub struct KeyError;

/// A validator's keys. Their `Debug` form shows the address alone.
#[derive(Clone)]
pub struct ValidatorKeys {
    /// Signs blocks and votes.
    pub(super) secp: secp::SecretKey,
    /// Proves randomness.
    pub(super) vrf: vrf::SecretKey,
    address: Address,
}

impl std::fmt::Debug for ValidatorKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ValidatorKeys({})", self.address)
    }
}

impl ValidatorKeys {
    /// Derives all keys from a secret.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for the few secrets that are no key.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, KeyError> {
        let seed = keccak256([&b"luxtensor/vrf-key/1"[..], secret].concat()).0;
        let secp = secp::SecretKey::from_bytes(secret).map_err(|_| KeyError)?;
        let address = signature::address(&secp).ok_or(KeyError)?;
        let vrf = vrf::SecretKey::from_seed(&seed);
        Ok(Self { secp, vrf, address })
    }

    /// Who the validator is.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Public key of its random function, for the genesis.
    #[must_use]
    pub const fn vrf_key(&self) -> [u8; 32] {
        self.vrf.public_key()
    }
}
