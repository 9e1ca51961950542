//! The state root after changes: each storage trie by itself, on all cores, then the trie of accounts.

use std::convert::Infallible;

use alloy_primitives::{Address, B256, U256, keccak256};
use rayon::prelude::*;

use super::{AccountChange, AccountLeaf, StateChanges};
use crate::trie::{
    EMPTY_ROOT, Entry, Nibbles, NodeSink, NodeSource, Nothing, TrieError, Updated, update,
};

/// Accounts from which their storage tries are worth handing to other cores.
const PARALLEL_MIN: usize = 8;

/// Accounts that changed from which on they are hashed by many threads.
const HASHED_PARALLEL_MIN: usize = 64;

/// Nodes of all tries of a state.
pub trait StateNodes: Sync {
    /// Why a node cannot be read.
    type Error: Send;

    /// Returns the RLP of a node of the trie of accounts, or, with an `owner`, of an account's storage trie.
    ///
    /// # Errors
    ///
    /// What keeps the node from being read.
    fn node(
        &self,
        owner: Option<&B256>,
        path: &Nibbles,
        hash: &B256,
    ) -> Result<Option<alloy_primitives::Bytes>, Self::Error>;
}

impl StateNodes for Nothing {
    type Error = Infallible;

    fn node(
        &self,
        _owner: Option<&B256>,
        _path: &Nibbles,
        _hash: &B256,
    ) -> Result<Option<alloy_primitives::Bytes>, Infallible> {
        Ok(None)
    }
}

/// One trie of a state.
#[derive(Debug)]
pub struct TrieOf<'a, S> {
    nodes: &'a S,
    owner: Option<B256>,
}

impl<'a, S> TrieOf<'a, S> {
    /// The trie of accounts.
    pub const fn accounts(nodes: &'a S) -> Self {
        Self { nodes, owner: None }
    }

    /// The storage trie of the account with this hash.
    pub const fn storage(nodes: &'a S, owner: B256) -> Self {
        Self { nodes, owner: Some(owner) }
    }
}

impl<S: StateNodes> NodeSource for TrieOf<'_, S> {
    type Error = S::Error;

    fn node(
        &self,
        path: &Nibbles,
        hash: &B256,
    ) -> Result<Option<alloy_primitives::Bytes>, S::Error> {
        self.nodes.node(self.owner.as_ref(), path, hash)
    }
}

/// A change of one slot, under the hash of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotChange {
    /// keccak256 of the slot's number.
    pub hash: B256,
    /// Its value before; zero if none was.
    pub before: U256,
    /// Its value afterwards; zero removes.
    pub after: U256,
}

/// A change of one account, under the hash of its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedChange<K> {
    /// keccak256 of the address.
    pub hash: B256,
    /// The account before.
    pub before: Option<AccountLeaf>,
    /// The account afterwards; the root of its storage is set here.
    pub after: Option<AccountLeaf>,
    /// Whether every slot before is gone, also those not named in `slots`.
    pub wiped: bool,
    /// Slots that changed, in the order of their hashes.
    pub slots: Vec<SlotChange>,
    /// What became of nodes of its storage trie.
    pub nodes: K,
}

/// Computes the roots of storages and then that of the state, whose changes lie in the order of their hashes.
///
/// # Errors
///
/// [`TrieError`] if the nodes cannot be read or are not those of this state.
pub fn update_state<S: StateNodes, K: NodeSink>(
    nodes: &S,
    root: B256,
    changes: &mut [HashedChange<K>],
) -> Result<Updated<K>, TrieError<S::Error>> {
    let with_slots = changes.iter().filter(|change| !change.slots.is_empty()).count();
    if with_slots < PARALLEL_MIN {
        changes.iter_mut().try_for_each(|change| update_storage(nodes, change))?;
    } else {
        changes.par_iter_mut().try_for_each(|change| update_storage(nodes, change))?;
    }
    let leaves: Vec<_> = changes.iter().map(|change| leaf(change.after.as_ref())).collect();
    let entries: Vec<_> = changes
        .iter()
        .zip(&leaves)
        .map(|(change, leaf)| Entry::new(change.hash.as_slice(), leaf))
        .collect();
    update(&TrieOf::accounts(nodes), root, &entries)
}

fn leaf(account: Option<&AccountLeaf>) -> arrayvec::ArrayVec<u8, 112> {
    let mut rlp = Vec::with_capacity(112);
    if let Some(account) = account {
        account.encode(&mut rlp);
    }
    // At most 2 + 9 + 33 + 33 + 33 bytes.
    rlp.into_iter().take(112).collect()
}

/// Computes the root of one account's storage.
pub(crate) fn update_storage<S: StateNodes, K: NodeSink>(
    nodes: &S,
    change: &mut HashedChange<K>,
) -> Result<(), TrieError<S::Error>> {
    let before = change.before.map_or(EMPTY_ROOT, |account| account.storage_root);
    if change.slots.is_empty() {
        if let Some(account) = &mut change.after {
            account.storage_root = before;
        }
        return Ok(());
    }
    let values: Vec<_> = change.slots.iter().map(|slot| value(slot.after)).collect();
    let entries: Vec<_> = change
        .slots
        .iter()
        .zip(&values)
        .map(|(slot, value)| Entry::new(slot.hash.as_slice(), value))
        .collect();
    let storage = TrieOf::storage(nodes, change.hash);
    let updated: Updated<K> = update(&storage, before, &entries)?;
    change.nodes = updated.nodes;
    if let Some(account) = &mut change.after {
        account.storage_root = updated.root;
    }
    Ok(())
}

/// Returns what the trie holds for a slot's value: nothing for zero.
pub(crate) fn value(value: U256) -> arrayvec::ArrayVec<u8, 33> {
    let mut rlp = Vec::with_capacity(33);
    if !value.is_zero() {
        alloy_rlp::Encodable::encode(&value, &mut rlp);
    }
    rlp.into_iter().take(33).collect()
}

/// Sorts changes by the hashes of addresses and slots; what was before comes from elsewhere.
pub(crate) fn hashed<K: NodeSink, E: Send>(
    changes: &StateChanges,
    before: impl Fn(B256) -> Result<Option<AccountLeaf>, E> + Sync,
    slot_before: impl Fn(B256, B256) -> Result<U256, E> + Sync,
) -> Result<Vec<HashedChange<K>>, E> {
    let one = |(address, change): (&Address, &AccountChange)| {
        let hash = keccak256(address);
        let before = before(hash)?;
        let stored = before.is_some_and(|account| account.has_storage());
        let mut slots = Vec::with_capacity(change.storage.len());
        for (slot, after) in &change.storage {
            let slot = keccak256(slot.to_be_bytes::<32>());
            let before = if stored { slot_before(hash, slot)? } else { U256::ZERO };
            let after = if change.account.is_some() { *after } else { U256::ZERO };
            slots.push(SlotChange { hash: slot, before, after });
        }
        slots.sort_unstable_by_key(|slot| slot.hash);
        let after = change.account.map(|account| AccountLeaf::new(account, EMPTY_ROOT));
        let wiped = change.wiped || change.account.is_none();
        Ok(HashedChange { hash, before, after, wiped, slots, nodes: K::default() })
    };
    // Waking threads takes longer than the few accounts of a small block.
    if changes.accounts.len() < HASHED_PARALLEL_MIN {
        let mut hashed = changes.accounts.iter().map(one).collect::<Result<Vec<_>, E>>()?;
        hashed.sort_unstable_by_key(|change| change.hash);
        return Ok(hashed);
    }
    let mut hashed = changes.accounts.par_iter().map(one).collect::<Result<Vec<_>, E>>()?;
    hashed.par_sort_unstable_by_key(|change| change.hash);
    Ok(hashed)
}

/// Returns the root of a state that holds `changes` alone.
#[must_use]
pub fn of_new_state(changes: &StateChanges) -> B256 {
    let none = |_| Ok::<_, Infallible>(None);
    let zero = |_, _| Ok(U256::ZERO);
    let Ok(mut hashed) = hashed::<Nothing, _>(changes, none, zero);
    // Nothing is read, and the hashes are sorted, each once.
    update_state(&Nothing, EMPTY_ROOT, &mut hashed).map_or(EMPTY_ROOT, |updated| updated.root)
}

/// Returns the root of an account's storage in a state that holds `changes` alone.
#[must_use]
pub fn storage_of_new_state(changes: &StateChanges, address: Address) -> B256 {
    let slots = changes.accounts.get(&address).map(|change| &change.storage);
    let slots = slots.into_iter().flatten().filter(|(_, value)| !value.is_zero());
    let mut slots: Vec<_> =
        slots.map(|(slot, number)| (keccak256(slot.to_be_bytes::<32>()), value(*number))).collect();
    slots.sort_unstable_by_key(|(hash, _)| *hash);
    let entries: Vec<_> =
        slots.iter().map(|(hash, value)| Entry::new(hash.as_slice(), value)).collect();
    let storage = TrieOf::storage(&Nothing, keccak256(address));
    update::<_, Nothing>(&storage, EMPTY_ROOT, &entries).map_or(EMPTY_ROOT, |updated| updated.root)
}
