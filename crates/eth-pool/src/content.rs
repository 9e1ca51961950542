//! What the pool holds, for those who look: counts, lists by sender, and why a transaction waits.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, U256};
use serde::Serialize;

use crate::{account::Account, pool::Pool, transaction::PoolTransaction};

/// How much the pool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Transactions that could be in the next block.
    pub pending: usize,
    /// Transactions that wait for something.
    pub queued: usize,
    /// Senders of both.
    pub senders: usize,
    /// Room, in slots.
    pub slots: usize,
    /// Memory without sidecars, in bytes.
    pub bytes: usize,
    /// Memory of sidecars, in bytes.
    pub sidecar_bytes: usize,
}

/// Transactions by sender and nonce.
pub type Content = BTreeMap<Address, BTreeMap<u64, Arc<PoolTransaction>>>;

/// Why a transaction is not in a block yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// For a proposer: nothing is in its way.
    Proposer,
    /// For the base fee to fall to what it pays.
    BaseFee {
        /// What it pays at most, in wei.
        fee_cap: u128,
        /// What the next block asks, in wei.
        base_fee: u64,
    },
    /// For the fee for blobs to fall to what it pays.
    BlobFee {
        /// What it pays at most, in wei.
        fee_cap: u128,
        /// What the next block asks, in wei.
        blob_fee: u128,
    },
    /// For a transaction with an earlier nonce.
    Nonce {
        /// The nonce that is missing.
        expected: u64,
    },
    /// For the sender to have what it and those before it may cost.
    Funds {
        /// The balance, in wei.
        balance: U256,
        /// What all may cost, in wei.
        cost: U256,
    },
}

/// Where a transaction stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The transaction.
    pub transaction: Arc<PoolTransaction>,
    /// Whether it could be in the next block, by nonce and balance.
    pub is_pending: bool,
    /// What it waits for.
    pub waiting: Waiting,
}

impl Pool {
    /// Returns how much there is.
    #[must_use]
    pub fn status(&self) -> Status {
        let tally = self.tally;
        Status {
            pending: tally.pending,
            queued: tally.queued,
            senders: self.accounts.len(),
            slots: tally.slots,
            bytes: tally.bytes,
            sidecar_bytes: tally.sidecar_bytes,
        }
    }

    /// Returns pending and queued transactions of all senders.
    #[must_use]
    pub fn content(&self) -> (Content, Content) {
        let mut content = (Content::new(), Content::new());
        for address in self.accounts.keys() {
            let (pending, queued) = self.content_from(address);
            if !pending.is_empty() {
                content.0.insert(*address, pending);
            }
            if !queued.is_empty() {
                content.1.insert(*address, queued);
            }
        }
        content
    }

    /// Returns pending and queued transactions of one sender.
    #[must_use]
    pub fn content_from(
        &self,
        sender: &Address,
    ) -> (BTreeMap<u64, Arc<PoolTransaction>>, BTreeMap<u64, Arc<PoolTransaction>>) {
        let Some(account) = self.accounts.get(sender) else { return Default::default() };
        let item = |entry: &crate::account::Entry| {
            (entry.transaction.nonce(), Arc::clone(&entry.transaction))
        };
        let pending = account.entries().take(account.pending()).map(item).collect();
        let queued = account.entries().skip(account.pending()).map(item).collect();
        (pending, queued)
    }

    /// Returns what is beside the transactions that carry blobs.
    pub fn sidecars(&self) -> impl Iterator<Item = &crate::Sidecar> {
        let with_blobs = self.accounts.values().filter(|account| account.has_blobs());
        with_blobs.flat_map(|account| account.entries().filter_map(|one| one.transaction.sidecar()))
    }

    /// Returns where a transaction stands and what it waits for.
    #[must_use]
    pub fn place(&self, hash: &B256) -> Option<Place> {
        let transaction = Arc::clone(self.by_hash.get(hash)?);
        let account = self.accounts.get(&transaction.sender())?;
        let is_pending = transaction.nonce() < account.next_nonce();
        let waiting = if is_pending {
            self.waiting_pending(&transaction)
        } else {
            waiting_queued(account, &transaction)
        };
        Some(Place { transaction, is_pending, waiting })
    }

    fn waiting_pending(&self, transaction: &PoolTransaction) -> Waiting {
        let (fee_cap, base_fee) = (transaction.fee_cap(), self.head.base_fee);
        if fee_cap < u128::from(base_fee) {
            return Waiting::BaseFee { fee_cap, base_fee };
        }
        let blob_fee = self.head.blob_fee;
        match transaction.blob_fee_cap() {
            Some(fee_cap) if fee_cap < blob_fee => Waiting::BlobFee { fee_cap, blob_fee },
            _ => Waiting::Proposer,
        }
    }
}

fn waiting_queued(account: &Account, transaction: &PoolTransaction) -> Waiting {
    let expected = account.next_nonce();
    match account.get(expected) {
        // The next one is there, so that it is not pending is for its cost.
        Some(next) if next.transaction.nonce() == transaction.nonce() => Waiting::Funds {
            balance: account.balance,
            cost: account.spent().saturating_add(transaction.cost()),
        },
        _ => Waiting::Nonce { expected },
    }
}
