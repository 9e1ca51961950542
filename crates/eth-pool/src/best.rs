//! The order in which a proposer takes transactions: the dearest sender's next one first, each sender's in the order of nonces.
//!
//! **Spec:** go-ethereum's `transactionsByPriceAndNonce` (`miner/ordering.go`).

use std::{collections::BinaryHeap, sync::Arc, vec};

use crate::{account::Account, transaction::PoolTransaction};

/// Pending transactions as they stood when it was made. It holds no lock on the pool.
#[derive(Debug)]
pub struct BestTransactions {
    heads: BinaryHeap<Sender>,
    base_fee: u64,
    blob_fee: u128,
    /// The sender whose transaction was given out last, until it is known whether the next one can follow.
    current: Option<Sender>,
}

/// What is left of one sender.
#[derive(Debug)]
struct Sender {
    tip: i128,
    arrival: u64,
    next: Arc<PoolTransaction>,
    rest: vec::IntoIter<(Arc<PoolTransaction>, u64)>,
}

impl PartialEq for Sender {
    fn eq(&self, other: &Self) -> bool {
        (self.tip, self.arrival) == (other.tip, other.arrival)
    }
}

impl Eq for Sender {}

impl PartialOrd for Sender {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sender {
    /// The greatest is taken first: the greater tip, then the earlier arrival.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.tip.cmp(&other.tip).then_with(|| other.arrival.cmp(&self.arrival))
    }
}

impl BestTransactions {
    pub(crate) fn new<'a>(
        accounts: impl Iterator<Item = &'a Account>,
        base_fee: u64,
        blob_fee: u128,
    ) -> Self {
        let mut best = Self { heads: BinaryHeap::new(), base_fee, blob_fee, current: None };
        for account in accounts {
            let pending = account.entries().take(account.pending());
            let pending: Vec<_> =
                pending.map(|entry| (Arc::clone(&entry.transaction), entry.arrival)).collect();
            best.push(pending.into_iter());
        }
        best
    }

    /// Takes up a sender with its next transaction, unless that one does not pay.
    fn push(&mut self, mut rest: vec::IntoIter<(Arc<PoolTransaction>, u64)>) {
        let Some((next, arrival)) = rest.next() else { return };
        let tip = next.effective_tip(self.base_fee);
        if tip < 0 || next.blob_fee_cap().is_some_and(|fee| fee < self.blob_fee) {
            return;
        }
        self.heads.push(Sender { tip, arrival, next, rest });
    }

    /// Leaves out the rest of the sender whose transaction was given out last: it did not go in, so those after it cannot either.
    pub fn skip_sender(&mut self) {
        self.current = None;
    }
}

impl Iterator for BestTransactions {
    type Item = Arc<PoolTransaction>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(current) = self.current.take() {
            self.push(current.rest);
        }
        let best = self.heads.pop()?;
        let transaction = Arc::clone(&best.next);
        self.current = Some(best);
        Some(transaction)
    }
}
