//! Proofs of accounts and slots, as `eth_getProof` gives them.
//!
//! **Spec:** EIP-1186.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};

use super::{
    AccountLeaf,
    root::{StateNodes, TrieOf},
};
use crate::trie::{EMPTY_ROOT, ProofError, TrieError, prove, verify_proof};

/// What a slot holds, with the nodes that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageProof {
    /// The slot's number.
    pub slot: U256,
    /// Its value, zero if there is none.
    pub value: U256,
    /// Nodes of the account's storage trie, the root first.
    pub nodes: Vec<Bytes>,
}

/// What an account is, with the nodes that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountProof {
    /// The address.
    pub address: Address,
    /// The account; that of nobody (zeros, no code, no storage) if there is none.
    pub account: AccountLeaf,
    /// Nodes of the trie of accounts, the root first.
    pub nodes: Vec<Bytes>,
    /// The slots asked for, in that order.
    pub storage: Vec<StorageProof>,
}

/// What is said of an address without an account.
pub const NOBODY: AccountLeaf = AccountLeaf {
    nonce: 0,
    balance: U256::ZERO,
    storage_root: EMPTY_ROOT,
    code_hash: KECCAK256_EMPTY,
};

/// Why a proof of an account does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateProofError {
    /// The nodes do not lead to the account.
    #[error("proof of account {address}: {source}")]
    Account {
        /// The address.
        address: Address,
        /// What is wrong.
        source: Box<ProofError>,
    },
    /// The nodes do not lead to the slot.
    #[error("proof of slot {slot} of account {address}: {source}")]
    Slot {
        /// The address.
        address: Address,
        /// The slot.
        slot: U256,
        /// What is wrong.
        source: Box<ProofError>,
    },
    /// The nodes lead to something else than is said.
    #[error("proof of account {address} leads to {actual:?}, expected {expected:?}")]
    OtherAccount {
        /// The address.
        address: Address,
        /// What is said.
        expected: Box<AccountLeaf>,
        /// What the nodes lead to; `None` if it is no account.
        actual: Box<Option<AccountLeaf>>,
    },
    /// The nodes lead to another value than is said.
    #[error("proof of slot {slot} of account {address} leads to another value than {expected}")]
    OtherValue {
        /// The address.
        address: Address,
        /// The slot.
        slot: U256,
        /// What is said.
        expected: U256,
    },
}

/// Makes the proof of an account and some of its slots.
///
/// # Errors
///
/// [`TrieError`] if the nodes cannot be read or are not those of this state.
pub fn prove_account<S: StateNodes>(
    state: &S,
    root: B256,
    address: Address,
    slots: &[U256],
) -> Result<AccountProof, TrieError<S::Error>> {
    let hash = keccak256(address);
    let (nodes, rlp) = prove(&TrieOf::accounts(state), root, hash.as_slice())?;
    // A leaf that is no account is as much damage as a node that is none.
    let account = if rlp.is_empty() {
        NOBODY
    } else {
        AccountLeaf::decode(&rlp).map_err(|error| TrieError::Node {
            path: crate::trie::Nibbles::unpack(hash.as_slice()),
            source: crate::trie::NodeError::Rlp(error),
        })?
    };
    let storage = slots.iter().map(|slot| {
        let key = keccak256(slot.to_be_bytes::<32>());
        let trie = TrieOf::storage(state, hash);
        let (nodes, rlp) = prove(&trie, account.storage_root, key.as_slice())?;
        let value = alloy_rlp::decode_exact(rlp).unwrap_or_default();
        Ok(StorageProof { slot: *slot, value, nodes })
    });
    let storage = storage.collect::<Result<_, TrieError<S::Error>>>()?;
    Ok(AccountProof { address, account, nodes, storage })
}

impl AccountProof {
    /// Checks that a state with this root holds what the proof says.
    ///
    /// # Errors
    ///
    /// [`StateProofError`], naming the account or slot whose nodes do not lead to what is said.
    pub fn verify(&self, root: B256) -> Result<(), StateProofError> {
        let address = self.address;
        let found = verify_proof(root, keccak256(address).as_slice(), &self.nodes)
            .map_err(|error| StateProofError::Account { address, source: Box::new(error) })?;
        let actual = match found {
            Some(rlp) => AccountLeaf::decode(&rlp).ok(),
            None => Some(NOBODY),
        };
        if actual != Some(self.account) {
            let (expected, actual) = (Box::new(self.account), Box::new(actual));
            return Err(StateProofError::OtherAccount { address, expected, actual });
        }
        self.storage.iter().try_for_each(|proof| self.verify_slot(proof))
    }

    fn verify_slot(&self, proof: &StorageProof) -> Result<(), StateProofError> {
        let (address, slot) = (self.address, proof.slot);
        let key = keccak256(slot.to_be_bytes::<32>());
        let found = verify_proof(self.account.storage_root, key.as_slice(), &proof.nodes)
            .map_err(|error| StateProofError::Slot { address, slot, source: Box::new(error) })?;
        let expected = super::root::value(proof.value);
        if found.unwrap_or_default() == expected.as_slice() {
            return Ok(());
        }
        Err(StateProofError::OtherValue { address, slot, expected: proof.value })
    }
}
