//! A state of which only some nodes of its trie are known, by their hashes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, address, keccak256};
use alloy_rlp::Decodable as _;
use quintet_eth::{
    state::{
        Account, AccountLeaf, StateChanges, StateView,
        root::{HashedChange, SlotChange, StateNodes, TrieOf, update_state},
    },
    trie::{EMPTY_ROOT, Nibbles, Nothing, TrieError, prove},
};
use thiserror::Error;

/// Whose storage root headers hold from Isthmus.
const MESSAGE_PASSER: Address = address!("4200000000000000000000000000000000000016");

/// Why a witness does not say what is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WitnessError {
    /// Nothing known has this hash.
    #[error("expected a node or code with hash {hash}, got none")]
    Unknown {
        /// The hash.
        hash: B256,
    },
    /// A trie is not one.
    #[error("trie: {reason}")]
    Trie {
        /// Why.
        reason: String,
    },
}

impl From<TrieError<Self>> for WitnessError {
    fn from(error: TrieError<Self>) -> Self {
        match error {
            TrieError::Source(error) => error,
            other => Self::Trie { reason: other.to_string() },
        }
    }
}

/// Roots after a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Roots {
    pub(super) state: B256,
    /// Root of the message passer's storage.
    pub(super) message_passer: B256,
}

/// A state, as far as it is known. Accounts that were looked up are remembered.
#[derive(Debug)]
pub struct WitnessState<'a> {
    root: B256,
    preimages: &'a HashMap<B256, Bytes>,
    leaves: Mutex<HashMap<B256, Option<AccountLeaf>>>,
}

/// Nodes by their hashes, wherever they lie.
#[derive(Debug)]
struct ByHash<'a>(&'a HashMap<B256, Bytes>);

impl StateNodes for ByHash<'_> {
    type Error = WitnessError;

    fn node(
        &self,
        _owner: Option<&B256>,
        _path: &Nibbles,
        hash: &B256,
    ) -> Result<Option<Bytes>, WitnessError> {
        Ok(self.0.get(hash).cloned())
    }
}

impl<'a> WitnessState<'a> {
    /// Makes the state of a root.
    #[must_use]
    pub fn new(root: B256, preimages: &'a HashMap<B256, Bytes>) -> Self {
        Self { root, preimages, leaves: Mutex::default() }
    }

    fn leaf(&self, hash: B256) -> Result<Option<AccountLeaf>, WitnessError> {
        let known = self.leaves.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).copied();
        if let Some(leaf) = known {
            return Ok(leaf);
        }
        let nodes = ByHash(self.preimages);
        let (_, value) = prove(&TrieOf::accounts(&nodes), self.root, hash.as_slice())?;
        let leaf = if value.is_empty() {
            None
        } else {
            let read = AccountLeaf::decode(&value);
            Some(read.map_err(|error| WitnessError::Trie { reason: error.to_string() })?)
        };
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, leaf);
        Ok(leaf)
    }

    fn slot(&self, owner: B256, slot: B256) -> Result<U256, WitnessError> {
        let Some(leaf) = self.leaf(owner)?.filter(AccountLeaf::has_storage) else {
            return Ok(U256::ZERO);
        };
        let nodes = ByHash(self.preimages);
        let storage = TrieOf::storage(&nodes, owner);
        let (_, value) = prove(&storage, leaf.storage_root, slot.as_slice())?;
        if value.is_empty() {
            return Ok(U256::ZERO);
        }
        U256::decode(&mut value.as_slice())
            .map_err(|error| WitnessError::Trie { reason: error.to_string() })
    }

    /// Returns the hash of an ancestor, as far as headers are known.
    pub(super) fn hash_before(&self, parent: &Header, number: u64) -> Option<B256> {
        let mut header = parent.clone();
        let mut hash = parent.hash_slow();
        while header.number > number {
            hash = header.parent_hash;
            if header.number == number + 1 {
                return Some(hash);
            }
            header = Header::decode(&mut self.preimages.get(&hash)?.as_ref()).ok()?;
        }
        (header.number == number).then_some(hash)
    }

    /// Returns the roots after some changes.
    pub(super) fn roots_after(&self, changes: &StateChanges) -> Result<Roots, WitnessError> {
        let mut hashed = Vec::with_capacity(changes.accounts.len());
        for (address, change) in &changes.accounts {
            let hash = keccak256(address);
            let before = self.leaf(hash)?;
            let wiped = change.wiped || change.account.is_none();
            // A storage that is gone begins from nothing.
            let begun = if wiped {
                before.map(|leaf| AccountLeaf { storage_root: EMPTY_ROOT, ..leaf })
            } else {
                before
            };
            let mut slots = Vec::with_capacity(change.storage.len());
            for (slot, after) in &change.storage {
                let slot = keccak256(slot.to_be_bytes::<32>());
                let value = if wiped { U256::ZERO } else { self.slot(hash, slot)? };
                // A slot that was zero and is zero is in no trie.
                if value.is_zero() && after.is_zero() {
                    continue;
                }
                slots.push(SlotChange { hash: slot, before: value, after: *after });
            }
            slots.sort_unstable_by_key(|slot| slot.hash);
            let after = change.account.map(|account| AccountLeaf::new(account, EMPTY_ROOT));
            hashed.push(HashedChange { hash, before: begun, after, wiped, slots, nodes: Nothing });
        }
        hashed.sort_unstable_by_key(|change| change.hash);
        let updated = update_state(&ByHash(self.preimages), self.root, &mut hashed)?;
        let passer = keccak256(MESSAGE_PASSER);
        let changed = hashed.iter().find(|change| change.hash == passer);
        let leaf = match changed {
            Some(change) => change.after,
            None => self.leaf(passer).unwrap_or_default(),
        };
        let message_passer = leaf.map_or(EMPTY_ROOT, |leaf| leaf.storage_root);
        Ok(Roots { state: updated.root, message_passer })
    }
}

impl StateView for WitnessState<'_> {
    type Error = WitnessError;

    fn account(&self, address: Address) -> Result<Option<Account>, WitnessError> {
        Ok(self.leaf(keccak256(address))?.map(|leaf| leaf.account()))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, WitnessError> {
        self.slot(keccak256(address), keccak256(slot.to_be_bytes::<32>()))
    }

    fn code(&self, hash: B256) -> Result<Bytes, WitnessError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        self.preimages.get(&hash).cloned().ok_or(WitnessError::Unknown { hash })
    }
}
