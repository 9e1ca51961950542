//! Reading the DAG back: the blocks that are left, in the order of their numbers, with new ones in memory.
//!
//! Two passes: the events say what became of every block and where its parts lie; the rows are handed on as they are read. Heads of windows
//! are counted along, as [`Windows::push`](quintet_kaspa_protocol::dag::Windows::push) will count them.

use quintet_kaspa_protocol::dag::{BlockId, Expected, Sampling};
use quintet_store::DecodeError;

use super::{
    DiskLedger, Index,
    codec::{Serial, decode_row},
    error::{told, undecodable},
    fold::{Fold, Marks, VirtualState, walk_events},
    index::{Entry, Known, Numbers, Place},
    schema::KEPT,
    writer::Writer,
};
use crate::ports::{Committed, HeaderRow, LedgerError, LoadedBlock};

type Visit<'a> = &'a mut dyn FnMut(LoadedBlock) -> Result<(), LedgerError>;

impl DiskLedger {
    pub(super) fn load_all(
        &self,
        writer: &mut Writer,
        visit: Visit<'_>,
    ) -> Result<Option<Committed>, LedgerError> {
        let marks = Marks::read(&self.store).map_err(told)?;
        let mut fold = Fold::begin(&self.store, &marks, writer.last)?;
        walk_events(&self.logs, self.logs.events.first(), |event, position| {
            fold.apply(&event, position);
            Ok(())
        })?;
        let mut loading = Loading {
            fold: &fold,
            visit,
            numbers: Numbers::new(),
            entries: Vec::new(),
            heads: Heads::new(),
        };
        let snapshot = self.store.snapshot().map_err(told)?;
        for row in snapshot.range(&KEPT, ..=marks.carried).map_err(told)? {
            let (serial, kept) = row.map_err(told)?;
            let damaged = |error: DecodeError| LedgerError::Damaged {
                expected: format!("a row under {serial} in table `kept`"),
                actual: error.to_string(),
            };
            loading.take(serial, &kept.row, Some(Place::KEPT)).map_err(|error| match error {
                Refused::Row(error) => damaged(error),
                Refused::Ledger(error) => error,
            })?;
        }
        for record in self.logs.rows.iter_from(self.logs.rows.first()).map_err(told)? {
            let (position, bytes) = record.map_err(told)?;
            let damaged = |error: DecodeError| undecodable("rows", position, &error);
            let serial = super::codec::decode_row_head(&bytes).map_err(damaged)?.serial;
            if serial <= marks.carried {
                continue;
            }
            loading.take(serial, &bytes, None).map_err(|error| match error {
                Refused::Row(error) => damaged(error),
                Refused::Ledger(error) => error,
            })?;
        }
        let Loading { mut numbers, entries, .. } = loading;
        numbers.go_on_from(writer.last.saturating_add(1));
        let committed = fold.virtual_state.as_ref().map(|state| committed(&numbers, state));
        let committed = committed.transpose()?;
        self.headers.clear();
        self.bodies.clear();
        self.records.clear();
        *self.index_mut() = Index { numbers, entries };
        writer.take(fold);
        writer.unloaded = false;
        Ok(committed)
    }
}

fn committed(numbers: &Numbers, state: &VirtualState) -> Result<Committed, LedgerError> {
    let block = |serial: Serial, what: &str| {
        numbers.block(serial).ok_or_else(|| LedgerError::Damaged {
            expected: format!("a row of serial {serial}, {what}"),
            actual: "none".to_owned(),
        })
    };
    let points = state.pruning_points.iter();
    Ok(Committed {
        sink: block(state.sink, "the sink")?,
        pruning_points: points
            .map(|&point| block(point, "a pruning point"))
            .collect::<Result<_, _>>()?,
    })
}

/// Why a row was not taken.
enum Refused {
    Row(DecodeError),
    Ledger(LedgerError),
}

/// A load under way.
struct Loading<'a, 'v> {
    fold: &'a Fold,
    visit: Visit<'v>,
    numbers: Numbers,
    entries: Vec<Entry>,
    heads: Heads,
}

impl Loading<'_, '_> {
    /// Takes a row, unless its block is deleted.
    fn take(&mut self, serial: Serial, bytes: &[u8], place: Option<Place>) -> Result<(), Refused> {
        let known = *self.fold.known(serial).unwrap_or(&Known::HEADER);
        if known.is_deleted() {
            return Ok(());
        }
        // Numbered before it is read: the genesis names itself as its pruning point.
        let block = self.numbers.push(serial).ok_or_else(|| {
            Refused::Ledger(LedgerError::Damaged {
                expected: "fewer than 2^32 blocks".to_owned(),
                actual: "more".to_owned(),
            })
        })?;
        let (head, mut row) =
            decode_row(bytes, |serial| self.numbers.loaded_block(serial)).map_err(Refused::Row)?;
        if let Some(&adopted) = self.fold.adopted.get(&serial) {
            row.ghostdag.selected_parent =
                self.numbers.loaded_block(adopted).unwrap_or(BlockId::ORIGIN);
        }
        self.heads.count(&mut row);
        self.entries.push(Entry {
            header: place.unwrap_or(Place::at(head.header)),
            known,
            parent: row.ghostdag.selected_parent,
        });
        let loaded = LoadedBlock { block, row, status: known.status };
        (self.visit)(loaded).map_err(Refused::Ledger)
    }
}

/// Heads of the lists of samples, as the columns will have them when the rows are pushed.
struct Heads {
    /// By number in memory, the root's first: the two heads, and whether they are of sampled windows.
    rows: Vec<([u32; 2], bool)>,
    /// Entries of the two lists so far; entry 0 is the end of all.
    entries: [u32; 2],
}

impl Heads {
    fn new() -> Self {
        Self { rows: vec![([0; 2], false)], entries: [1; 2] }
    }

    /// Says where the lists of a row's selected parent begin, and remembers where its own do.
    fn count(&mut self, row: &mut HeaderRow) {
        let is_first = self.rows.len() == 1;
        if is_first {
            // The genesis is in the columns from the start, and links nothing.
            self.rows.push(([0; 2], false));
            return;
        }
        let sampled = row.sampling != Sampling::Full;
        let parent = row.ghostdag.selected_parent.row();
        let of_parent = self.rows.get(parent).filter(|&&(_, same)| same == sampled);
        let before = of_parent.map_or([0; 2], |&(heads, _)| heads);
        let Expected { samples, before: place, .. } = &mut row.expected;
        *place = before;
        let mut heads = before;
        for ((head, entries), added) in heads.iter_mut().zip(&mut self.entries).zip(samples) {
            if !added.is_empty() {
                let added = u32::try_from(added.len()).unwrap_or(u32::MAX);
                *entries = entries.saturating_add(added);
                *head = entries.saturating_sub(1);
            }
        }
        self.rows.push((heads, sampled));
    }
}
