//! Bodies at hand: the transactions of recent blocks with their ids, which everybody asks for and hashing makes dear.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use quintet_kaspa_protocol::{dag::BlockId, mass::estimated_size, tx::Transaction};
use quintet_primitives::Hash256;

use super::error::ConsensusError;
use crate::ports::{Body, Ledger, LedgerError};

/// A body and the ids of its transactions.
#[derive(Debug)]
pub(super) struct KnownBody {
    pub(super) transactions: Body,
    pub(super) ids: Vec<Hash256>,
    bytes: u64,
}

impl KnownBody {
    pub(super) fn new(transactions: Body, ids: Vec<Hash256>) -> Self {
        let bytes = transactions.iter().map(estimated_size).sum();
        Self { transactions, ids, bytes }
    }
}

/// The latest bodies, up to a number of bytes.
#[derive(Debug)]
pub(super) struct Bodies {
    inner: Mutex<Inner>,
    bytes_max: u64,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<BlockId, Arc<KnownBody>>,
    order: VecDeque<BlockId>,
    bytes: u64,
}

impl Bodies {
    /// Makes an empty cache of at most so many bytes of transactions.
    pub(super) fn new(bytes_max: usize) -> Self {
        let bytes_max = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        Self { inner: Mutex::default(), bytes_max }
    }

    /// Keeps a body at hand.
    pub(super) fn insert(&self, block: BlockId, body: Arc<KnownBody>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.bytes += body.bytes;
        match inner.known.insert(block, body) {
            Some(before) => inner.bytes -= before.bytes,
            None => inner.order.push_back(block),
        }
        while inner.bytes > self.bytes_max
            && let Some(oldest) = inner.order.pop_front()
        {
            if let Some(body) = inner.known.remove(&oldest) {
                inner.bytes -= body.bytes;
            }
        }
    }

    /// Forgets all: their numbers are about to change.
    pub(super) fn clear(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }

    /// Returns a body, from the ledger if it is not at hand.
    pub(super) fn get(
        &self,
        ledger: &dyn Ledger,
        block: BlockId,
    ) -> Result<Arc<KnownBody>, ConsensusError> {
        let known = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.known.get(&block).cloned()
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let body = ledger.body(block)?;
        let body = body.ok_or(LedgerError::Missing { what: "the body", block })?;
        let ids = body.iter().map(Transaction::id).collect();
        let known = Arc::new(KnownBody::new(body, ids));
        self.insert(block, Arc::clone(&known));
        Ok(known)
    }
}
