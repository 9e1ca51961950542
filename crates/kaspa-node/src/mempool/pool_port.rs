//! The pool as the network sees it.

use std::sync::Arc;

use quintet_kaspa_protocol::{mempool::Refusal, tx::Transaction};
use quintet_primitives::Hash256;

use super::{Mempool, Submission, SubmitError};
use crate::ports::{PoolRefusal, Submitted, TransactionPool};

impl TransactionPool for Mempool {
    fn has(&self, id: &Hash256) -> bool {
        self.read(|pool| pool.is_known(id))
    }

    fn get(&self, id: &Hash256) -> Option<Arc<Transaction>> {
        self.read(|pool| pool.get(id).map(|entry| Arc::clone(&entry.checked.tx)))
    }

    fn submit(&self, transactions: Vec<Transaction>) -> Vec<Result<Submitted, PoolRefusal>> {
        let submit = |tx: Transaction| {
            let id = tx.id();
            match Self::submit(self, tx, Submission::PEER) {
                Ok(inserted) if inserted.accepted.is_empty() => {
                    Ok(Submitted::Orphan { missing: inserted.missing })
                }
                Ok(inserted) => {
                    Ok(Submitted::Accepted(inserted.accepted.iter().map(|tx| tx.id()).collect()))
                }
                Err(error) => Err(refusal(id, &error)),
            }
        };
        transactions.into_iter().map(submit).collect()
    }
}

fn refusal(id: Hash256, error: &SubmitError) -> PoolRefusal {
    let reason = error.to_string();
    match error {
        SubmitError::Refused(Refusal::Rule(_)) => PoolRefusal::Invalid { id, reason },
        SubmitError::Refused(Refusal::NonStandard { .. }) => {
            PoolRefusal::NonStandard { id, reason }
        }
        SubmitError::Refused(_) | SubmitError::Consensus(_) => PoolRefusal::NotTaken { id, reason },
    }
}
