//! Chain records at hand: those of the latest chain blocks, which a switch of the selected chain goes back over.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use quintet_kaspa_protocol::dag::BlockId;

use crate::ports::{ChainRecord, Ledger, LedgerError};

/// Chain records kept in memory.
const RECORDS_MAX: usize = 256;

/// The latest chain records.
#[derive(Debug, Default)]
pub(super) struct Records {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<BlockId, Arc<ChainRecord>>,
    order: VecDeque<BlockId>,
}

impl Records {
    /// Keeps a record at hand.
    pub(super) fn insert(&self, block: BlockId, record: Arc<ChainRecord>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.known.insert(block, record).is_none() {
            inner.order.push_back(block);
        }
        while inner.order.len() > RECORDS_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.known.remove(&oldest);
        }
    }

    /// Forgets all: their numbers are about to change.
    pub(super) fn clear(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }

    /// Returns a record, from the ledger if it is not at hand.
    pub(super) fn get(
        &self,
        ledger: &dyn Ledger,
        block: BlockId,
    ) -> Result<Option<Arc<ChainRecord>>, LedgerError> {
        let known = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.known.get(&block).cloned()
        };
        match known {
            Some(record) => Ok(Some(record)),
            None => ledger.chain_record(block),
        }
    }
}
