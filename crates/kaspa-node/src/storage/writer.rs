//! The one write that is under way.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use quintet_store::{Batch, segment::Position};

use super::{
    DiskLedger,
    codec::{Event, Serial},
    error::told,
    fold::{Fold, VirtualState, highest_of},
    schema::Checkpoint,
};
use crate::ports::LedgerError;

/// Appends between two looks at the clock.
const APPENDS_A_LOOK: u32 = 256;

/// What only the writer needs to know.
#[derive(Debug)]
pub(super) struct Writer {
    /// Why no more writes are taken.
    pub(super) failed: Option<String>,
    /// Number on disk of the last block.
    pub(super) last: Serial,
    pub(super) virtual_state: Option<VirtualState>,
    /// Of blocks whose selected parent went, the last of the chain that is there; 0 for none.
    pub(super) adopted: BTreeMap<Serial, Serial>,
    /// The highest block each segment of the event log speaks of.
    pub(super) spoken_of: BTreeMap<u32, Serial>,
    /// Whether the DAG has to be loaded before anything is appended.
    pub(super) unloaded: bool,
    sync_interval: Duration,
    synced: Instant,
    appends: u32,
    /// Reused from record to record.
    pub(super) buffer: Vec<u8>,
}

impl Writer {
    pub(super) fn new(last: Serial, fold: Fold, sync_interval: Duration) -> Self {
        let mut writer = Self {
            failed: None,
            last,
            virtual_state: None,
            adopted: BTreeMap::new(),
            spoken_of: BTreeMap::new(),
            unloaded: last > 0,
            sync_interval,
            synced: Instant::now(),
            appends: 0,
            buffer: Vec::new(),
        };
        writer.take(fold);
        writer
    }

    /// Takes over what the events say.
    pub(super) fn take(&mut self, fold: Fold) {
        self.virtual_state = fold.virtual_state;
        self.adopted = fold.adopted;
        self.spoken_of = fold.spoken_of;
    }
}

impl DiskLedger {
    /// Runs the one write that is under way, and remembers if it was not carried out.
    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&mut Writer) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut writer = self.lock_writer();
        if let Some(reason) = &writer.failed {
            return Err(LedgerError::Poisoned { reason: reason.clone() });
        }
        let outcome = change(&mut writer);
        if let Err(error) = &outcome {
            tracing::error!(%error, "the ledger takes no more writes");
            writer.failed = Some(error.to_string());
        }
        outcome
    }

    /// Appends an event and returns where it lies.
    pub(super) fn append_event(
        &self,
        writer: &mut Writer,
        event: &Event,
    ) -> Result<Position, LedgerError> {
        writer.buffer.clear();
        event.encode(&mut writer.buffer);
        let position = self.logs.events.append(&writer.buffer).map_err(told)?;
        let highest = writer.spoken_of.entry(position.segment).or_default();
        *highest = (*highest).max(highest_of(event));
        Ok(position)
    }

    /// Makes everything durable if some of it has waited long enough.
    pub(super) fn sync_if_due(&self, writer: &mut Writer, look: bool) -> Result<(), LedgerError> {
        writer.appends = writer.appends.wrapping_add(1);
        if (look || writer.appends.is_multiple_of(APPENDS_A_LOOK))
            && writer.synced.elapsed() >= writer.sync_interval
        {
            self.sync(writer)?;
        }
        Ok(())
    }

    /// Makes everything durable.
    pub(super) fn sync(&self, writer: &mut Writer) -> Result<(), LedgerError> {
        self.logs.sync().map_err(told)?;
        writer.synced = Instant::now();
        Ok(())
    }

    /// Writes the coins as of the last event, with a checkpoint and what `more` adds.
    pub(super) fn flush_coins(
        &self,
        writer: &mut Writer,
        more: impl FnOnce(&mut Batch),
    ) -> Result<(), LedgerError> {
        self.sync(writer)?;
        let Some(VirtualState { sink, pruning_points }) = writer.virtual_state.clone() else {
            return Ok(());
        };
        let ends = self.logs.ends();
        let checkpoint = Checkpoint { ends, last: writer.last, sink, pruning_points };
        self.coins.flush(&checkpoint, more)
    }
}
