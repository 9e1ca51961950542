//! A new head: what was mined goes, what a reorganisation gave back comes in again, what the state made impossible goes.

use std::sync::Arc;

use alloy_primitives::{
    Address, B256,
    map::{AddressSet, B256Set},
};
use quintet_eth::{state::StateView, tx::TxRules};

use crate::{
    account::Account,
    error::PoolError,
    evict::VICTIMS_MAX,
    pool::{Origin, Pool, helps, state_of},
    transaction::{PoolTransaction, Verified},
};

/// The block the pool stands at, as the next block sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its hash.
    pub hash: B256,
    /// Rules for transactions of the next block.
    pub rules: TxRules,
    /// Base fee of the next block, in wei; 0 before London.
    pub base_fee: u64,
    /// Fee for each gas of blobs in the next block, in wei.
    pub blob_fee: u128,
    /// Most gas of a block.
    pub gas_limit: u64,
}

/// Whose state a change of the head may have changed.
#[derive(Debug, Clone)]
pub enum Touched {
    /// These: every account that the new blocks changed, and those that were taken back.
    These(AddressSet),
    /// Nobody knows: read everybody's again.
    All,
}

/// How the head moved.
#[derive(Debug)]
pub struct HeadChange {
    /// The new head.
    pub head: Head,
    /// Whose state may be another.
    pub touched: Touched,
    /// Hashes of the transactions in the blocks that are new.
    pub included: B256Set,
    /// Transactions of the blocks that were taken back, the first first. Those that are in [`Self::included`] again are passed over.
    pub returned: Vec<Verified>,
}

/// What a new head did to the pool.
#[derive(Debug, Default)]
pub struct HeadReport {
    /// They are in a block.
    pub mined: Vec<Arc<PoolTransaction>>,
    /// Their nonce is used, by another, or the state no longer lets them be.
    pub dropped: Vec<Arc<PoolTransaction>>,
    /// They came back from blocks that were taken back.
    pub reinjected: Vec<Arc<PoolTransaction>>,
    /// They came back and were refused, with the reason.
    pub refused: Vec<(B256, PoolError)>,
}

impl Pool {
    /// Moves the pool to a new head. `view` is the new head's state, `now` the time in seconds.
    ///
    /// Costs time in proportion to the senders touched and their transactions; all senders if [`Touched::All`].
    ///
    /// # Errors
    ///
    /// [`PoolError::State`] if the state cannot be read. The pool may then hold transactions that are stale; the next call sets that
    /// right if it says [`Touched::All`].
    pub fn set_head<V: StateView>(
        &mut self,
        change: HeadChange,
        view: &V,
        now: u64,
    ) -> Result<HeadReport, PoolError> {
        let HeadChange { head, touched, included, returned } = change;
        if head.base_fee != self.head.base_fee {
            self.order.forget();
        }
        let lower = head.gas_limit < self.head.gas_limit;
        self.head = head;
        let mut report = HeadReport::default();
        let senders: Vec<Address> = match touched {
            Touched::These(touched) if !lower && touched.len() < self.accounts.len() => {
                touched.into_iter().filter(|one| self.accounts.contains_key(one)).collect()
            }
            Touched::These(touched) if !lower => {
                self.accounts.keys().filter(|one| touched.contains(*one)).copied().collect()
            }
            Touched::These(_) | Touched::All => self.accounts.keys().copied().collect(),
        };
        for sender in senders {
            self.refresh(sender, view, &included, &mut report)?;
        }
        for verified in returned {
            let hash = verified.0.hash();
            if included.contains(&hash) || verified.0.has_blobs() && verified.0.sidecar().is_none()
            {
                continue;
            }
            let transaction = Arc::clone(&verified.0);
            match self.add(verified, Origin::Remote, view, now) {
                Ok(added) => {
                    report.dropped.extend(added.evicted);
                    report.reinjected.push(transaction);
                }
                Err(PoolError::AlreadyKnown) => {}
                Err(error @ PoolError::State { .. }) => return Err(error),
                Err(error) => report.refused.push((hash, error)),
            }
        }
        report.dropped.extend(self.enforce());
        Ok(report)
    }

    /// Reads a sender's state again.
    fn refresh<V: StateView>(
        &mut self,
        sender: Address,
        view: &V,
        included: &B256Set,
        report: &mut HeadReport,
    ) -> Result<(), PoolError> {
        let state = state_of(view, sender, false)?;
        let gas_limit = self.head.gas_limit;
        let (used, lost) = self.change(sender, |account| account.set_state(state, gas_limit));
        for entry in used {
            self.forget(&entry.transaction);
            if included.contains(&entry.transaction.hash()) {
                report.mined.push(entry.transaction);
            } else {
                report.dropped.push(entry.transaction);
            }
        }
        for entry in lost {
            self.forget(&entry.transaction);
            report.dropped.push(entry.transaction);
        }
        Ok(())
    }

    /// Brings the pool back into its limits after pending transactions became queued ones, and returns what had to go.
    pub(crate) fn enforce(&mut self) -> Vec<Arc<PoolTransaction>> {
        let mut gone = Vec::new();
        while !self.fits(self.tally) {
            let cheapest = self.order.cheapest(&self.accounts, self.head.base_fee);
            let victims: Vec<_> = cheapest.take(VICTIMS_MAX).collect();
            let before = gone.len();
            for (rank, sender) in victims {
                let last = self.accounts.get(&sender).and_then(Account::last);
                // Too many that wait are no reason to give up one that does not, though it is its sender's last: another sender has more that wait.
                if last.is_some_and(|last| {
                    helps(&self.config, self.tally, &last.transaction, rank.is_pending)
                }) {
                    gone.extend(self.evict_last(sender));
                }
            }
            if gone.len() == before {
                break;
            }
        }
        gone
    }
}
