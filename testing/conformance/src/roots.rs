//! Roots of states that are known whole, by the project's trie.

use alloy_primitives::{Address, B256, U256, keccak256};
use quintet_eth::{
    state::AccountLeaf,
    trie::{Entry, root},
};

/// Returns the root of an account's slots. Those of zero are not there.
pub(crate) fn storage_root(slots: impl IntoIterator<Item = (U256, U256)>) -> B256 {
    let held = slots.into_iter().filter(|(_, value)| !value.is_zero());
    of(held.map(|(slot, value)| (keccak256(B256::from(slot)), alloy_rlp::encode(value))))
}

/// Returns the root of a state.
pub(crate) fn state_root(accounts: impl IntoIterator<Item = (Address, AccountLeaf)>) -> B256 {
    of(accounts.into_iter().map(|(address, account)| {
        let mut leaf = Vec::new();
        account.encode(&mut leaf);
        (keccak256(address), leaf)
    }))
}

fn of(leaves: impl Iterator<Item = (B256, Vec<u8>)>) -> B256 {
    let mut leaves: Vec<_> = leaves.collect();
    leaves.sort_unstable();
    let entries: Vec<_> =
        leaves.iter().map(|(key, leaf)| Entry::new(key.as_slice(), leaf)).collect();
    // A key that came twice gives a root that no vector has.
    root(&entries).unwrap_or_default()
}
