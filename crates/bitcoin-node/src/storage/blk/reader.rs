//! Finds the blocks in one block file, front to back.

use std::io::{self, Read};

use super::{FRAME_BYTES, Mask, READ_BYTES, is_block_length};

/// A record: what is framed as a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawBlock<'a> {
    /// Where the block's first byte lies in the file.
    pub offset: u64,
    /// The block, serialised, if it is one.
    pub bytes: &'a [u8],
}

/// How a walk over a block file went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlkReport {
    /// Records returned and not rejected.
    pub blocks: u64,
    /// Bytes of the file looked at so far.
    pub bytes: u64,
    /// Bytes that belong to no record and are not zero: garbage, and what is left of records cut short.
    pub skipped: u64,
    /// Offset of the first skipped byte.
    pub first_skipped: Option<u64>,
    /// Offset of the first record that says it goes on behind the end of the file.
    pub cut_short: Option<u64>,
}

/// A walk over one block file. It reads in large pieces and holds one record.
#[derive(Debug)]
pub struct BlkReader<R> {
    source: R,
    magic: [u8; 4],
    mask: Mask,
    /// Unmasked bytes of the file from `base` on.
    buffer: Vec<u8>,
    base: u64,
    /// Bytes of `buffer` that are done with.
    done: usize,
    /// Bytes behind `done` that the record returned last takes.
    pending: usize,
    ended: bool,
    report: BlkReport,
}

impl<R: Read> BlkReader<R> {
    /// Starts at the front of a file of the network with this magic.
    pub const fn new(source: R, magic: [u8; 4], mask: Mask) -> Self {
        let report =
            BlkReport { blocks: 0, bytes: 0, skipped: 0, first_skipped: None, cut_short: None };
        Self {
            source,
            magic,
            mask,
            buffer: Vec::new(),
            base: 0,
            done: 0,
            pending: 0,
            ended: false,
            report,
        }
    }

    /// Returns the next record, or `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// An I/O error of the source. What is wrong with the file's contents is no error: see [`BlkReader::report`].
    pub fn next_block(&mut self) -> io::Result<Option<RawBlock<'_>>> {
        self.take_pending();
        loop {
            self.fill(FRAME_BYTES)?;
            let Some(frame) = self.rest().first_chunk::<FRAME_BYTES>().copied() else {
                self.skip(self.rest().len());
                return Ok(None);
            };
            let [m0, m1, m2, m3, length @ ..] = frame;
            let length = u32::from_le_bytes(length);
            if [m0, m1, m2, m3] != self.magic || !is_block_length(length) {
                self.skip_to_magic();
                continue;
            }
            let whole = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(FRAME_BYTES);
            self.fill(whole)?;
            if self.rest().len() < whole {
                self.report.cut_short.get_or_insert(self.offset());
                self.skip_to_magic();
                continue;
            }
            self.pending = whole;
            self.report.blocks += 1;
            let offset = self.offset() + FRAME_BYTES as u64;
            let bytes = self.rest().get(FRAME_BYTES..whole).unwrap_or_default();
            return Ok(Some(RawBlock { offset, bytes }));
        }
    }

    /// Says that the record returned last is no block: the search goes on behind its magic, as if it were garbage.
    pub fn reject(&mut self) {
        if self.pending > 0 {
            self.pending = 0;
            self.report.blocks -= 1;
            self.skip_to_magic();
        }
    }

    /// Returns how it went so far.
    #[must_use]
    pub const fn report(&self) -> &BlkReport {
        &self.report
    }

    fn take_pending(&mut self) {
        self.done += self.pending;
        self.pending = 0;
        self.report.bytes = self.offset();
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.done..).unwrap_or_default()
    }

    /// Returns the offset in the file of the first byte that is not done with.
    const fn offset(&self) -> u64 {
        self.base + self.done as u64
    }

    /// Skips at least one byte, up to what may be the next magic.
    fn skip_to_magic(&mut self) {
        let [first, ..] = self.magic;
        let behind = self.rest().get(1..).unwrap_or_default();
        let next = behind.iter().position(|&byte| byte == first).unwrap_or(behind.len());
        self.skip(1 + next);
    }

    fn skip(&mut self, count: usize) {
        let offset = self.offset();
        let skipped = self.rest().get(..count).unwrap_or_default();
        if let Some(first) = skipped.iter().position(|&byte| byte != 0) {
            let garbage = skipped.iter().filter(|&&byte| byte != 0).count();
            self.report.skipped += garbage as u64;
            self.report.first_skipped.get_or_insert(offset + first as u64);
        }
        self.done = (self.done + count).min(self.buffer.len());
        self.report.bytes = self.offset();
    }

    /// Reads until `count` bytes are at hand, or the file ends.
    fn fill(&mut self, count: usize) -> io::Result<()> {
        if self.ended || self.rest().len() >= count {
            return Ok(());
        }
        self.buffer.drain(..self.done);
        self.base += self.done as u64;
        self.done = 0;
        let had = self.buffer.len();
        let wanted = count.max(READ_BYTES) - had;
        let read = (&mut self.source).take(wanted as u64).read_to_end(&mut self.buffer)?;
        self.ended = read < wanted;
        if let Some(fresh) = self.buffer.get_mut(had..) {
            self.mask.apply(fresh, self.base + had as u64);
        }
        Ok(())
    }
}
