//! What consensus asks of a ledger, on disk.

use std::sync::Arc;

use quintet_kaspa_protocol::{
    dag::BlockId,
    header::Header,
    tx::{Outpoint, UtxoEntry},
};

use super::{
    DiskLedger,
    codec::{Event, RowHead, Step, encode_body, encode_header, encode_record, encode_row},
    error::told,
    fold::VirtualState,
    index::{Entry, Known, Place},
    writer::Writer,
};
use crate::ports::{
    BlockStatus, Body, ChainRecord, Committed, HeaderRow, Ledger, LedgerError, LoadedBlock,
    PruneStep, StartStep, VirtualStep,
};

impl Ledger for DiskLedger {
    fn numbers_anew(&self) -> bool {
        true
    }

    /// Reads every block that is left. `visit` must not ask the ledger for blocks meanwhile.
    fn load(
        &self,
        visit: &mut dyn FnMut(LoadedBlock) -> Result<(), LedgerError>,
    ) -> Result<Option<Committed>, LedgerError> {
        self.write(|writer| self.load_all(writer, visit))
    }

    fn append_header(
        &self,
        block: BlockId,
        header: &Arc<Header>,
        row: &HeaderRow,
    ) -> Result<(), LedgerError> {
        let mut bytes = Vec::with_capacity(1024);
        self.write(|writer| {
            let (serial, expected) = {
                let index = self.index();
                (index.serial(block), index.entries.len() + 1)
            };
            if writer.unloaded || block.row() != expected {
                let expected = match writer.unloaded {
                    true => "the DAG to be loaded first".to_owned(),
                    false => format!("block number {expected}"),
                };
                let actual = format!("block number {}", block.number());
                return Err(LedgerError::Damaged { expected, actual });
            }
            encode_header(serial, header, &mut bytes);
            let position = self.logs.headers.append(&bytes).map_err(told)?;
            let head = RowHead { serial, header: position, hash: row.hash };
            self.append_row(writer, &head, row)?;
            writer.last = serial;
            let parent = row.ghostdag.selected_parent;
            let entry = Entry { header: Place::at(position), known: Known::HEADER, parent };
            self.index_mut().entries.push(entry);
            self.sync_if_due(writer, false)
        })?;
        self.keep_header(block, header, bytes.len());
        Ok(())
    }

    fn append_body(&self, block: BlockId, body: &Body) -> Result<(), LedgerError> {
        let serial = self.serial_of(block, "the header of a body")?;
        let mut bytes = Vec::with_capacity(4096);
        encode_body(serial, body, &mut bytes);
        self.write(|writer| {
            let position = self.logs.bodies.append(&bytes).map_err(told)?;
            self.append_event(writer, &Event::Body { serial, position })?;
            self.index_mut().get_mut(block, "the header of a body")?.known.set_body(position);
            self.sync_if_due(writer, false)
        })?;
        self.keep_body(block, body, bytes.len());
        Ok(())
    }

    fn append_invalid(&self, block: BlockId) -> Result<(), LedgerError> {
        let serial = self.serial_of(block, "the header of a body")?;
        self.write(|writer| {
            self.append_event(writer, &Event::Invalid { serial })?;
            let mut index = self.index_mut();
            index.get_mut(block, "the header of a body")?.known.status = BlockStatus::Invalid;
            Ok(())
        })
    }

    fn header(&self, block: BlockId) -> Result<Option<Arc<Header>>, LedgerError> {
        self.read_header(block)
    }

    fn body(&self, block: BlockId) -> Result<Option<Body>, LedgerError> {
        self.read_body(block)
    }

    fn chain_record(&self, block: BlockId) -> Result<Option<Arc<ChainRecord>>, LedgerError> {
        self.read_record(block)
    }

    fn utxos(&self, outpoints: &[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, LedgerError> {
        self.coins.get(outpoints)
    }

    fn commit(&self, step: &VirtualStep<'_>) -> Result<(), LedgerError> {
        let records = self.encode_records(step)?;
        self.write(|writer| {
            let mut validated = Vec::with_capacity(records.len());
            for ((block, _), bytes) in step.validated.iter().zip(&records) {
                validated.push((*block, self.logs.records.append(bytes).map_err(told)?));
            }
            let event = {
                let index = self.index();
                let serials =
                    |blocks: &[BlockId]| blocks.iter().map(|&block| index.serial(block)).collect();
                Step {
                    sink: index.serial(step.sink),
                    removed: serials(step.removed),
                    added: serials(step.added),
                    validated: validated
                        .iter()
                        .map(|&(block, position)| (index.serial(block), position))
                        .collect(),
                    disqualified: serials(step.disqualified),
                }
            };
            let sink = event.sink;
            self.append_event(writer, &Event::Step(event))?;
            let mut index = self.index_mut();
            for &(block, position) in &validated {
                index.get_mut(block, "the header of a chain block")?.known.set_record(position);
            }
            for &block in step.disqualified {
                let entry = index.get_mut(block, "the header of a chain block")?;
                entry.known.status = BlockStatus::Disqualified;
            }
            drop(index);
            self.coins.apply(step.diff, false)?;
            let first = || VirtualState { sink, pruning_points: vec![sink] };
            writer.virtual_state.get_or_insert_with(first).sink = sink;
            if self.coins.should_flush() {
                self.flush_coins(writer, |_| ())?;
            }
            self.sync_if_due(writer, true)
        })?;
        for ((block, record), bytes) in step.validated.iter().zip(&records) {
            self.keep_record(*block, record, bytes.len());
        }
        Ok(())
    }

    fn prune(&self, step: &PruneStep<'_>) -> Result<(), LedgerError> {
        self.write(|writer| self.prune_step(writer, step))
    }

    fn pruning_utxos(
        &self,
        after: Option<Outpoint>,
        limit: usize,
    ) -> Result<Vec<(Outpoint, UtxoEntry)>, LedgerError> {
        self.read_pruning_set(after, limit)
    }

    fn write_out(&self) -> Result<(), LedgerError> {
        self.write(|_| self.logs.write_out().map_err(told))
    }

    fn import_utxos(&self, entries: &[(Outpoint, UtxoEntry)]) -> Result<(), LedgerError> {
        self.import_set(entries)
    }

    fn begin(&self, step: &StartStep<'_>) -> Result<(), LedgerError> {
        self.begin_at(step)
    }

    fn flush(&self) -> Result<(), LedgerError> {
        self.write(|writer| self.sync(writer))
    }
}

impl DiskLedger {
    fn append_row(
        &self,
        writer: &mut Writer,
        head: &RowHead,
        row: &HeaderRow,
    ) -> Result<(), LedgerError> {
        writer.buffer.clear();
        let encoded = {
            let index = self.index();
            encode_row(head, row, &|block| index.serial(block), &mut writer.buffer)
        };
        encoded.map_err(|block| LedgerError::Damaged {
            expected: format!("a row of serial {} that names earlier blocks", head.serial),
            actual: format!("one that names block number {}", block.number()),
        })?;
        self.logs.rows.append(&writer.buffer).map_err(told)?;
        Ok(())
    }

    pub(super) fn serial_of(
        &self,
        block: BlockId,
        what: &'static str,
    ) -> Result<super::codec::Serial, LedgerError> {
        let index = self.index();
        let known = index.get(block).filter(|entry| !entry.known.is_deleted());
        known.map(|_| index.serial(block)).ok_or(LedgerError::Missing { what, block })
    }

    fn encode_records(&self, step: &VirtualStep<'_>) -> Result<Vec<Vec<u8>>, LedgerError> {
        let index = self.index();
        let mut records = Vec::with_capacity(step.validated.len());
        for (block, record) in step.validated {
            let what = "the header of a chain block";
            index.get(*block).ok_or(LedgerError::Missing { what, block: *block })?;
            let mut bytes = Vec::with_capacity(2048);
            encode_record(index.serial(*block), record, |block| index.serial(block), &mut bytes);
            records.push(bytes);
        }
        Ok(records)
    }
}
