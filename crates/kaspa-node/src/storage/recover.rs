//! Making a ledger whole after a crash at any moment.
//!
//! ```text
//!   headers  ──────────────┤C├──────────── whole records ───────┊ torn: cut by the log
//!   rows     ──────────────┤C├── rows with their headers ──┤ the rest: cut here
//!   bodies   ──────────────┤C├──────────── whole records ───────┊
//!   records  ──────────────┤C├──────────── whole records ───────┊
//!   events   ──────────────┤C├── events whose data is there ──┤ the rest: cut here
//!   coins    as of C, or between C and a later event: the events from C on are gone over again
//! ```
//!
//! C is the checkpoint: ends of the logs, synced, as of the last flush of coins. A log that ends in front of it lost what was durable, and
//! nothing is changed then. Logs are synced in an order in which nothing refers to what is not durable, so rows and events behind C that lack
//! what they name were never promised to anybody.

use quintet_kaspa_protocol::state::UtxoDiff;
use quintet_store::{DecodeError, Reader, segment::Position};

use super::{
    StorageError,
    codec::{Event, Serial, Step, decode_diff, decode_row_head},
    coins::Coins,
    error::{told, undecodable},
    fold::{Fold, Marks, VirtualState, walk_events},
    logs::Logs,
    schema::Checkpoint,
};
use crate::ports::LedgerError;

/// The first block there is.
const GENESIS_SERIAL: Serial = 1;

/// Cuts rows that lack their headers; returns the number of the last row, 0 without any.
pub(super) fn cut_rows(logs: &Logs, marks: &Marks) -> Result<Serial, StorageError> {
    let (start, mut last) = match &marks.checkpoint {
        Some(checkpoint) => (checkpoint.ends.rows, checkpoint.last),
        None => (logs.rows.first(), 0),
    };
    let headers = logs.headers.end();
    let mut cut = None;
    for record in logs.rows.iter_from(start)? {
        let (position, bytes) = record?;
        let head =
            decode_row_head(&bytes).map_err(|error| undecodable("rows", position, &error))?;
        if head.header.end() > headers {
            cut = Some(position);
            break;
        }
        last = head.serial;
    }
    if let Some(position) = cut {
        tracing::warn!(?position, "cutting rows whose headers were not written");
        logs.rows.truncate(position)?;
    }
    Ok(last)
}

/// Cuts events that lack what they name.
pub(super) fn cut_events(logs: &Logs, marks: &Marks, last: Serial) -> Result<(), StorageError> {
    let start = match &marks.checkpoint {
        Some(checkpoint) => checkpoint.ends.events,
        None => logs.events.first(),
    };
    let ends = logs.ends();
    let mut cut = None;
    for record in logs.events.iter_from(start)? {
        let (position, bytes) = record?;
        let event =
            Event::decode(&bytes).map_err(|error| undecodable("events", position, &error))?;
        let there = |serial: Serial| serial <= last;
        let recorded = |position: Position| position.end() <= ends.records;
        let whole = match &event {
            Event::Body { serial, position } => there(*serial) && position.end() <= ends.bodies,
            Event::Invalid { serial } => there(*serial),
            Event::Step(step) => {
                let validated =
                    |&(serial, record): &(Serial, Position)| there(serial) && recorded(record);
                there(step.sink) && step.validated.iter().all(validated)
            }
            Event::Pruned(pruned) => pruned.diff.iter().copied().all(recorded),
        };
        if !whole {
            cut = Some(position);
            break;
        }
    }
    if let Some(position) = cut {
        tracing::warn!(?position, "cutting events whose data was not written");
        logs.events.truncate(position)?;
    }
    Ok(())
}

/// Goes over the steps behind the checkpoint again, so that the coins are those after the last.
pub(super) fn replay_coins(
    logs: &Logs,
    coins: &Coins,
    marks: &Marks,
    fold: &mut Fold,
    last: Serial,
) -> Result<(), LedgerError> {
    let from = marks.checkpoint.as_ref().map(|checkpoint| checkpoint.ends.events);
    let ends = logs.ends();
    let mut steps = 0_u64;
    walk_events(logs, logs.events.first(), |event, position| {
        fold.apply(&event, position);
        if from.is_some_and(|from| position < from) {
            return Ok(());
        }
        if let Event::Step(step) = &event {
            replay(logs, coins, fold, step)?;
            steps += 1;
        }
        let end = position.end();
        let completes = coins.is_between_and(end);
        if !completes && !coins.should_flush() {
            return Ok(());
        }
        let Some(VirtualState { sink, pruning_points }) = fold.virtual_state.clone() else {
            return Ok(());
        };
        if coins.is_between() && !completes {
            return coins.spill();
        }
        let mut ends = ends;
        ends.events = end;
        coins.flush(&Checkpoint { ends, last, sink, pruning_points }, |_| ())
    })?;
    if coins.is_between() {
        return Err(LedgerError::Damaged {
            expected: "events up to where the coins were being written".to_owned(),
            actual: "the event log ends before".to_owned(),
        });
    }
    if steps > 0 {
        tracing::info!(steps, "went over the last steps of the virtual block again");
    }
    Ok(())
}

/// Changes the coins from before a step to after it, by the records of the chain blocks it left and joined.
fn replay(logs: &Logs, coins: &Coins, fold: &Fold, step: &Step) -> Result<(), LedgerError> {
    for (serials, back) in [(&step.removed, true), (&step.added, false)] {
        for &serial in serials {
            let record = fold.known(serial).and_then(|known| known.record.position());
            let Some(position) = record else {
                if serial == GENESIS_SERIAL {
                    continue; // its set is empty on most networks, and it accepts nothing
                }
                return Err(LedgerError::Damaged {
                    expected: format!(
                        "a chain record of serial {serial}, which the event log names"
                    ),
                    actual: "none".to_owned(),
                });
            };
            coins.apply(&diff_of(logs, serial, position)?, back)?;
        }
    }
    Ok(())
}

/// Reads the diff of a chain record.
fn diff_of(logs: &Logs, serial: Serial, position: Position) -> Result<UtxoDiff, LedgerError> {
    let bytes = logs.records.read(position).map_err(told)?;
    let mut reader = Reader::new(&bytes);
    let decoded = reader.varint().and_then(|found| match found == serial {
        true => decode_diff(&mut reader),
        false => Err(DecodeError::invalid("the chain record asked for", found)),
    });
    decoded.map_err(|error| undecodable("records", position, &error))
}
