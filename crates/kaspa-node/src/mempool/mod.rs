//! The memory pool of a node: the [rules](quintet_kaspa_protocol::mempool) with consensus and threads around them.
//!
//! ```text
//!   peers (TransactionPool::submit) ─┐                      lock        no lock        lock
//!   clients (submit) ────────────────┴─► check, entries of the pool ─► set, scripts ─► add ─► orphans tried again
//!   virtual block changed (follow) ────► accepted, double spent, un-accepted ────────────────┘
//! ```
//!
//! # Invariants
//!
//! - Scripts are never run while the pool is locked; what changed meanwhile is found when the transaction is added.
//! - Orphans are tried again in rounds, each transaction at most once for each that was added: what comes of one submission is bounded.

mod pool_port;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use quintet_kaspa_protocol::{
    mempool::{Checked, FeeEstimate, Policy, Pool, Priority, Refusal, Replacement, VirtualChange},
    tx::Transaction,
};
use quintet_primitives::Hash256;
use tracing::debug;

use crate::consensus::{Consensus, ConsensusError, Unprepared, VirtualChanges, VirtualState};

/// Transactions tried again because of one event, at most.
const RETRIES_MAX: usize = 10_000;

/// Whether a transaction may wait for what it spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanRule {
    /// It may.
    Allowed,
    /// It is refused.
    Forbidden,
}

/// How a transaction comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submission {
    /// Who brings it.
    pub priority: Priority,
    /// Whether it may wait.
    pub orphan: OrphanRule,
    /// What it may replace.
    pub replacement: Replacement,
}

impl Submission {
    /// What a peer brings.
    pub const PEER: Self = Self {
        priority: Priority::Low,
        orphan: OrphanRule::Allowed,
        replacement: Replacement::Allowed,
    };
}

/// What became of a transaction that was not refused.
#[derive(Debug, Clone, Default)]
pub struct Inserted {
    /// Those in the pool now: the transaction, and orphans that became whole with it. Empty if it waits.
    pub accepted: Vec<Arc<Transaction>>,
    /// Those it replaced.
    pub replaced: Vec<Arc<Transaction>>,
    /// What it waits for.
    pub missing: Vec<Hash256>,
}

/// Consensus failed, or the transaction is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// The transaction is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Consensus cannot go on.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
}

/// Numbers of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolFigures {
    /// Transactions, orphans not counted.
    pub transactions: usize,
    /// Orphans.
    pub orphans: usize,
    /// Bytes of memory, about.
    pub bytes: usize,
    /// Transactions that spend nothing of the pool.
    pub ready: usize,
    /// Their masses' sum, grams.
    pub ready_mass: u64,
}

/// A transaction to be tried again, and how it came.
type Waiting = (Arc<Transaction>, Priority);

/// The pool.
#[derive(Debug)]
pub struct Mempool {
    consensus: Arc<Consensus>,
    pool: Mutex<Pool>,
    salt: u64,
}

impl Mempool {
    /// Makes an empty pool over a consensus. The salt should be random.
    #[must_use]
    pub fn new(consensus: Arc<Consensus>, policy: Policy, salt: u64) -> Self {
        Self { consensus, pool: Mutex::new(Pool::new(policy, salt)), salt }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the pool something.
    pub fn read<T>(&self, ask: impl FnOnce(&Pool) -> T) -> T {
        ask(&self.pool())
    }

    /// Returns numbers of the pool.
    #[must_use]
    pub fn figures(&self) -> PoolFigures {
        let pool = self.pool();
        PoolFigures {
            transactions: pool.len(),
            orphans: pool.orphan_count(),
            bytes: pool.bytes(),
            ready: pool.frontier().len(),
            ready_mass: pool.frontier().total_mass(),
        }
    }

    /// Returns fee rates to choose from.
    #[must_use]
    pub fn estimate(&self) -> FeeEstimate {
        let pool = self.pool();
        let estimator = pool.estimator();
        let min = pool.policy().min_feerate();
        drop(pool);
        estimator.estimate(min)
    }

    /// Takes a transaction.
    ///
    /// # Errors
    ///
    /// [`SubmitError`].
    ///
    /// Reference: `validate_and_insert_transaction`.
    pub fn submit(&self, tx: Transaction, how: Submission) -> Result<Inserted, SubmitError> {
        let (mut inserted, unorphaned) = self.submit_one(tx, how)?;
        inserted.accepted.extend(self.retry(unorphaned)?);
        Ok(inserted)
    }

    fn submit_one(
        &self,
        tx: Transaction,
        how: Submission,
    ) -> Result<(Inserted, Vec<Waiting>), SubmitError> {
        let id = tx.id();
        let params = self.consensus.params();
        let (known, mut masses) = {
            let pool = self.pool();
            pool.check_new(id)?;
            let masses = pool.policy().check_in_isolation(params, &tx, id)?;
            pool.check_replacement(&tx, how.replacement)?;
            (pool.entries_of(&tx)?, masses)
        };
        let body = tx.clone();
        let prepared = match self.consensus.prepare_for_pool(tx, known)? {
            Ok(prepared) => prepared,
            Err(Unprepared::Rule(error)) => return Err(Refusal::from(error).into()),
            Err(Unprepared::Missing(missing)) => {
                if how.orphan == OrphanRule::Forbidden {
                    return Err(Refusal::OrphanForbidden { id }.into());
                }
                let daa_score = self.consensus.virtual_state().daa_score;
                let mut pool = self.pool();
                pool.check_new(id)?;
                pool.add_orphan(Arc::new(body), id, &masses, how.priority, daa_score)?;
                return Ok((Inserted { missing, ..Inserted::default() }, Vec::new()));
            }
        };
        drop(body);
        masses.storage = prepared.tx.storage_mass;
        let checked = Checked {
            tx: Arc::new(prepared.tx.clone()),
            id,
            entries: prepared.entries.clone(),
            masses,
            fee: prepared.fee,
        };
        {
            // What pays too little is refused before its scripts cost anything.
            let pool = self.pool();
            let policy = pool.policy();
            policy.check_in_context(&checked.tx, id, &checked.entries, &masses, checked.fee)?;
            pool.check_pays_more(&checked.tx, &checked.candidate(policy), how.replacement)?;
        }
        self.consensus.verify_prepared(&prepared).map_err(Refusal::from)?;
        let daa_score = self.consensus.virtual_state().daa_score;
        let tx = Arc::clone(&checked.tx);
        let added = self.pool().add(checked, how.priority, how.replacement, daa_score)?;
        let inserted =
            Inserted { accepted: vec![tx], replaced: added.replaced, missing: Vec::new() };
        Ok((inserted, added.unorphaned))
    }

    /// Tries transactions again, and those that become whole with them. Returns those that are in the pool now.
    fn retry(&self, transactions: Vec<Waiting>) -> Result<Vec<Arc<Transaction>>, ConsensusError> {
        let mut next = VecDeque::from(transactions);
        let mut accepted = Vec::new();
        let mut tried = 0;
        while let Some((tx, priority)) = next.pop_front()
            && tried < RETRIES_MAX
        {
            tried += 1;
            // A client's must not replace, a peer's may: as when they came.
            let replacement = match priority {
                Priority::High => Replacement::Forbidden,
                Priority::Low => Replacement::Allowed,
            };
            let how = Submission { priority, orphan: OrphanRule::Allowed, replacement };
            match self.submit_one((*tx).clone(), how) {
                Ok((inserted, unorphaned)) => {
                    accepted.extend(inserted.accepted);
                    next.extend(unorphaned);
                }
                Err(SubmitError::Refused(reason)) => {
                    debug!(id = %tx.id(), %reason, "a transaction tried again is not taken");
                }
                Err(SubmitError::Consensus(error)) => return Err(error),
            }
        }
        Ok(accepted)
    }

    /// Follows the virtual block. Returns transactions that are in the pool again or for the first time: worth telling peers.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if consensus cannot go on.
    pub fn follow(
        &self,
        changes: &VirtualChanges,
        now: &VirtualState,
    ) -> Result<Vec<Arc<Transaction>>, ConsensusError> {
        let followed = {
            let mut pool = self.pool();
            let era = self.consensus.params().era_at(now.daa_score);
            let limits = self.consensus.params().rules(era).mass;
            if pool.policy().block_mass != limits {
                let policy = Policy { block_mass: limits, ..pool.policy().clone() };
                pool.set_policy(policy);
            }
            pool.follow(&VirtualChange {
                accepted: &changes.accepted,
                unaccepted: &changes.unaccepted,
                diff: &changes.diff,
                daa_score: now.daa_score,
            })
        };
        self.retry(followed.retry)
    }

    /// Drops everything: the DAG is another one.
    pub fn begin_anew(&self) {
        let mut pool = self.pool();
        *pool = Pool::new(pool.policy().clone(), self.salt);
    }

    /// Drops what is too old. Returns how many transactions went.
    pub fn expire(&self, daa_score: u64, now_millis: u64) -> usize {
        self.pool().expire(daa_score, now_millis)
    }

    /// Selects transactions for a block; `random` is uniform in [0, 1).
    pub fn select(&self, random: &mut dyn FnMut() -> f64) -> Vec<Arc<Transaction>> {
        self.pool().select(random)
    }

    /// Takes a transaction out that no block can hold, with all that spend of it.
    pub fn evict(&self, id: &Hash256) {
        self.pool().remove_with_descendants(id);
    }
}
