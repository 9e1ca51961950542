//! Which places a call reads, so that it may say so in advance.
//!
//! **Spec:** EIP-2930; go-ethereum, `eth/tracers/logger/access_list_tracer.go`.

use std::collections::{BTreeMap, BTreeSet};

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, U256};
use quintet_evm::execute::{CallTransaction, Called, Inspector, inspect::Step};

use super::Simulator;
use crate::error::ChainError;

/// Most times a call is run until its list does not grow any more.
const ROUNDS_MAX: usize = 16;

/// A list, and what the call does with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessListOutcome {
    /// Places read, in the order of addresses and slots.
    pub list: AccessList,
    /// What the call did with the list.
    pub called: Called,
}

/// Notes places that instructions name.
#[derive(Debug, Default)]
struct Places {
    found: BTreeMap<Address, BTreeSet<B256>>,
}

const BALANCE: u8 = 0x31;
const EXTCODESIZE: u8 = 0x3b;
const EXTCODECOPY: u8 = 0x3c;
const EXTCODEHASH: u8 = 0x3f;
const SLOAD: u8 = 0x54;
const SSTORE: u8 = 0x55;
const CALL: u8 = 0xf1;
const CALLCODE: u8 = 0xf2;
const DELEGATECALL: u8 = 0xf4;
const STATICCALL: u8 = 0xfa;
const SELFDESTRUCT: u8 = 0xff;

impl Inspector for Places {
    fn step(&mut self, step: &Step<'_>) {
        let stack = step.stack();
        let from_top =
            |back: usize| stack.len().checked_sub(back).and_then(|at| stack.get(at)).copied();
        let address = |word: U256| Address::from_word(B256::from(word));
        match step.opcode() {
            SLOAD | SSTORE => {
                if let Some(slot) = from_top(1) {
                    self.found.entry(step.contract()).or_default().insert(slot.into());
                }
            }
            BALANCE | EXTCODESIZE | EXTCODECOPY | EXTCODEHASH | SELFDESTRUCT => {
                if let Some(word) = from_top(1) {
                    self.found.entry(address(word)).or_default();
                }
            }
            CALL | CALLCODE | DELEGATECALL | STATICCALL if stack.len() >= 5 => {
                if let Some(word) = from_top(2) {
                    self.found.entry(address(word)).or_default();
                }
            }
            _ => {}
        }
    }
}

impl Simulator {
    /// Returns the places that a call reads and that are worth saying in advance: not the sender, the recipient and precompiles
    /// themselves, unless slots of theirs are read.
    ///
    /// # Errors
    ///
    /// As for [`Self::call`].
    pub fn access_list(&self, call: &CallTransaction) -> Result<AccessListOutcome, ChainError> {
        let mut call = call.clone();
        let mut known: BTreeMap<Address, BTreeSet<B256>> = BTreeMap::new();
        for item in &call.access_list.0 {
            known.entry(item.address).or_default().extend(item.storage_keys.iter().copied());
        }
        let mut round = 0;
        loop {
            let mut places = Places { found: known.clone() };
            let called = self.call(&call, Some(&mut places))?;
            let recipient = call.to.to().copied().unwrap_or_else(|| call.from.create(call.nonce));
            places.found.retain(|address, slots| {
                let free =
                    *address == call.from || *address == recipient || self.is_precompile(*address);
                !free || !slots.is_empty()
            });
            round += 1;
            if places.found == known || round >= ROUNDS_MAX {
                let list = call.access_list;
                return Ok(AccessListOutcome { list, called });
            }
            known = places.found;
            let items = known.iter().map(|(address, slots)| AccessListItem {
                address: *address,
                storage_keys: slots.iter().copied().collect(),
            });
            call.access_list = AccessList(items.collect());
        }
    }

    fn is_precompile(&self, address: Address) -> bool {
        quintet_evm::precompiles::is_one(self.rules(), &address)
    }
}
