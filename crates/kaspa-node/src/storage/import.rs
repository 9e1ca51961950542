//! The beginning of a ledger at a pruning point that came from a peer.
//!
//! Headers and bodies are appended as always; the set goes into the store past the cache, which is empty; the first commit says that these
//! are the coins of the pruning point, with all pruning points there were. Until then nothing of it counts: a crash leaves a
//! directory that nobody names.

use quintet_kaspa_protocol::tx::{Outpoint, UtxoEntry};
use quintet_store::{Batch, Durability};
use quintet_utxo::CoinBytes;

use super::{
    DiskLedger,
    codec::{EntryBytes, Event, Step, encode_entry, encode_record, outpoint_key},
    error::told,
    fold::VirtualState,
    schema::{COIN_TABLES, PRUNING_COINS},
    writer::Writer,
};
use crate::ports::{LedgerError, StartStep};

fn check_new(writer: &Writer) -> Result<(), LedgerError> {
    if writer.virtual_state.is_none() {
        return Ok(());
    }
    Err(LedgerError::Damaged {
        expected: "a ledger that nothing was committed to".to_owned(),
        actual: "one with a sink".to_owned(),
    })
}

impl DiskLedger {
    /// Adds entries to the coins and to the pruning point's.
    pub(super) fn import_set(&self, entries: &[(Outpoint, UtxoEntry)]) -> Result<(), LedgerError> {
        self.write(|writer| {
            check_new(writer)?;
            let mut batch = Batch::new();
            for (outpoint, entry) in entries {
                let key = outpoint_key(outpoint);
                let mut bytes = Vec::new();
                encode_entry(entry, &mut bytes);
                batch.put(&COIN_TABLES.coins, &key, &CoinBytes(bytes));
                batch.put(&PRUNING_COINS, &key, &EntryBytes(entry.clone()));
            }
            self.store.commit(batch, Durability::Buffered).map_err(told)
        })
    }

    /// Commits to the pruning point as sink.
    pub(super) fn begin_at(&self, step: &StartStep<'_>) -> Result<(), LedgerError> {
        let what = "the header of a pruning point";
        let block = step.points.last().copied().unwrap_or_default();
        let sink = self.serial_of(block, what)?;
        self.write(|writer| {
            check_new(writer)?;
            let mut bytes = Vec::new();
            let pruning_points = {
                let index = self.index();
                encode_record(sink, step.record, |block| index.serial(block), &mut bytes);
                step.points.iter().map(|&point| index.serial(point)).collect()
            };
            let position = self.logs.records.append(&bytes).map_err(told)?;
            let validated = vec![(sink, position)];
            let event = Step { sink, validated, ..Step::default() };
            self.append_event(writer, &Event::Step(event))?;
            self.index_mut().get_mut(block, what)?.known.set_record(position);
            writer.virtual_state = Some(VirtualState { sink, pruning_points });
            self.flush_coins(writer, |_| ())
        })
    }
}
