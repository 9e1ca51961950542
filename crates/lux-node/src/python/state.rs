//! The Python node's state: accounts by key, one hash over all of them.
//!
//! Keys are addresses; stakes and rewards are accounts of their own, under `stake:` and `reward:` and an address.
//!
//! **Spec:** `sdk/blockchain/state.py`, `get_state_root`; `sdk/blockchain/validation.py`, `execute_transaction`.

use std::{collections::BTreeMap, fmt::Write as _, io::BufRead};

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use serde::Deserialize;

use super::{
    block::{PythonTransaction, sha256_of},
    documents::Documents,
    error::{Fault, PythonError},
    field::{Hex, Natural},
};

/// Most accounts, stakes and rewards of a state.
pub const ACCOUNTS_MAX: usize = 5_000_000;

/// Longest key, bytes: `reward:` and an address.
const KEY_BYTES_MAX: usize = 27;

const STAKE: &[u8] = b"stake:";
const REWARD: &[u8] = b"reward:";

/// An account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PythonAccount {
    /// Transactions it sent.
    pub nonce: u64,
    /// Smallest units.
    pub balance: U256,
    /// Root of a contract's slots; zero if there are none.
    pub storage_root: B256,
    /// Keccak of its code; zero if there is none.
    pub code_hash: B256,
}

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Account(Address),
    Stake(Address),
    Reward(Address),
    Other,
}

impl Key {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let address = |bytes: &[u8]| Address::try_from(bytes).ok();
        let named = |prefix: &[u8]| bytes.strip_prefix(prefix).and_then(address);
        None.or_else(|| address(bytes).map(Self::Account))
            .or_else(|| named(STAKE).map(Self::Stake))
            .or_else(|| named(REWARD).map(Self::Reward))
            .unwrap_or(Self::Other)
    }
}

/// A state.
#[derive(Debug, Clone, Default)]
pub struct State {
    accounts: BTreeMap<Vec<u8>, PythonAccount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    address: Hex,
    nonce: Natural,
    balance: Natural,
    storage_root: Hex,
    code_hash: Hex,
}

impl Entry {
    fn account(&self) -> Result<PythonAccount, Fault> {
        Ok(PythonAccount {
            nonce: self.nonce.small("nonce")?,
            balance: self.balance.0,
            storage_root: self.storage_root.word("storage_root")?,
            code_hash: self.code_hash.word("code_hash")?,
        })
    }
}

impl State {
    /// Reads a dump: the entries that the state's root is the hash of.
    ///
    /// # Errors
    ///
    /// [`PythonError`] if it is none, or an account is there twice.
    pub fn read<R: BufRead>(documents: &mut Documents<R>) -> Result<Self, PythonError> {
        let mut state = Self::default();
        let mut at = 0;
        let wrong = |at, reason: String| PythonError::State { at, reason };
        while let Some(json) =
            documents.next_object().map_err(|error| wrong(at, error.to_string()))?
        {
            let entry: Entry =
                serde_json::from_slice(json).map_err(|error| wrong(at, error.to_string()))?;
            let account = entry.account().map_err(|fault| wrong(at, fault.to_string()))?;
            let Hex(key) = entry.address;
            if key.len() > KEY_BYTES_MAX {
                let actual = key.len();
                return Err(wrong(
                    at,
                    format!("address: expected at most {KEY_BYTES_MAX} bytes, got {actual}"),
                ));
            }
            if account == PythonAccount::default() {
                return Err(wrong(
                    at,
                    format!(
                        "{} is empty, expected only accounts that hold something",
                        hex::encode(key)
                    ),
                ));
            }
            if state.accounts.insert(key, account).is_some() {
                return Err(wrong(at, "the account is there already".to_owned()));
            }
            if state.accounts.len() > ACCOUNTS_MAX {
                return Err(PythonError::Accounts);
            }
            at += 1;
        }
        Ok(state)
    }

    /// Accounts by key, in order.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (&[u8], &PythonAccount)> {
        self.accounts.iter().map(|(key, account)| (key.as_slice(), account))
    }

    /// Returns an account; an empty one if there is none.
    #[must_use]
    pub fn account(&self, address: &Address) -> PythonAccount {
        self.accounts.get(address.as_slice()).copied().unwrap_or_default()
    }

    /// Sets an account.
    pub(super) fn set(&mut self, address: Address, account: PythonAccount) {
        self.accounts.insert(address.to_vec(), account);
    }

    /// Returns its root: SHA-256 of compact JSON with sorted keys, of what is not empty. Cost: one line of JSON an account.
    #[must_use]
    pub fn root(&self) -> B256 {
        let mut json = String::with_capacity(2 + self.accounts.len() * 256);
        json.push('[');
        for (key, account) in &self.accounts {
            if *account == PythonAccount::default() {
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            let PythonAccount { nonce, balance, storage_root, code_hash } = account;
            let (storage_root, code_hash) = (hex::encode(storage_root), hex::encode(code_hash));
            // Writing into memory does not fail.
            let _ = write!(
                json,
                r#"{{"address":"{}","balance":{balance},"code_hash":"{code_hash}","nonce":{nonce},"storage_root":"{storage_root}"}}"#,
                hex::encode(key)
            );
        }
        json.push(']');
        sha256_of(json)
    }

    /// Returns whether it has this root; nothing at all has the root zero as well.
    #[must_use]
    pub fn has_root(&self, root: B256) -> bool {
        (self.accounts.is_empty() && root == B256::ZERO) || self.root() == root
    }

    /// Carries out a transaction as the node did: value moves, gas is burned, a contract's code is kept and never run.
    ///
    /// What a contract is made with is burned as well: the node takes it from the sender and gives it to nobody.
    pub(super) fn apply(&mut self, transaction: &PythonTransaction) -> Result<(), Fault> {
        let PythonTransaction { from, nonce, value, gas_price, gas_limit, .. } = *transaction;
        let mut sender = self.account(&from);
        if sender.nonce != nonce {
            return Err(Fault::Nonce { from, expected: sender.nonce, actual: nonce });
        }
        let gas = transaction.intrinsic_gas();
        if gas_limit < gas {
            return Err(Fault::Gas { expected: gas, actual: gas_limit });
        }
        let needed = gas_price
            .checked_mul(U256::from(gas_limit))
            .and_then(|price| price.checked_add(value))
            .ok_or(Fault::Cost { value, gas_price, gas_limit })?;
        if sender.balance < needed {
            return Err(Fault::Funds { from, expected: needed, actual: sender.balance });
        }
        // Neither passes what was needed.
        let paid = gas_price.saturating_mul(U256::from(gas)).saturating_add(value);
        sender.balance = sender.balance.saturating_sub(paid);
        sender.nonce = nonce.saturating_add(1);
        self.set(from, sender);
        if let Some(to) = transaction.to {
            let mut receiver = self.account(&to);
            let sum = receiver.balance.checked_add(value);
            receiver.balance = sum.ok_or(Fault::Balance { address: to })?;
            if receiver != PythonAccount::default() {
                self.set(to, receiver);
            }
        }
        if let Some(made) = transaction.created().filter(|_| !transaction.data.is_empty()) {
            let mut contract = self.account(&made);
            contract.code_hash = keccak256(&transaction.data);
            self.set(made, contract);
        }
        Ok(())
    }
}
