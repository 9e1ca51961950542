//! The input as bits, lowest first.
//!
//! # Invariants
//!
//! - The buffer holds the next `count` bits of the stream, and above them more of the stream's bits or zeros, never others.
//! - At the end of the input, after a refill, `count` is exactly what is left.
//!
//! **Spec:** RFC 1951, section 3.1.1.

use super::table::{Entry, INVALID, Table, low_16};

/// Bits a refill leaves at least, while the input lasts: a length, a distance and what both need behind their codes are 48.
const REFILLED: u32 = 56;

/// The input and how far it is read.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    input: &'a [u8],
    /// The next byte that is not counted in the buffer.
    at: usize,
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0, buffer: 0, count: 0 }
    }

    /// Returns the next bits.
    pub(super) const fn buffer(&self) -> u64 {
        self.buffer
    }

    /// Fills the buffer up if 8 bytes of input are left, and returns whether they were.
    #[inline]
    pub(super) fn refill(&mut self) -> bool {
        let Some(next) = self.input.get(self.at..).and_then(<[u8]>::first_chunk) else {
            return false;
        };
        // What does not fit is read again: the bits above the count are those that come next.
        self.buffer |= u64::from_le_bytes(*next) << self.count;
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= REFILLED;
        true
    }

    /// Fills the buffer up to the last byte of the input.
    fn refill_to_the_end(&mut self) {
        if self.refill() {
            return;
        }
        while let (true, Some(next)) = (self.count < REFILLED, self.input.get(self.at)) {
            self.buffer |= u64::from(*next) << self.count;
            self.at += 1;
            self.count += 8;
        }
    }

    /// Drops bits that are there.
    #[inline]
    pub(super) const fn consume(&mut self, bits: u32) {
        self.buffer >>= bits;
        self.count -= bits;
    }

    /// Takes up to 16 bits, if they are there.
    pub(super) fn take(&mut self, bits: u32) -> Option<usize> {
        self.refill_to_the_end();
        if self.count < bits {
            return None;
        }
        let taken = low_16(self.buffer & ((1 << bits) - 1));
        self.consume(bits);
        Some(taken)
    }

    /// Takes a symbol's code, if it is there and is one; its extra bits stay.
    pub(super) fn symbol<const BITS: u32, const SIZE: usize>(
        &mut self,
        table: &Table<BITS, SIZE>,
    ) -> Option<Entry> {
        self.refill_to_the_end();
        let entry = table.look_up(self.buffer);
        if entry.is(INVALID) || self.count < entry.code_bits().max(table.bits_min) {
            return None;
        }
        self.consume(entry.code_bits());
        Some(entry)
    }

    /// Takes the extra bits of a symbol and returns length or distance.
    pub(super) fn extra(&mut self, entry: Entry) -> Option<usize> {
        Some(entry.value() + self.take(entry.bits() - entry.code_bits())?)
    }

    /// Goes on at the next whole byte and returns what comes from there.
    pub(super) fn bytes(&mut self) -> &'a [u8] {
        self.at -= (self.count / 8) as usize;
        (self.buffer, self.count) = (0, 0);
        &self.input[self.at..]
    }

    /// Drops bytes of those that [`Self::bytes`] returned last.
    pub(super) const fn skip_bytes(&mut self, bytes: usize) {
        self.at += bytes;
    }
}
