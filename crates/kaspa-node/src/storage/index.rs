//! What is known of every block and where its parts lie: 44 bytes a block in memory.

use quintet_kaspa_protocol::dag::BlockId;
use quintet_store::segment::Position;

use super::codec::Serial;
use crate::ports::BlockStatus;

/// Where a part of a block lies, if it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(Position);

impl Place {
    /// There is none.
    pub(super) const NONE: Self = Self(Position { segment: u32::MAX, offset: 0, len: 0 });
    /// In the table of blocks that outlived their files.
    pub(super) const KEPT: Self = Self(Position { segment: u32::MAX, offset: 1, len: 0 });

    pub(super) const fn at(position: Position) -> Self {
        Self(position)
    }

    /// Returns where in the log it lies.
    pub(super) fn position(self) -> Option<Position> {
        (self.0.segment != u32::MAX).then_some(self.0)
    }
}

/// A row of the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) header: Place,
    pub(super) known: Known,
    /// The last block of its chain that is still there: the selected parent as long as that is.
    pub(super) parent: BlockId,
}

/// What events say of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) status: BlockStatus,
    pub(super) body: Place,
    pub(super) record: Place,
}

impl Known {
    /// Of a block that has a header and nothing else.
    pub(super) const HEADER: Self =
        Self { status: BlockStatus::HeaderOnly, body: Place::NONE, record: Place::NONE };

    pub(super) const fn set_body(&mut self, position: Position) {
        self.body = Place::at(position);
        self.status = BlockStatus::BodyPending;
    }

    pub(super) const fn set_record(&mut self, position: Position) {
        self.record = Place::at(position);
        self.status = BlockStatus::UtxoValid;
    }

    pub(super) const fn drop_body(&mut self) {
        *self = Self::HEADER;
    }

    pub(super) const fn delete(&mut self) {
        *self = Self { status: BlockStatus::Deleted, ..Self::HEADER };
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.status == BlockStatus::Deleted
    }
}

pub(super) const fn status_code(status: BlockStatus) -> u8 {
    match status {
        BlockStatus::HeaderOnly => 0,
        BlockStatus::BodyPending => 1,
        BlockStatus::UtxoValid => 2,
        BlockStatus::Disqualified => 3,
        BlockStatus::Invalid => 4,
        BlockStatus::Deleted => 5,
    }
}

pub(super) const fn status_of(code: u8) -> Option<BlockStatus> {
    Some(match code {
        0 => BlockStatus::HeaderOnly,
        1 => BlockStatus::BodyPending,
        2 => BlockStatus::UtxoValid,
        3 => BlockStatus::Disqualified,
        4 => BlockStatus::Invalid,
        5 => BlockStatus::Deleted,
        _ => return None,
    })
}

/// Which number a block has in memory and which on disk.
///
/// In memory numbers are dense after each load; on disk they are never given twice. Both ascend together.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    /// By number in memory, less one: those that were loaded.
    loaded: Vec<Serial>,
    /// Number on disk of the first block after them.
    next: Serial,
}

impl Numbers {
    /// Makes the numbers of a DAG that is being loaded, or new.
    pub(super) const fn new() -> Self {
        Self { loaded: Vec::new(), next: 1 }
    }

    /// Gives the next loaded block its number in memory. Numbers on disk ascend.
    pub(super) fn push(&mut self, serial: Serial) -> Option<BlockId> {
        self.loaded.push(serial);
        self.next = serial.saturating_add(1);
        u32::try_from(self.loaded.len()).ok().map(BlockId::new)
    }

    /// Says which number on disk the next new block has.
    pub(super) const fn go_on_from(&mut self, next: Serial) {
        self.next = next;
    }

    /// Returns a block's number on disk; that of the root is 0.
    pub(super) fn serial(&self, block: BlockId) -> Serial {
        let Some(row) = block.row().checked_sub(1) else { return 0 };
        match self.loaded.get(row) {
            Some(&serial) => serial,
            None => self.next + (row - self.loaded.len()) as Serial,
        }
    }

    /// Returns the block that has this number on disk, if it was loaded or came later.
    pub(super) fn block(&self, serial: Serial) -> Option<BlockId> {
        let block = |row: usize| u32::try_from(row + 1).ok().map(BlockId::new);
        match serial.checked_sub(self.next) {
            Some(later) => block(self.loaded.len() + usize::try_from(later).ok()?),
            None => self.loaded_block(serial),
        }
    }

    /// Returns the block that has this number on disk, if it was loaded.
    pub(super) fn loaded_block(&self, serial: Serial) -> Option<BlockId> {
        let block = |row: usize| u32::try_from(row + 1).ok().map(BlockId::new);
        // Most lie as far from the last as their numbers, since gaps are few and old.
        let last = *self.loaded.last()?;
        let back = usize::try_from(last.checked_sub(serial)?).ok()?;
        let near = self.loaded.len().checked_sub(back + 1);
        if let Some(row) = near.filter(|&row| self.loaded.get(row) == Some(&serial)) {
            return block(row);
        }
        self.loaded.binary_search(&serial).ok().and_then(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_back_and_forth_over_gaps() {
        let mut numbers = Numbers::new();
        for serial in [1, 7, 8, 9, 12] {
            numbers.push(serial).unwrap();
            assert_eq!(
                numbers.loaded_block(serial + 1),
                None,
                "what has not been loaded is not there"
            );
        }
        numbers.go_on_from(20);
        for (number, serial) in [(1, 1), (2, 7), (3, 8), (4, 9), (5, 12), (6, 20), (7, 21)] {
            let block = BlockId::new(number);
            assert_eq!(numbers.serial(block), serial);
            assert_eq!(numbers.block(serial), Some(block));
        }
        for gone in [0, 2, 6, 10, 13, 19] {
            assert_eq!(numbers.block(gone), None, "{gone}");
        }
        assert_eq!(numbers.serial(BlockId::ORIGIN), 0);
    }
}
