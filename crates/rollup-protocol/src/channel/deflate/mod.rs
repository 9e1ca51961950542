//! Deflate as op-node's decoder reads it, to the byte at which it stops.
//!
//! What comes out of a broken stream before it breaks is part of the chain, so which streams break, and where, is consensus. The
//! decoders at hand differ in just that. libdeflate takes codes with one symbol for complete and gives meaning to symbols that have
//! none; `miniz_oxide` 0.9 puts out wrong bytes at some sizes of the memory it is given. A batcher who wrote such streams would have
//! split the nodes. So this one follows Go's `compress/flate`, which op-node reads with:
//!
//! - a code is complete, or a single symbol of one bit, or none;
//! - a symbol is read when its own bits are there, and never before those of the block's end would be;
//! - a match is there as a whole or not at all, what is stored as far as it is there;
//! - there is no length symbol above 285, no distance symbol above 29, no distance to before the beginning.
//!
//! ```text
//!   block ──► stored: bytes
//!        └──► fixed or dynamic codes ──► quick: 8 bytes of input and a whole match of room ──► no checks but of what is read
//!                                   └──► careful: at the end of the input, bit by bit
//! ```
//!
//! # Invariants
//!
//! - A smaller cap gives a prefix: decoding is the same whatever the cap is, and stops once it is reached.
//! - Memory for output grows with what was written, up to the cap and [`SLACK`], and is cleared a step before it is written.
//!
//! **Spec:** RFC 1951.

mod bits;
mod table;

use self::{
    bits::Bits,
    table::{
        CODE_LENGTHS, DISTANCES, END, END_OF_BLOCK, INVALID, LINK, LITERAL, LITERALS_AND_LENGTHS,
        Table,
    },
};

/// Longest match, in bytes.
const MATCH_MAX: usize = 258;
/// Literals read before input is refilled.
const LITERALS_AT_ONCE: usize = 4;
/// Bytes copied at once.
const STRIDE: usize = 32;
/// Bytes copied at once from nearby.
const SHORT_STRIDE: usize = 8;
/// Bytes of room behind the cap: literals, a match and what copying it overwrites.
const SLACK: usize = LITERALS_AT_ONCE + MATCH_MAX + STRIDE;
/// Output expected of input, at first, as a multiple.
const FIRST_GUESS: usize = 4;
/// Bytes by which the written part of the memory grows: few enough to be still in the nearest cache when they are written again.
const STEP: usize = 1 << 14;
/// Most symbols of literals and lengths in a block that says how many it has.
const LITERALS_MAX: usize = 286;
/// Most symbols of distances, likewise.
const DISTANCES_MAX: usize = 30;
/// The order in which the lengths of the code of code lengths come.
const CODE_LENGTHS_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What a stream gave.
pub(super) struct Deflated<'a> {
    /// The content.
    pub(super) output: Vec<u8>,
    /// How much there was each time an empty stored block was met.
    pub(super) flushes: Vec<usize>,
    /// What follows the last block, if that was read to its end.
    pub(super) rest: Option<&'a [u8]>,
}

/// The stream breaks, or the cap is reached: nothing comes after what was written.
struct Stop;

/// Inflates a raw deflate stream to at most `cap` bytes, as far as it goes.
pub(super) fn deflated(input: &[u8], cap: usize) -> Deflated<'_> {
    let guess = input.len().saturating_mul(FIRST_GUESS).max(STEP).min(cap).saturating_add(SLACK);
    let mut decoder = Decoder {
        bits: Bits::new(input),
        output: Vec::with_capacity(guess),
        written: 0,
        cap,
        flushes: Vec::new(),
        literals: Box::new(Table::new()),
        distances: Box::new(Table::new()),
        code_lengths: Table::new(),
    };
    let mut more = Ok(true);
    while let Ok(true) = more {
        more = decoder.block();
    }
    let rest = more.is_ok().then(|| decoder.bits.bytes());
    let length = decoder.written.min(cap);
    decoder.output.truncate(length);
    Deflated { output: decoder.output, flushes: decoder.flushes, rest }
}

/// A stream being inflated.
struct Decoder<'a> {
    bits: Bits<'a>,
    /// Memory for output; what is coded is written where [`SLACK`] is left behind it.
    output: Vec<u8>,
    written: usize,
    cap: usize,
    flushes: Vec<usize>,
    literals: Box<Table<11, 2048>>,
    distances: Box<Table<8, 256>>,
    code_lengths: Table<7, 128>,
}

impl Decoder<'_> {
    /// Inflates a block. Returns whether another one follows.
    fn block(&mut self) -> Result<bool, Stop> {
        let header = self.bits.take(3).ok_or(Stop)?;
        match header >> 1 {
            0 => self.stored(header & 1 == 1)?,
            1 => {
                self.fixed_codes();
                self.coded()?;
            }
            2 => {
                self.dynamic_codes()?;
                self.coded()?;
            }
            _ => return Err(Stop),
        }
        Ok(header & 1 == 0)
    }

    /// Copies a stored block, as much of it as there is.
    fn stored(&mut self, last: bool) -> Result<(), Stop> {
        let &[a, b, c, d, ref rest @ ..] = self.bits.bytes() else { return Err(Stop) };
        let length = u16::from_le_bytes([a, b]);
        if length != !u16::from_le_bytes([c, d]) {
            return Err(Stop);
        }
        let wanted = usize::from(length);
        // One for what was written since the one before: a stream of nothing but empty blocks leaves no trace.
        if wanted == 0 && !last && self.flushes.last() != Some(&self.written) {
            self.flushes.push(self.written);
        }
        let there = &rest[..wanted.min(rest.len()).min(self.cap.saturating_sub(self.written))];
        let end = self.written + there.len();
        self.output.truncate(self.written);
        self.output.extend_from_slice(there);
        self.written = end;
        self.bits.skip_bytes(4 + there.len());
        if there.len() < wanted { Err(Stop) } else { Ok(()) }
    }

    fn fixed_codes(&mut self) {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        // Both are complete.
        self.literals.build(&lengths, &LITERALS_AND_LENGTHS);
        self.distances.build(&[5; 32], &DISTANCES);
    }

    /// Reads the codes of a block.
    fn dynamic_codes(&mut self) -> Result<(), Stop> {
        let sizes = self.bits.take(14).ok_or(Stop)?;
        let (literals, distances) = ((sizes & 0x1f) + 257, (sizes >> 5 & 0x1f) + 1);
        if literals > LITERALS_MAX || distances > DISTANCES_MAX {
            return Err(Stop);
        }
        let mut lengths = [0; CODE_LENGTHS_ORDER.len()];
        for symbol in &CODE_LENGTHS_ORDER[..(sizes >> 10) + 4] {
            lengths[*symbol] = self.bits.take(3).ok_or(Stop)?.to_le_bytes()[0];
        }
        if !self.code_lengths.build(&lengths, &CODE_LENGTHS) {
            return Err(Stop);
        }
        let mut lengths = [0; LITERALS_MAX + DISTANCES_MAX];
        let lengths = &mut lengths[..literals + distances];
        let mut at = 0;
        while at < lengths.len() {
            let symbol = self.bits.symbol(&self.code_lengths).ok_or(Stop)?;
            let (repeated, extra, base) = match symbol.value() {
                0..16 => (symbol.literal(), 0, 1),
                16 if at > 0 => (lengths[at - 1], 2, 3),
                16 => return Err(Stop),
                17 => (0, 3, 3),
                _ => (0, 7, 11),
            };
            let count = base + self.bits.take(extra).ok_or(Stop)?;
            lengths.get_mut(at..at + count).ok_or(Stop)?.fill(repeated);
            at += count;
        }
        let (of_literals, of_distances) = lengths.split_at(literals);
        if !self.literals.build(of_literals, &LITERALS_AND_LENGTHS)
            || !self.distances.build(of_distances, &DISTANCES)
        {
            return Err(Stop);
        }
        // Every block ends with its end, so Go never reads less than that would need: at the end of a torn stream
        // a literal with a shorter code is not read although it is there.
        let end = of_literals[END_OF_BLOCK].into();
        self.literals.bits_min = self.literals.bits_min.max(end);
        Ok(())
    }

    /// Inflates what is coded, to the end of the block.
    fn coded(&mut self) -> Result<(), Stop> {
        loop {
            if self.written >= self.cap {
                return Err(Stop);
            }
            if self.written.saturating_add(SLACK) >= self.output.len() {
                self.clear_ahead();
            }
            let limit = self.output.len() - SLACK;
            if self.quick()? || self.written < limit && self.careful()? {
                return Ok(());
            }
        }
    }

    /// Makes the next step of the memory writable.
    fn clear_ahead(&mut self) {
        let length = self.written.saturating_add(STEP).min(self.cap) + SLACK;
        if length > self.output.capacity() {
            let capacity = length.saturating_mul(2).min(self.cap.saturating_add(SLACK));
            self.output.reserve_exact(capacity - self.output.len());
        }
        self.output.resize(length, 0);
    }

    /// Reads symbols while there is input for the longest and room for it. Returns whether the block ended.
    fn quick(&mut self) -> Result<bool, Stop> {
        let (literals, distances) = (&*self.literals, &*self.distances);
        let output = self.output.as_mut_slice();
        let limit = output.len() - SLACK;
        let (mut bits, mut at) = (self.bits, self.written);
        let mut outcome = Ok(false);
        let mut more = at < limit && bits.refill();
        let mut entry = literals.first(bits.buffer());
        while more {
            if entry.is(LITERAL) {
                // Each has 11 bits at most, and what is looked up behind the last 15.
                for _ in 0..LITERALS_AT_ONCE {
                    output[at] = entry.literal();
                    at += 1;
                    bits.consume(entry.bits());
                    entry = literals.first(bits.buffer());
                    if !entry.is(LITERAL) {
                        break;
                    }
                }
                more = at < limit && bits.refill();
                continue;
            }
            if entry.is(LINK) {
                entry = literals.linked(entry, bits.buffer());
                if entry.is(LITERAL) {
                    output[at] = entry.literal();
                    at += 1;
                    bits.consume(entry.bits());
                    more = at < limit && bits.refill();
                    entry = literals.first(bits.buffer());
                    continue;
                }
            }
            if entry.is(END | INVALID) {
                bits.consume(entry.bits());
                outcome = if entry.is(END) { Ok(true) } else { Err(Stop) };
                break;
            }
            let length = entry.with_extra(bits.buffer());
            bits.consume(entry.bits());
            let after = distances.look_up(bits.buffer());
            let distance = after.with_extra(bits.buffer());
            bits.consume(after.bits());
            if after.is(INVALID) || distance > at {
                outcome = Err(Stop);
                break;
            }
            // What comes next is looked up before the copy, which takes its time.
            more = at + length < limit && bits.refill();
            entry = literals.first(bits.buffer());
            copy_match(output, at, distance, length);
            at += length;
        }
        (self.bits, self.written) = (bits, at);
        outcome
    }

    /// Reads a symbol where the input may end in it. Returns whether the block ended.
    fn careful(&mut self) -> Result<bool, Stop> {
        let entry = self.bits.symbol(&self.literals).ok_or(Stop)?;
        if entry.is(LITERAL) {
            self.output[self.written] = entry.literal();
            self.written += 1;
            return Ok(false);
        }
        if entry.is(END) {
            return Ok(true);
        }
        let length = self.bits.extra(entry).ok_or(Stop)?;
        let entry = self.bits.symbol(&self.distances).ok_or(Stop)?;
        let distance = self.bits.extra(entry).ok_or(Stop)?;
        if distance > self.written {
            return Err(Stop);
        }
        copy_match(&mut self.output, self.written, distance, length);
        self.written += length;
        Ok(false)
    }
}

/// Copies `length` bytes to `at` from `distance` bytes before. Up to a stride behind them is overwritten.
#[inline]
fn copy_match(output: &mut [u8], at: usize, distance: usize, length: usize) {
    let end = at + length;
    if distance >= STRIDE {
        copy_in_strides::<STRIDE>(output, at, distance, end);
    } else if distance >= SHORT_STRIDE {
        copy_in_strides::<SHORT_STRIDE>(output, at, distance, end);
    } else if distance == 1 {
        let repeated = output[at - 1];
        output[at..end].fill(repeated);
    } else {
        for index in at..end {
            output[index] = output[index - distance];
        }
    }
}

#[inline]
fn copy_in_strides<const BYTES: usize>(
    output: &mut [u8],
    mut at: usize,
    distance: usize,
    end: usize,
) {
    while at < end {
        output.copy_within(at - distance..at - distance + BYTES, at);
        at += BYTES;
    }
}
