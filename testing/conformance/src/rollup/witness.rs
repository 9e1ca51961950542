//! A state of which only some nodes of its tries are known, by their hashes: read, changed, and its root taken, by the project's trie.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use quintet_eth::{
    state::{
        Account, AccountLeaf, StateChanges, StateView,
        root::{HashedChange, SlotChange, StateNodes, TrieOf, update_state},
    },
    trie::{EMPTY_ROOT, Nibbles, Nothing, TrieError, prove},
};
use thiserror::Error;

/// Why a witness does not say what is asked.
#[derive(Debug, Error)]
pub(super) enum WitnessError {
    #[error("no node or code has the hash {0}")]
    Unknown(B256),
    #[error("a leaf is no RLP of an account or a number")]
    Malformed,
    #[error(transparent)]
    Trie(#[from] TrieError<std::convert::Infallible>),
}

/// What is known, by its hash.
#[derive(Debug)]
struct Preimages(HashMap<B256, Bytes>);

impl StateNodes for Preimages {
    type Error = std::convert::Infallible;

    fn node(
        &self,
        _owner: Option<&B256>,
        _path: &Nibbles,
        hash: &B256,
    ) -> Result<Option<Bytes>, Self::Error> {
        Ok(self.0.get(hash).cloned())
    }
}

/// A state by the nodes that are known of it.
#[derive(Debug)]
pub(super) struct Witness {
    preimages: Preimages,
    root: B256,
}

impl Witness {
    pub(super) fn new(root: B256, preimages: Vec<Bytes>) -> Self {
        let preimages = preimages.into_iter().map(|bytes| (keccak256(&bytes), bytes)).collect();
        Self { preimages: Preimages(preimages), root }
    }

    /// Returns what is known by its hash.
    pub(super) fn preimage(&self, hash: B256) -> Option<&Bytes> {
        self.preimages.0.get(&hash)
    }

    fn leaf(&self, address: B256) -> Result<Option<AccountLeaf>, WitnessError> {
        let accounts = TrieOf::accounts(&self.preimages);
        let (_, rlp) = prove(&accounts, self.root, address.as_slice())?;
        if rlp.is_empty() {
            return Ok(None);
        }
        AccountLeaf::decode(&rlp).map(Some).map_err(|_| WitnessError::Malformed)
    }

    /// Returns the root after some changes.
    pub(super) fn root_after(&self, changes: &StateChanges) -> Result<B256, WitnessError> {
        let mut hashed = Vec::with_capacity(changes.accounts.len());
        for (address, change) in &changes.accounts {
            let hash = keccak256(address);
            let before = if change.wiped { None } else { self.leaf(hash)? };
            let mut slots: Vec<_> = change
                .storage
                .iter()
                .filter(|_| change.account.is_some())
                .map(|(slot, after)| SlotChange {
                    hash: keccak256(B256::from(*slot)),
                    before: U256::ZERO,
                    after: *after,
                })
                .collect();
            slots.sort_unstable_by_key(|slot| slot.hash);
            let after = change.account.map(|account| AccountLeaf::new(account, EMPTY_ROOT));
            let (wiped, nodes) = (change.wiped, Nothing);
            hashed.push(HashedChange { hash, before, after, wiped, slots, nodes });
        }
        hashed.sort_unstable_by_key(|change| change.hash);
        Ok(update_state(&self.preimages, self.root, &mut hashed)?.root)
    }
}

impl StateView for Witness {
    type Error = WitnessError;

    fn account(&self, address: Address) -> Result<Option<Account>, WitnessError> {
        Ok(self.leaf(keccak256(address))?.map(|leaf| leaf.account()))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, WitnessError> {
        let owner = keccak256(address);
        let Some(leaf) = self.leaf(owner)? else { return Ok(U256::ZERO) };
        let slots = TrieOf::storage(&self.preimages, owner);
        let (_, rlp) = prove(&slots, leaf.storage_root, keccak256(B256::from(slot)).as_slice())?;
        if rlp.is_empty() {
            return Ok(U256::ZERO);
        }
        alloy_rlp::decode_exact(rlp).map_err(|_| WitnessError::Malformed)
    }

    fn code(&self, hash: B256) -> Result<Bytes, WitnessError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        self.preimage(hash).cloned().ok_or(WitnessError::Unknown(hash))
    }
}
