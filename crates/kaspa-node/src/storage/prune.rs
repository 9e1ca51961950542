//! Pruning: the set of the pruning point moves, blocks go, files go.
//!
//! ```text
//!   1. records/  what changes of the pruning point's set, in pieces     ┐
//!      events/   the move: which bodies and blocks go                   ┘ synced: from here on it happened
//!   2. pruning-coins  the pieces, and with the last that they are in      (made again at the next start if it is cut short)
//!   3. coins, checkpoint: no start goes over anything that is about to go
//!   4. kept   rows and headers that outlive their files
//!   5. files in front of the first that holds something are unlinked
//! ```
//!
//! Steps 3 to 5 promise nothing: what a crash keeps from being unlinked is unlinked after the next move.

use quintet_kaspa_protocol::{
    dag::BlockId,
    tx::{Outpoint, UtxoEntry},
};
use quintet_primitives::Hash256;
use quintet_store::{Batch, Durability, Reader, Store, segment::Position};

use super::{
    DiskLedger,
    codec::{
        EntryBytes, Event, Pruned, Serial, decode_diff, decode_row_head, encode_diff_parts,
        outpoint_key,
    },
    error::{told, undecodable},
    fold::{Marks, walk_events},
    index::{Known, Place},
    logs::Logs,
    schema::{CARRIED, CARRIED_KEY, KEPT, Kept, PRUNED, PRUNED_KEY, PRUNING_COINS},
    writer::Writer,
};
use crate::ports::{LedgerError, PruneStep};

/// Entries of a diff in one record.
const DIFF_ENTRIES: usize = 1 << 16;

/// Bytes of one commit while sets and blocks are written, as [`Batch::bytes`] counts.
const BATCH_BYTES: usize = 32 << 20;

/// A file of headers goes once what outlives it is no more than this part of it.
const CARRY_PART: u64 = 8;

impl DiskLedger {
    pub(super) fn prune_step(
        &self,
        writer: &mut Writer,
        step: &PruneStep<'_>,
    ) -> Result<(), LedgerError> {
        let diff = self.append_diff(step)?;
        let adopted = self.forget(step)?;
        let event = {
            let index = self.index();
            let serials =
                |blocks: &[BlockId]| blocks.iter().map(|&block| index.serial(block)).collect();
            Pruned {
                points: serials(step.points),
                bodies: serials(step.bodies),
                blocks: serials(step.blocks),
                adopted: adopted
                    .iter()
                    .map(|&(block, parent)| (index.serial(block), index.serial(parent)))
                    .collect(),
                diff,
            }
        };
        if let Some(state) = &mut writer.virtual_state {
            state.pruning_points.extend_from_slice(&event.points);
        }
        let gone = event.blocks.clone();
        for serial in &gone {
            writer.adopted.remove(serial);
        }
        writer.adopted.extend(event.adopted.iter().copied());
        let pieces = event.diff.clone();
        let position = self.append_event(writer, &Event::Pruned(event))?;
        self.sync(writer)?;
        {
            let _alone =
                self.pruning_set.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            move_set(&self.logs, &self.store, &pieces, position)?;
        }
        self.bodies.clear();
        self.records.clear();
        self.headers.clear();
        self.reclaim(writer, &gone)
    }

    /// Appends what changes of the pruning point's set, in pieces.
    fn append_diff(&self, step: &PruneStep<'_>) -> Result<Vec<Position>, LedgerError> {
        let mut pieces = Vec::new();
        let mut bytes = Vec::new();
        let mut append = |removed: &[_], added: &[_]| {
            bytes.clear();
            encode_diff_parts(removed, added, &mut bytes);
            self.logs.records.append(&bytes).map(|position| pieces.push(position)).map_err(told)
        };
        // All that goes before anything that comes: an outpoint may do both.
        let removed: Vec<_> = step.diff.removed().iter().collect();
        for removed in removed.chunks(DIFF_ENTRIES) {
            append(removed, &[])?;
        }
        let added: Vec<_> = step.diff.added().iter().collect();
        for added in added.chunks(DIFF_ENTRIES) {
            append(&[], added)?;
        }
        Ok(pieces)
    }

    /// Changes what is known of the blocks; returns who has lost his selected parent, and who stands in its place.
    fn forget(&self, step: &PruneStep<'_>) -> Result<Vec<(BlockId, BlockId)>, LedgerError> {
        let mut index = self.index_mut();
        for &block in step.bodies {
            index.get_mut(block, "the header of a block to prune")?.known.drop_body();
        }
        for &block in step.blocks {
            index.get_mut(block, "the header of a block to prune")?.known.delete();
        }
        let mut adopted = Vec::new();
        let entries = &mut index.entries;
        // Upwards, so that a parent's own parent is one that is there.
        for row in 0..entries.len() {
            let Some(entry) = entries.get(row) else { break };
            let Some(parent) = entry.parent.row().checked_sub(1) else { continue };
            let Some(gone) = entries.get(parent).filter(|parent| parent.known.is_deleted()) else {
                continue;
            };
            let instead = gone.parent;
            if let Some(entry) = entries.get_mut(row) {
                entry.parent = instead;
                if !entry.known.is_deleted()
                    && let Ok(number) = u32::try_from(row + 1)
                {
                    adopted.push((BlockId::new(number), instead));
                }
            }
        }
        Ok(adopted)
    }

    /// Gives back the files nothing is left in.
    fn reclaim(&self, writer: &mut Writer, gone: &[Serial]) -> Result<(), LedgerError> {
        self.flush_coins(writer, |_| ())?;
        let Marks { checkpoint, carried, .. } = Marks::read(&self.store).map_err(told)?;
        let until = self.carry(writer, carried, gone)?;
        let (bodies, records) = {
            let index = self.index();
            let first = |place: fn(&Known) -> Place| {
                let places =
                    index.entries.iter().filter_map(|entry| place(&entry.known).position());
                places.map(|position| position.segment).min().unwrap_or(u32::MAX)
            };
            (first(|known| known.body), first(|known| known.record))
        };
        self.logs.bodies.remove_segments_before(bodies).map_err(told)?;
        self.logs.records.remove_segments_before(records).map_err(told)?;
        let Some(checkpoint) = checkpoint else { return Ok(()) };
        // Events go once all they speak of is kept elsewhere, or gone.
        let needed = writer.spoken_of.iter().find(|&(_, &highest)| highest > until);
        let needed = needed.map_or(u32::MAX, |(&segment, _)| segment);
        let needed = needed.min(checkpoint.ends.events.segment);
        self.logs.events.remove_segments_before(needed).map_err(told)?;
        writer.spoken_of = writer.spoken_of.split_off(&needed);
        Ok(())
    }

    /// Carries what outlives the oldest files of headers over into the store; returns up to which number that is done.
    fn carry(
        &self,
        writer: &Writer,
        carried: Serial,
        gone: &[Serial],
    ) -> Result<Serial, LedgerError> {
        let mut batch = Batch::new();
        for &serial in gone.iter().filter(|&&serial| serial <= carried) {
            batch.delete(&KEPT, &serial);
        }
        let Some((segment, until)) = self.outlived(carried) else {
            self.store.commit(batch, Durability::Sync).map_err(told)?;
            return Ok(carried);
        };
        let mut first_row_kept = u32::MAX;
        for record in self.logs.rows.iter_from(self.logs.rows.first()).map_err(told)? {
            let (position, row) = record.map_err(told)?;
            let head =
                decode_row_head(&row).map_err(|error| undecodable("rows", position, &error))?;
            if head.serial > until {
                first_row_kept = position.segment;
                break;
            }
            let index = self.index();
            let block = index.numbers.block(head.serial).filter(|_| head.serial > carried);
            let entry = block.and_then(|block| index.get(block));
            let Some(entry) = entry.filter(|entry| !entry.known.is_deleted()) else { continue };
            let known = entry.known;
            drop(index);
            let header = self.logs.headers.read(head.header).map_err(told)?;
            let adopted = writer.adopted.get(&head.serial).copied();
            batch.put(&KEPT, &head.serial, &Kept { known, adopted, row, header });
            if batch.bytes() > BATCH_BYTES {
                self.store
                    .commit(std::mem::take(&mut batch), Durability::Buffered)
                    .map_err(told)?;
            }
        }
        batch.put(&CARRIED, &CARRIED_KEY, &until);
        self.store.commit(batch, Durability::Sync).map_err(told)?;
        {
            let mut index = self.index_mut();
            let Some(rows) = self.rows_until(&index, until) else { return Ok(until) };
            for entry in index.entries.iter_mut().take(rows) {
                entry.header = Place::KEPT;
            }
        }
        self.logs.headers.remove_segments_before(segment).map_err(told)?;
        self.logs.rows.remove_segments_before(first_row_kept).map_err(told)?;
        Ok(until)
    }

    /// Returns how many blocks in memory have numbers on disk up to `until`.
    #[expect(clippy::unused_self, reason = "reads beside what it is used by")]
    fn rows_until(&self, index: &super::Index, until: Serial) -> Option<usize> {
        let count = index.entries.len();
        let serial = |row: usize| {
            u32::try_from(row + 1).map_or(Serial::MAX, |number| index.serial(BlockId::new(number)))
        };
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if serial(middle) <= until { low = middle + 1 } else { high = middle }
        }
        Some(low)
    }

    /// Returns the first file of headers that stays, and the number up to which headers lie in front of it; none if no file goes.
    fn outlived(&self, carried: Serial) -> Option<(u32, Serial)> {
        let segments = self.logs.headers.segments();
        let index = self.index();
        let mut found = None;
        let mut rows = index.entries.iter().zip(1_u32..).peekable();
        // The last file stays, whatever is in it.
        for &(segment, bytes) in segments.split_last()?.1 {
            let mut alive = 0_u64;
            let mut highest = None;
            while let Some((entry, number)) = rows.next_if(|(entry, _)| {
                entry.header.position().is_none_or(|position| position.segment <= segment)
            }) {
                if let Some(position) = entry.header.position() {
                    highest = Some(index.serial(BlockId::new(number)));
                    alive += if entry.known.is_deleted() { 0 } else { u64::from(position.len) };
                }
            }
            if alive > bytes / CARRY_PART {
                break;
            }
            // Blocks deleted before the last load are in no row; they lie below the next that is.
            let below = rows.peek().map(|&(_, number)| index.serial(BlockId::new(number)) - 1);
            let until = below.or(highest).unwrap_or(carried).max(carried);
            found = Some((segment + 1, until));
        }
        found
    }

    pub(super) fn read_pruning_set(
        &self,
        after: Option<Outpoint>,
        limit: usize,
    ) -> Result<Vec<(Outpoint, UtxoEntry)>, LedgerError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let snapshot = {
            let _still = self.pruning_set.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            self.store.snapshot().map_err(told)?
        };
        let from = after.map_or(Unbounded, |outpoint| Excluded(outpoint_key(&outpoint)));
        let mut entries = Vec::new();
        for row in snapshot.range(&PRUNING_COINS, (from, Unbounded)).map_err(told)?.take(limit) {
            let (key, EntryBytes(entry)) = row.map_err(told)?;
            let (id, index) = key.split_first_chunk::<32>().unwrap_or((&[0; 32], &[]));
            let index = index.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
            entries.push((Outpoint::new(Hash256::new(*id), index), entry));
        }
        Ok(entries)
    }
}

/// Applies the pieces of a diff to the pruning point's set, and with the last that the event at `position` is in.
fn move_set(
    logs: &Logs,
    store: &Store,
    pieces: &[Position],
    position: Position,
) -> Result<(), LedgerError> {
    let mut batch = Batch::new();
    for &piece in pieces {
        let bytes = logs.records.read(piece).map_err(told)?;
        let mut reader = Reader::new(&bytes);
        let diff =
            decode_diff(&mut reader).map_err(|error| undecodable("records", piece, &error))?;
        for outpoint in diff.removed().keys() {
            batch.delete(&PRUNING_COINS, &outpoint_key(outpoint));
        }
        for (outpoint, entry) in diff.added() {
            batch.put(&PRUNING_COINS, &outpoint_key(outpoint), &EntryBytes(entry.clone()));
        }
        if batch.bytes() > BATCH_BYTES {
            store.commit(std::mem::take(&mut batch), Durability::Buffered).map_err(told)?;
        }
    }
    batch.put(&PRUNED, &PRUNED_KEY, &position.end());
    store.commit(batch, Durability::Sync).map_err(told)
}

/// Makes the pruning point's set that of the last move, if a crash came between.
pub(super) fn redo(logs: &Logs, store: &Store, marks: &Marks) -> Result<(), LedgerError> {
    let start = match (marks.pruned, &marks.checkpoint) {
        (Some(pruned), _) => pruned.max(logs.events.first()),
        (None, _) => logs.events.first(),
    };
    walk_events(logs, start, |event, position| match event {
        Event::Pruned(pruned) => move_set(logs, store, &pruned.diff, position),
        _ => Ok(()),
    })
}
