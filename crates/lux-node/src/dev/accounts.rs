//! Accounts of a development chain: keys from a phrase everybody knows, and money from nobody.
//!
//! **Spec:** BIP-39, BIP-32, BIP-44 (`m/44'/60'/0'/0/i`).

use alloy_consensus::{SignableTransaction, TypedTransaction};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use bitcoin::{
    Network,
    bip32::{ChildNumber, DerivationPath, Xpriv},
    secp256k1::Secp256k1,
};
use quintet_crypto::secp::SecretKey;
use quintet_eth::tx::EthTransaction;

/// The phrase of anvil and hardhat.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// Accounts where nobody says otherwise.
pub const ACCOUNTS_DEFAULT: u32 = 10;

/// Most accounts.
pub const ACCOUNTS_MAX: u32 = 10_000;

/// Why a phrase gives no accounts.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// It is no phrase.
    #[error("expected 12 to 24 words of BIP-39 with a right checksum: {0}")]
    Phrase(#[from] bip39::Error),
    /// Too many are asked for.
    #[error("{actual} accounts are asked for, expected at most {ACCOUNTS_MAX}")]
    Count {
        /// Their number.
        actual: u32,
    },
    /// A key cannot be derived: one in 2^127.
    #[error("account {index} cannot be derived: choose another phrase")]
    Key {
        /// Which one.
        index: u32,
    },
}

/// An account whose key everybody knows.
#[derive(Clone)]
pub struct DevAccount {
    secret: SecretKey,
    /// Its address.
    pub address: Address,
}

impl std::fmt::Debug for DevAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DevAccount").field(&self.address).finish()
    }
}

impl DevAccount {
    /// The key, which is no secret.
    #[must_use]
    pub fn key(&self) -> B256 {
        B256::new(self.secret.to_bytes())
    }

    /// Signs a digest; `None` never happens with such keys.
    #[must_use]
    pub fn sign_digest(&self, digest: &B256) -> Option<Signature> {
        let (compact, odd) = self.secret.sign_ecdsa_recoverable(&digest.0)?;
        Some(Signature::from_bytes_and_parity(&compact, odd))
    }

    /// Signs a transaction; `None` if it has blobs, which travel beside it.
    #[must_use]
    pub fn sign(&self, transaction: TypedTransaction) -> Option<EthTransaction> {
        let signature = self.sign_digest(&digest(&transaction))?;
        with_signature(transaction, signature)
    }
}

/// Derives accounts from a phrase.
///
/// # Errors
///
/// [`AccountsError`] if it is no phrase, or too many are asked for.
pub fn accounts(phrase: &str, count: u32) -> Result<Vec<DevAccount>, AccountsError> {
    if count > ACCOUNTS_MAX {
        return Err(AccountsError::Count { actual: count });
    }
    let seed = bip39::Mnemonic::parse(phrase)?.to_seed("");
    let secp = Secp256k1::new();
    let hard = |index| ChildNumber::Hardened { index };
    let soft = |index| ChildNumber::Normal { index };
    let path = DerivationPath::from(vec![hard(44), hard(60), hard(0), soft(0)]);
    let parent = Xpriv::new_master(Network::Bitcoin, &seed)
        .and_then(|master| master.derive_priv(&secp, &path));
    let account = |index| {
        let missing = AccountsError::Key { index };
        let child = parent
            .as_ref()
            .ok()
            .and_then(|parent| parent.derive_priv(&secp, &[soft(index)]).ok())
            .and_then(|child| SecretKey::from_bytes(&child.private_key.secret_bytes()).ok());
        let secret = child.ok_or(missing)?;
        let public = secret.public_key_uncompressed();
        let address = Address::from_word(keccak256(public.get(1..).unwrap_or_default()));
        Ok(DevAccount { secret, address })
    };
    (0..count).map(account).collect()
}

fn digest(transaction: &TypedTransaction) -> B256 {
    match transaction {
        TypedTransaction::Legacy(transaction) => transaction.signature_hash(),
        TypedTransaction::Eip2930(transaction) => transaction.signature_hash(),
        TypedTransaction::Eip1559(transaction) => transaction.signature_hash(),
        TypedTransaction::Eip4844(transaction) => transaction.signature_hash(),
        TypedTransaction::Eip7702(transaction) => transaction.signature_hash(),
    }
}

fn with_signature(transaction: TypedTransaction, signature: Signature) -> Option<EthTransaction> {
    let encoded = match transaction {
        TypedTransaction::Legacy(one) => one.into_signed(signature).encoded_2718(),
        TypedTransaction::Eip2930(one) => one.into_signed(signature).encoded_2718(),
        TypedTransaction::Eip1559(one) => one.into_signed(signature).encoded_2718(),
        TypedTransaction::Eip7702(one) => one.into_signed(signature).encoded_2718(),
        TypedTransaction::Eip4844(_) => return None,
    };
    EthTransaction::decode(&encoded).ok()
}

/// Makes a transaction in the name of somebody whose key nobody has: its signature is the address, and no key makes it.
///
/// `None` if it has blobs.
#[must_use]
pub fn impersonated(transaction: TypedTransaction, from: Address) -> Option<EthTransaction> {
    let r = U256::from_be_bytes(from.into_word().0).saturating_add(U256::ONE);
    with_signature(transaction, Signature::new(r, U256::ONE, false))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256};

    use super::*;

    #[test]
    fn the_accounts_are_those_of_anvil() {
        let accounts = accounts(MNEMONIC, 10).unwrap();
        assert_eq!(accounts[0].address, address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        assert_eq!(
            accounts[0].key(),
            b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
        );
        assert_eq!(accounts[9].address, address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"));
    }

    #[test]
    fn what_gives_no_accounts_is_refused() {
        assert!(matches!(accounts("test test", 1), Err(AccountsError::Phrase(_))));
        assert!(matches!(accounts(MNEMONIC, 10_001), Err(AccountsError::Count { .. })));
    }
}
