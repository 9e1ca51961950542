//! An account as the trie holds it.

use alloy_primitives::{B256, KECCAK256_EMPTY, U256};
use alloy_rlp::{Decodable as _, Encodable as _, Header};

use super::Account;
use crate::trie::EMPTY_ROOT;

/// An account with the root of its storage: a leaf of the state trie.
///
/// **Spec:** Yellow Paper, section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLeaf {
    /// Transactions sent, or contracts created by a contract.
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    /// Root of the trie of its slots.
    pub storage_root: B256,
    /// keccak256 of the code.
    pub code_hash: B256,
}

impl AccountLeaf {
    /// Adds the root of the storage.
    #[must_use]
    pub const fn new(account: Account, storage_root: B256) -> Self {
        let Account { nonce, balance, code_hash } = account;
        Self { nonce, balance, storage_root, code_hash }
    }

    /// Leaves the root of the storage out.
    #[must_use]
    pub const fn account(&self) -> Account {
        Account { nonce: self.nonce, balance: self.balance, code_hash: self.code_hash }
    }

    /// Whether it has slots.
    #[must_use]
    pub fn has_storage(&self) -> bool {
        self.storage_root != EMPTY_ROOT
    }

    /// Whether it has code.
    #[must_use]
    pub fn has_code(&self) -> bool {
        self.code_hash != KECCAK256_EMPTY
    }

    /// Appends the RLP.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let payload_length = self.nonce.length() + self.balance.length() + 33 + 33;
        Header { list: true, payload_length }.encode(out);
        self.nonce.encode(out);
        self.balance.encode(out);
        self.storage_root.encode(out);
        self.code_hash.encode(out);
    }

    /// Reads the RLP.
    ///
    /// # Errors
    ///
    /// [`alloy_rlp::Error`] unless the bytes are exactly one account in its one encoding.
    pub fn decode(mut rlp: &[u8]) -> Result<Self, alloy_rlp::Error> {
        let mut fields = Header::decode_bytes(&mut rlp, true)?;
        let account = Self {
            nonce: u64::decode(&mut fields)?,
            balance: U256::decode(&mut fields)?,
            storage_root: B256::decode(&mut fields)?,
            code_hash: B256::decode(&mut fields)?,
        };
        if fields.is_empty() && rlp.is_empty() {
            Ok(account)
        } else {
            Err(alloy_rlp::Error::UnexpectedLength)
        }
    }
}
