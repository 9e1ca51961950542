//! A state in a map, and contracts small enough to be read.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, hex, keccak256};
use quintet_eth::state::{Account, StateView};
use thiserror::Error;

/// Adds one to slot 0.
pub(crate) const COUNTER: &[u8] = &hex!("600054600101600055");
/// Keeps the balance of the beneficiary in slot 1.
pub(crate) const COINBASE_BALANCE: &[u8] = &hex!("4131600155");
/// Moves an amount from the caller's slot to that of the address in the input; logs it.
pub(crate) const TOKEN: &[u8] = &hex!("33546001900333556000358054600101905560206000a000");
/// Sends everything it holds to the caller and ends itself.
pub(crate) const ENDS: &[u8] = &hex!("33ff");
/// Makes a contract of its input by `CREATE2` without salt, and calls it.
pub(crate) const FACTORY: &[u8] =
    &hex!("36600060003760003660006000f560006000600060006000855af1505000");
/// Keeps the hash of the block before in slot 0, and the balance of the caller in slot 1.
pub(crate) const LOOKS_BACK: &[u8] = &hex!("600143034060005533316001550000");
/// Pays what came with the call to the address in the input.
pub(crate) const FORWARDS: &[u8] = &hex!("600060006000600034600035615208f1");

/// Code that no account has.
#[derive(Debug, Error)]
#[error("no code {0}")]
pub(crate) struct NoCode(B256);

/// A state in a map.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    accounts: BTreeMap<Address, Account>,
    slots: HashMap<(Address, U256), U256>,
    codes: HashMap<B256, Bytes>,
}

impl World {
    pub(crate) fn put(&mut self, address: Address, balance: u64, code: &'static [u8]) {
        let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(code) };
        self.codes.insert(code_hash, Bytes::from_static(code));
        let nonce = u64::from(!code.is_empty());
        self.accounts.insert(address, Account { nonce, balance: U256::from(balance), code_hash });
    }

    pub(crate) fn put_slot(&mut self, address: Address, slot: U256, value: U256) {
        self.slots.insert((address, slot), value);
    }
}

impl StateView for World {
    type Error = NoCode;

    fn account(&self, address: Address) -> Result<Option<Account>, NoCode> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, NoCode> {
        Ok(self.slots.get(&(address, slot)).copied().unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, NoCode> {
        self.codes.get(&hash).cloned().ok_or(NoCode(hash))
    }

    fn has_storage(&self, address: Address) -> Result<bool, NoCode> {
        Ok(self.slots.iter().any(|((at, _), value)| *at == address && !value.is_zero()))
    }
}
