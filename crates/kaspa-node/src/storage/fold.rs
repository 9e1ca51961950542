//! Events put together: what they say of every block and of the virtual state, in the order in which they happened.
//!
//! Blocks up to the *carried* number are those that outlived their files (in the table `kept`); above it there is one for every number.
//! Events about blocks that are in neither are about blocks long gone.

use std::collections::BTreeMap;

use quintet_store::{Store, StoreError, segment::Position};

use super::{
    codec::{Event, Pruned, Serial, Step},
    error::{told, undecodable},
    index::Known,
    logs::Logs,
    schema::{
        CARRIED, CARRIED_KEY, CHECKPOINT, CHECKPOINT_KEY, Checkpoint, KEPT, PRUNED, PRUNED_KEY,
    },
};
use crate::ports::LedgerError;

/// What the store says apart from the coins.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) pruned: Option<Position>,
    pub(super) carried: Serial,
}

impl Marks {
    pub(super) fn read(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            checkpoint: store.get(&CHECKPOINT, &CHECKPOINT_KEY)?,
            pruned: store.get(&PRUNED, &PRUNED_KEY)?,
            carried: store.get(&CARRIED, &CARRIED_KEY)?.unwrap_or_default(),
        })
    }
}

/// What is known after some event.
#[derive(Debug, Default)]
pub(super) struct Fold {
    carried: Serial,
    kept: BTreeMap<Serial, Known>,
    /// By number, less the carried one, less one.
    dense: Vec<Known>,
    /// Of blocks whose selected parent went, the last of the chain that is there; 0 for none.
    pub(super) adopted: BTreeMap<Serial, Serial>,
    pub(super) virtual_state: Option<VirtualState>,
    /// From where on events move the virtual state: before, the checkpoint has it already.
    from: Option<Position>,
    /// The highest block each segment of the event log speaks of.
    pub(super) spoken_of: BTreeMap<u32, Serial>,
}

/// Where the virtual state stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VirtualState {
    pub(super) sink: Serial,
    pub(super) pruning_points: Vec<Serial>,
}

impl Fold {
    /// Begins with what the store says; `last` is the highest number there is a row of.
    pub(super) fn begin(store: &Store, marks: &Marks, last: Serial) -> Result<Self, LedgerError> {
        let mut fold = Self { carried: marks.carried, ..Self::default() };
        let snapshot = store.snapshot().map_err(told)?;
        for row in snapshot.range(&KEPT, ..=marks.carried).map_err(told)? {
            let (serial, kept) = row.map_err(told)?;
            if let Some(parent) = kept.adopted {
                fold.adopted.insert(serial, parent);
            }
            fold.kept.insert(serial, kept.known);
        }
        let count = usize::try_from(last.saturating_sub(marks.carried)).unwrap_or(usize::MAX);
        fold.dense = vec![Known::HEADER; count];
        if let Some(checkpoint) = &marks.checkpoint {
            fold.from = Some(checkpoint.ends.events);
            fold.virtual_state = Some(VirtualState {
                sink: checkpoint.sink,
                pruning_points: checkpoint.pruning_points.clone(),
            });
        }
        Ok(fold)
    }

    pub(super) fn known(&self, serial: Serial) -> Option<&Known> {
        match serial.checked_sub(self.carried + 1) {
            Some(row) => self.dense.get(usize::try_from(row).ok()?),
            None => self.kept.get(&serial),
        }
    }

    fn known_mut(&mut self, serial: Serial) -> Option<&mut Known> {
        match serial.checked_sub(self.carried + 1) {
            Some(row) => self.dense.get_mut(usize::try_from(row).ok()?),
            None => self.kept.get_mut(&serial),
        }
    }

    /// Takes the event that lies at `position`.
    pub(super) fn apply(&mut self, event: &Event, position: Position) {
        let highest = self.spoken_of.entry(position.segment).or_default();
        *highest = (*highest).max(highest_of(event));
        match event {
            Event::Body { serial, position } => {
                self.change(*serial, |known| known.set_body(*position));
            }
            Event::Invalid { serial } => self.change(*serial, |known| {
                known.status = crate::ports::BlockStatus::Invalid;
            }),
            Event::Step(step) => self.step(step, position),
            Event::Pruned(pruned) => self.prune(pruned, position),
        }
    }

    fn change(&mut self, serial: Serial, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.known_mut(serial)
            && !known.is_deleted()
        {
            change(known);
        }
    }

    fn step(&mut self, step: &Step, position: Position) {
        for &(serial, record) in &step.validated {
            self.change(serial, |known| known.set_record(record));
        }
        for &serial in &step.disqualified {
            self.change(serial, |known| known.status = crate::ports::BlockStatus::Disqualified);
        }
        if self.is_new(position) {
            let first = || VirtualState { sink: step.sink, pruning_points: vec![step.sink] };
            self.virtual_state.get_or_insert_with(first).sink = step.sink;
        }
    }

    fn prune(&mut self, pruned: &Pruned, position: Position) {
        for &serial in &pruned.bodies {
            self.change(serial, Known::drop_body);
        }
        for &serial in &pruned.blocks {
            self.change(serial, Known::delete);
            self.adopted.remove(&serial);
        }
        self.adopted.extend(pruned.adopted.iter().copied());
        if self.is_new(position)
            && let Some(state) = &mut self.virtual_state
        {
            state.pruning_points.extend_from_slice(&pruned.points);
        }
    }

    fn is_new(&self, position: Position) -> bool {
        self.from.is_none_or(|from| position >= from)
    }
}

/// Returns the highest number an event changes the status of.
pub(super) fn highest_of(event: &Event) -> Serial {
    match event {
        Event::Body { serial, .. } | Event::Invalid { serial } => *serial,
        Event::Step(step) => {
            let validated = step.validated.iter().map(|&(serial, _)| serial);
            validated.chain(step.disqualified.iter().copied()).max().unwrap_or_default()
        }
        // What is pruned lies lower than what was spoken of before.
        Event::Pruned(_) => 0,
    }
}

/// Walks the events from `start` on. `visit` gets each with where it lies.
pub(super) fn walk_events(
    logs: &Logs,
    start: Position,
    mut visit: impl FnMut(Event, Position) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    for record in logs.events.iter_from(start).map_err(told)? {
        let (position, bytes) = record.map_err(told)?;
        let event =
            Event::decode(&bytes).map_err(|error| undecodable("events", position, &error))?;
        visit(event, position)?;
    }
    Ok(())
}
