//! One sender's transactions, in the order of their nonces.
//!
//! ```text
//!   state nonce 7:   7  8  9   │  11  12
//!                    pending   │  queued: 10 is missing
//! ```
//!
//! # Invariants
//!
//! - No nonce is below the state's.
//! - The first [`Account::pending`] transactions have consecutive nonces from the state's on and are paid for together; the next one
//!   either leaves a gap or is not paid for.
//! - An entry's floors are the least caps of it and all before it.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::U256;

use crate::{
    evict::Rank,
    transaction::{PoolTransaction, effective_tip},
};

/// One sender.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) nonce: u64,
    pub(crate) balance: U256,
    /// Whether its code is a delegation (EIP-7702).
    pub(crate) is_delegated: bool,
    entries: BTreeMap<u64, Entry>,
    pending: usize,
    spent: U256,
    tally: Tally,
}

/// A transaction in its place.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) transaction: Arc<PoolTransaction>,
    /// Order of arrival.
    pub(crate) arrival: u64,
    /// When it came, in seconds.
    pub(crate) since: u64,
    pub(crate) is_local: bool,
    fee_floor: u128,
    tip_floor: u128,
}

/// What transactions take up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) pending: usize,
    pub(crate) queued: usize,
    pub(crate) slots: usize,
    pub(crate) bytes: usize,
    pub(crate) sidecar_bytes: usize,
}

impl Tally {
    pub(crate) const fn add(&mut self, other: Self) {
        self.pending += other.pending;
        self.queued += other.queued;
        self.slots += other.slots;
        self.bytes += other.bytes;
        self.sidecar_bytes += other.sidecar_bytes;
    }

    /// `other` is a part of what was added before.
    pub(crate) const fn subtract(&mut self, other: Self) {
        self.pending -= other.pending;
        self.queued -= other.queued;
        self.slots -= other.slots;
        self.bytes -= other.bytes;
        self.sidecar_bytes -= other.sidecar_bytes;
    }

    fn of(transaction: &PoolTransaction) -> Self {
        Self {
            pending: 0,
            queued: 0,
            // Blobs have limits of their own.
            slots: if transaction.has_blobs() { 0 } else { transaction.slots() },
            bytes: transaction.bytes(),
            sidecar_bytes: transaction.sidecar_bytes(),
        }
    }
}

impl Entry {
    pub(crate) const fn new(
        transaction: Arc<PoolTransaction>,
        arrival: u64,
        since: u64,
        is_local: bool,
    ) -> Self {
        let (fee_floor, tip_floor) = (u128::MAX, u128::MAX);
        Self { transaction, arrival, since, is_local, fee_floor, tip_floor }
    }
}

impl Account {
    pub(crate) const fn new(nonce: u64, balance: U256, is_delegated: bool) -> Self {
        Self {
            nonce,
            balance,
            is_delegated,
            entries: BTreeMap::new(),
            pending: 0,
            spent: U256::ZERO,
            tally: Tally { pending: 0, queued: 0, slots: 0, bytes: 0, sidecar_bytes: 0 },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn pending(&self) -> usize {
        self.pending
    }

    pub(crate) const fn tally(&self) -> Tally {
        self.tally
    }

    /// Returns what all pending transactions may cost together.
    pub(crate) const fn spent(&self) -> U256 {
        self.spent
    }

    /// Returns the nonce after the last pending transaction.
    pub(crate) const fn next_nonce(&self) -> u64 {
        self.nonce.saturating_add(self.pending as u64)
    }

    pub(crate) fn get(&self, nonce: u64) -> Option<&Entry> {
        self.entries.get(&nonce)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(crate) fn last(&self) -> Option<&Entry> {
        self.entries.last_key_value().map(|(_, entry)| entry)
    }

    pub(crate) fn has_blobs(&self) -> bool {
        self.last().is_some_and(|entry| entry.transaction.has_blobs())
    }

    /// Puts a transaction in its place and returns the one that was there.
    pub(crate) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let nonce = entry.transaction.nonce();
        self.tally.add(Tally::of(&entry.transaction));
        let replaced = self.entries.insert(nonce, entry);
        if let Some(replaced) = &replaced {
            self.tally.subtract(Tally::of(&replaced.transaction));
        }
        self.floors_from(nonce);
        match &replaced {
            Some(_) => self.settle(),
            None if nonce == self.next_nonce() => self.promote(),
            None => self.count(),
        }
        replaced
    }

    /// Takes a transaction out. What comes after it is queued.
    pub(crate) fn remove(&mut self, nonce: u64) -> Option<Entry> {
        let removed = self.entries.remove(&nonce)?;
        self.tally.subtract(Tally::of(&removed.transaction));
        self.floors_from(nonce);
        self.settle();
        Some(removed)
    }

    /// Takes the last transaction out.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let (_, removed) = self.entries.pop_last()?;
        self.tally.subtract(Tally::of(&removed.transaction));
        if self.pending > self.entries.len() {
            self.pending = self.entries.len();
            self.spent = self.spent.saturating_sub(removed.transaction.cost());
        }
        self.count();
        Some(removed)
    }

    /// Takes over what the state says now, and returns the transactions that cannot be in a block any more: their nonce is used, the
    /// balance does not pay for even them alone, or no block holds their gas.
    pub(crate) fn set_state(
        &mut self,
        (nonce, balance, is_delegated): (u64, U256, bool),
        gas_limit: u64,
    ) -> (Vec<Entry>, Vec<Entry>) {
        (self.nonce, self.balance, self.is_delegated) = (nonce, balance, is_delegated);
        let current = self.entries.split_off(&nonce);
        let used: Vec<_> = std::mem::replace(&mut self.entries, current).into_values().collect();
        let hopeless = |entry: &Entry| {
            entry.transaction.cost() > balance || entry.transaction.gas_limit() > gas_limit
        };
        let lost: Vec<_> =
            self.entries.extract_if(.., |_, entry| hopeless(entry)).map(|(_, one)| one).collect();
        for entry in used.iter().chain(&lost) {
            self.tally.subtract(Tally::of(&entry.transaction));
        }
        if !(used.is_empty() && lost.is_empty()) {
            self.floors_from(nonce);
        }
        self.settle();
        (used, lost)
    }

    /// Says how dear the last transaction is to the pool: as its dearest predecessor lets it be.
    pub(crate) fn rank(&self, base_fee: u64) -> Option<Rank> {
        let last = self.last()?;
        Some(Rank {
            is_pending: self.pending == self.entries.len(),
            tip: effective_tip(last.fee_floor, last.tip_floor, base_fee),
            age: u64::MAX - last.arrival,
        })
    }

    /// Computes the floors of a nonce and those after it.
    fn floors_from(&mut self, nonce: u64) {
        let before = self.entries.range(..nonce).next_back();
        let mut floors =
            before.map_or((u128::MAX, u128::MAX), |(_, entry)| (entry.fee_floor, entry.tip_floor));
        for (_, entry) in self.entries.range_mut(nonce..) {
            floors.0 = floors.0.min(entry.transaction.fee_cap());
            floors.1 = floors.1.min(entry.transaction.tip_cap());
            (entry.fee_floor, entry.tip_floor) = floors;
        }
    }

    /// Finds anew which transactions are pending.
    fn settle(&mut self) {
        (self.pending, self.spent) = (0, U256::ZERO);
        self.promote();
    }

    /// Goes on with pending transactions where they end.
    fn promote(&mut self) {
        for (nonce, entry) in self.entries.range(self.next_nonce()..) {
            let spent = self.spent.saturating_add(entry.transaction.cost());
            if *nonce != self.nonce.saturating_add(self.pending as u64) || spent > self.balance {
                break;
            }
            self.pending += 1;
            self.spent = spent;
        }
        self.count();
    }

    fn count(&mut self) {
        self.tally.pending = self.pending;
        self.tally.queued = self.entries.len() - self.pending;
    }
}
