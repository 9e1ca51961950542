//! A state with changes on top that are on no disk.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use quintet_eth::state::{
    Account, StateChanges, StateView,
    store::{StateError, StateReader},
};

/// A state with changes on top.
#[derive(Debug, Clone)]
pub(super) struct Layered {
    pub(super) base: StateReader,
    pub(super) changes: StateChanges,
}

impl Layered {
    /// Puts more changes on top.
    pub(super) fn add(&mut self, changes: StateChanges) {
        for (address, change) in changes.accounts {
            let entry = self.changes.accounts.entry(address).or_default();
            entry.account = change.account;
            if change.wiped {
                entry.wiped = true;
                entry.storage = BTreeMap::new();
            }
            entry.storage.extend(change.storage);
        }
        self.changes.codes.extend(changes.codes);
    }

    /// Returns the root of the state.
    pub(super) fn root(&self) -> Result<B256, StateError> {
        self.base.root_after(&self.changes)
    }
}

impl StateView for Layered {
    type Error = StateError;

    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        match self.changes.accounts.get(&address) {
            Some(change) => Ok(change.account),
            None => self.base.account(address),
        }
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        match self.changes.accounts.get(&address) {
            Some(change) => match change.storage.get(&slot) {
                Some(value) => Ok(*value),
                None if change.wiped => Ok(U256::ZERO),
                None => self.base.storage(address, slot),
            },
            None => self.base.storage(address, slot),
        }
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        match self.changes.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.base.code(hash),
        }
    }

    fn has_storage(&self, address: Address) -> Result<bool, StateError> {
        match self.changes.accounts.get(&address) {
            Some(change) if change.wiped => {
                Ok(change.storage.values().any(|value| !value.is_zero()))
            }
            Some(change) if change.storage.values().any(|value| !value.is_zero()) => Ok(true),
            _ => self.base.has_storage(address),
        }
    }
}
