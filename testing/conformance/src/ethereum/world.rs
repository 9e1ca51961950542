//! A state in a map: what tests begin with, and what blocks make of it.
//!
//! Its root is computed from nothing each time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use alloy_genesis::Genesis;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use quintet_eth::state::{Account, AccountLeaf, StateChanges, StateView};
use serde::Deserialize;
use thiserror::Error;

use crate::{
    roots::{state_root, storage_root},
    suite::{Mismatch, expect_eq},
};

/// An account as vectors write it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Written {
    #[serde(default)]
    pub(crate) balance: U256,
    #[serde(default)]
    nonce: Option<Number>,
    #[serde(default)]
    code: Option<Bytes>,
    #[serde(default)]
    storage: BTreeMap<U256, U256>,
}

/// A number as text or as a number.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(U256),
}

/// An account with its slots.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    account: Account,
    storage: BTreeMap<U256, U256>,
    storage_root: B256,
}

/// A state in a map. Copies are cheap: accounts are shared.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    accounts: HashMap<Address, Arc<Held>>,
    codes: HashMap<B256, Bytes>,
}

/// Code that no account of the state has.
#[derive(Debug, Error)]
#[error("no code has the hash {hash}")]
pub(crate) struct NoCode {
    hash: B256,
}

impl World {
    pub(crate) fn new(written: BTreeMap<Address, Written>) -> Self {
        let mut world = Self::default();
        for (address, written) in written {
            let code = written.code.unwrap_or_default();
            let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
            world.codes.insert(code_hash, code);
            let nonce = match written.nonce {
                None => 0,
                Some(Number::Number(nonce)) => nonce,
                Some(Number::Text(nonce)) => nonce.saturating_to(),
            };
            let account = Account { nonce, balance: written.balance, code_hash };
            let mut storage = written.storage;
            storage.retain(|_, value| !value.is_zero());
            let storage_root = root_of(&storage);
            world.accounts.insert(address, Arc::new(Held { account, storage, storage_root }));
        }
        world
    }

    /// Returns the state of a genesis file.
    pub(crate) fn of_genesis(genesis: &Genesis) -> Self {
        let written = genesis.alloc.iter().map(|(address, account)| {
            let storage = account.storage.iter().flatten();
            let written = Written {
                balance: account.balance,
                nonce: account.nonce.map(Number::Number),
                code: account.code.clone(),
                storage: storage.map(|(slot, value)| ((*slot).into(), (*value).into())).collect(),
            };
            (*address, written)
        });
        Self::new(written.collect())
    }

    /// Applies what a block changed.
    pub(crate) fn apply(&mut self, changes: &StateChanges) {
        for (address, change) in &changes.accounts {
            let Some(account) = change.account else {
                self.accounts.remove(address);
                continue;
            };
            let before = self.accounts.get(address).filter(|_| !change.wiped);
            let mut storage = before.map(|held| held.storage.clone()).unwrap_or_default();
            for (slot, value) in &change.storage {
                if value.is_zero() {
                    storage.remove(slot)
                } else {
                    storage.insert(*slot, *value)
                };
            }
            let storage_root = root_of(&storage);
            self.accounts.insert(*address, Arc::new(Held { account, storage, storage_root }));
        }
        self.codes.extend(changes.codes.iter().map(|(hash, code)| (*hash, code.clone())));
    }

    /// Returns the state's root.
    pub(crate) fn root(&self) -> B256 {
        state_root(
            self.accounts.iter().map(|(address, held)| {
                (*address, AccountLeaf::new(held.account, held.storage_root))
            }),
        )
    }

    /// Returns the root after some changes.
    pub(crate) fn root_after(&self, changes: &StateChanges) -> B256 {
        let mut after = self.clone();
        after.apply(changes);
        after.root()
    }

    /// Compares each account with what a vector says it is.
    pub(crate) fn expect(&self, written: BTreeMap<Address, Written>) -> Result<(), Mismatch> {
        let expected = Self::new(written);
        for (address, held) in &expected.accounts {
            expect_eq(format!("account {address}"), Some(held), self.accounts.get(address))?;
        }
        expect_eq("number of accounts", expected.accounts.len(), self.accounts.len())
    }
}

fn root_of(storage: &BTreeMap<U256, U256>) -> B256 {
    storage_root(storage.iter().map(|(slot, value)| (*slot, *value)))
}

impl StateView for World {
    type Error = NoCode;

    fn account(&self, address: Address) -> Result<Option<Account>, NoCode> {
        Ok(self.accounts.get(&address).map(|held| held.account))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, NoCode> {
        let held = self.accounts.get(&address);
        Ok(held.and_then(|held| held.storage.get(&slot)).copied().unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, NoCode> {
        self.codes.get(&hash).cloned().ok_or(NoCode { hash })
    }

    fn has_storage(&self, address: Address) -> Result<bool, NoCode> {
        Ok(self.accounts.get(&address).is_some_and(|held| !held.storage.is_empty()))
    }
}
