//! Accounts changed by hand, and how that is undone.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use quintet_eth::state::{Account, AccountChange, StateChanges, StateView as _};
use quintet_eth_chain::{BlockRef, ChainError};

use super::{AMENDMENTS_MAX, Controls, DevChain, DevError};

/// A change by hand: on which head, and what was before.
#[derive(Debug, Clone)]
pub(super) struct Amendment {
    at: BlockRef,
    before: StateChanges,
}

pub(super) const NOBODY: Account =
    Account { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY };

impl DevChain {
    /// Sets an account's balance, wei.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be read or written.
    pub fn set_balance(&self, account: Address, balance: U256) -> Result<(), DevError> {
        self.amend(account, |known| known.balance = balance, BTreeMap::new(), None)
    }

    /// Gives an account money of nobody's: a faucet.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be read or written.
    pub fn fund(&self, account: Address, amount: U256) -> Result<(), DevError> {
        let pay = |known: &mut Account| known.balance = known.balance.saturating_add(amount);
        self.amend(account, pay, BTreeMap::new(), None)
    }

    /// Sets an account's nonce.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be read or written.
    pub fn set_nonce(&self, account: Address, nonce: u64) -> Result<(), DevError> {
        self.amend(account, |known| known.nonce = nonce, BTreeMap::new(), None)
    }

    /// Sets an account's code.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be read or written.
    pub fn set_code(&self, account: Address, code: Bytes) -> Result<(), DevError> {
        let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
        let code = Some((code_hash, code)).filter(|(_, code)| !code.is_empty());
        self.amend(account, |known| known.code_hash = code_hash, BTreeMap::new(), code)
    }

    /// Sets a slot.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be read or written.
    pub fn set_storage_at(
        &self,
        account: Address,
        slot: U256,
        value: B256,
    ) -> Result<(), DevError> {
        // An account without anything else would be none, and hold no slot.
        let there = |known: &mut Account| {
            if *known == NOBODY {
                known.nonce = 1;
            }
        };
        self.amend(account, there, BTreeMap::from([(slot, value.into())]), None)
    }

    fn amend(
        &self,
        address: Address,
        change: impl FnOnce(&mut Account),
        storage: BTreeMap<U256, U256>,
        code: Option<(B256, Bytes)>,
    ) -> Result<(), DevError> {
        let mut controls = self.controls();
        let reader = self.chain().reader()?;
        let state = reader.state();
        let before = state.account(address).map_err(ChainError::State)?;
        let slots =
            storage.keys().map(|slot| state.storage(address, *slot).map(|value| (*slot, value)));
        let slots = slots.collect::<Result<_, _>>().map_err(ChainError::State)?;
        let at = reader.head();
        drop(reader);
        let mut after = before.unwrap_or(NOBODY);
        change(&mut after);
        let after = (after != NOBODY).then_some(after);
        let mut changes = of_account(address, after, storage);
        changes.codes.extend(code);
        self.chain().amend_state(&changes)?;
        controls.remember(
            at,
            of_account(address, before, slots),
            self.chain().spec().header.number,
        );
        drop(controls);
        self.inner.source.refresh();
        Ok(())
    }

    /// Undoes changes made after the first `kept`, on the head that is there again; those on later blocks went with their blocks.
    pub(super) fn undo_amendments(
        &self,
        controls: &mut Controls,
        kept: usize,
        at: BlockRef,
    ) -> Result<(), DevError> {
        while controls.amendments.len() > kept {
            let Some(amendment) = controls.amendments.pop() else { break };
            if amendment.at == at {
                self.chain().amend_state(&amendment.before)?;
            }
        }
        Ok(())
    }
}

fn of_account(
    address: Address,
    account: Option<Account>,
    storage: BTreeMap<U256, U256>,
) -> StateChanges {
    let change = AccountChange { account, wiped: false, storage };
    StateChanges { accounts: BTreeMap::from([(address, change)]), ..StateChanges::default() }
}

impl Controls {
    /// Keeps what was before a change by hand, for whom wants it back; `first` is the chain's first block.
    pub(super) fn remember(&mut self, at: BlockRef, before: StateChanges, first: u64) {
        if at.number == first {
            self.remember_origin(&before);
        }
        if self.saved.is_empty() {
            // Nobody can ask for it back.
            self.amendments.clear();
            return;
        }
        self.amendments.push(Amendment { at, before });
        if self.amendments.len() > AMENDMENTS_MAX {
            self.amendments.clear();
            self.saved.clear();
        }
    }
}
