//! The ledger in memory: what tests and simulations run on. It forgets everything when it is dropped.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use quintet_kaspa_protocol::{
    dag::BlockId,
    header::Header,
    state::UtxoDiff,
    tx::{Outpoint, UtxoEntry},
};

use crate::ports::{
    BlockStatus, Body, ChainRecord, Committed, HeaderRow, Ledger, LedgerError, LoadedBlock,
    PruneStep, StartStep, VirtualStep,
};

/// A [`Ledger`] in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    inner: Mutex<Inner>,
    staged: Mutex<Option<Arc<MemoryLedger>>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By number less one: the root has no row.
    blocks: Vec<Row>,
    set: BTreeMap<Outpoint, UtxoEntry>,
    pruning_set: BTreeMap<Outpoint, UtxoEntry>,
    committed: Option<Committed>,
}

#[derive(Debug)]
struct Row {
    row: HeaderRow,
    header: Option<Arc<Header>>,
    body: Option<Body>,
    record: Option<Arc<ChainRecord>>,
    status: BlockStatus,
}

impl MemoryLedger {
    /// Makes an empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many blocks have a header, and how many a body.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let inner = self.lock();
        let count = |has: fn(&&Row) -> bool| inner.blocks.iter().filter(has).count();
        (count(|row| row.header.is_some()), count(|row| row.body.is_some()))
    }

    /// Returns the whole set at the committed sink, in the order of outpoints.
    #[must_use]
    pub fn utxo_set(&self) -> Vec<(Outpoint, UtxoEntry)> {
        self.lock().set.iter().map(|(outpoint, entry)| (*outpoint, entry.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn get(&self, block: BlockId) -> Option<&Row> {
        self.blocks.get(block.row().checked_sub(1)?)
    }

    fn get_mut(&mut self, block: BlockId, what: &'static str) -> Result<&mut Row, LedgerError> {
        let row = block.row().checked_sub(1).and_then(|row| self.blocks.get_mut(row));
        row.ok_or(LedgerError::Missing { what, block })
    }
}

fn apply(set: &mut BTreeMap<Outpoint, UtxoEntry>, diff: &UtxoDiff) -> Result<(), LedgerError> {
    for (outpoint, entry) in diff.removed() {
        let removed = set.remove(outpoint);
        if removed.as_ref() != Some(entry) {
            return Err(LedgerError::Damaged {
                expected: format!("{outpoint} in the set"),
                actual: format!("{removed:?}"),
            });
        }
    }
    for (outpoint, entry) in diff.added() {
        if set.insert(*outpoint, entry.clone()).is_some() {
            return Err(LedgerError::Damaged {
                expected: format!("{outpoint} not in the set"),
                actual: "another entry".to_owned(),
            });
        }
    }
    Ok(())
}

impl Ledger for MemoryLedger {
    fn numbers_anew(&self) -> bool {
        false
    }

    fn load(
        &self,
        visit: &mut dyn FnMut(LoadedBlock) -> Result<(), LedgerError>,
    ) -> Result<Option<Committed>, LedgerError> {
        let inner = self.lock();
        for (number, stored) in (1_u32..).zip(&inner.blocks) {
            let block = BlockId::new(number);
            visit(LoadedBlock { block, row: stored.row.clone(), status: stored.status })?;
        }
        Ok(inner.committed.clone())
    }

    fn append_header(
        &self,
        block: BlockId,
        header: &Arc<Header>,
        row: &HeaderRow,
    ) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        if block.row() != inner.blocks.len() + 1 {
            return Err(LedgerError::Damaged {
                expected: format!("block number {}", inner.blocks.len() + 1),
                actual: block.number().to_string(),
            });
        }
        inner.blocks.push(Row {
            row: row.clone(),
            header: Some(Arc::clone(header)),
            body: None,
            record: None,
            status: BlockStatus::HeaderOnly,
        });
        Ok(())
    }

    fn append_body(&self, block: BlockId, body: &Body) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        let row = inner.get_mut(block, "header")?;
        row.body = Some(Arc::clone(body));
        row.status = BlockStatus::BodyPending;
        Ok(())
    }

    fn append_invalid(&self, block: BlockId) -> Result<(), LedgerError> {
        self.lock().get_mut(block, "header")?.status = BlockStatus::Invalid;
        Ok(())
    }

    fn header(&self, block: BlockId) -> Result<Option<Arc<Header>>, LedgerError> {
        Ok(self.lock().get(block).and_then(|row| row.header.clone()))
    }

    fn body(&self, block: BlockId) -> Result<Option<Body>, LedgerError> {
        Ok(self.lock().get(block).and_then(|row| row.body.clone()))
    }

    fn chain_record(&self, block: BlockId) -> Result<Option<Arc<ChainRecord>>, LedgerError> {
        Ok(self.lock().get(block).and_then(|row| row.record.clone()))
    }

    fn utxos(&self, outpoints: &[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, LedgerError> {
        let inner = self.lock();
        Ok(outpoints.iter().map(|outpoint| inner.set.get(outpoint).cloned()).collect())
    }

    fn commit(&self, step: &VirtualStep<'_>) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        apply(&mut inner.set, step.diff)?;
        for (block, record) in step.validated {
            let row = inner.get_mut(*block, "header")?;
            row.record = Some(Arc::clone(record));
            row.status = BlockStatus::UtxoValid;
        }
        for &block in step.disqualified {
            inner.get_mut(block, "header")?.status = BlockStatus::Disqualified;
        }
        match &mut inner.committed {
            Some(committed) => committed.sink = step.sink,
            none => {
                let pruning_points = vec![step.sink];
                *none = Some(Committed { sink: step.sink, pruning_points });
            }
        }
        Ok(())
    }

    fn prune(&self, step: &PruneStep<'_>) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        apply(&mut inner.pruning_set, step.diff)?;
        for &block in step.bodies {
            let row = inner.get_mut(block, "header")?;
            (row.body, row.record, row.status) = (None, None, BlockStatus::HeaderOnly);
        }
        for &block in step.blocks {
            let row = inner.get_mut(block, "header")?;
            (row.header, row.body, row.record) = (None, None, None);
            row.status = BlockStatus::Deleted;
        }
        if let Some(committed) = &mut inner.committed {
            committed.pruning_points.extend_from_slice(step.points);
        }
        Ok(())
    }

    fn pruning_utxos(
        &self,
        after: Option<Outpoint>,
        limit: usize,
    ) -> Result<Vec<(Outpoint, UtxoEntry)>, LedgerError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let inner = self.lock();
        let from = after.map_or(Unbounded, Excluded);
        let entries = inner.pruning_set.range((from, Unbounded)).take(limit);
        Ok(entries.map(|(outpoint, entry)| (*outpoint, entry.clone())).collect())
    }

    fn write_out(&self) -> Result<(), LedgerError> {
        Ok(())
    }

    fn import_utxos(&self, entries: &[(Outpoint, UtxoEntry)]) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        for (outpoint, entry) in entries {
            inner.set.insert(*outpoint, entry.clone());
            inner.pruning_set.insert(*outpoint, entry.clone());
        }
        Ok(())
    }

    fn begin(&self, step: &StartStep<'_>) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        let sink = step.points.last().copied().unwrap_or_default();
        let row = inner.get_mut(sink, "the header of a pruning point")?;
        row.record = Some(Arc::clone(step.record));
        row.status = BlockStatus::UtxoValid;
        inner.committed = Some(Committed { sink, pruning_points: step.points.to_vec() });
        Ok(())
    }

    fn stage(&self) -> Result<Arc<dyn Ledger>, LedgerError> {
        let staged = Arc::new(Self::new());
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&staged));
        Ok(staged)
    }

    fn promote(&self) -> Result<(), LedgerError> {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner).take();
        let staged = staged.ok_or(LedgerError::Damaged {
            expected: "a ledger that was staged".to_owned(),
            actual: "none".to_owned(),
        })?;
        *self.lock() = std::mem::take(&mut *staged.lock());
        Ok(())
    }

    fn flush(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}
