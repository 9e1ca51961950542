//! Prefix codes as tables: the next bits of the stream are the index, the entry says what they mean.
//!
//! ```text
//!   entry:  value (16) │ invalid │ link │ end │ literal │ bits of the code (4) │ bits in all, code and extra (8)
//!
//!   next bits ──► primary[low BITS] ──► literal, length, distance, end, invalid
//!                        └─ link ────► links[value + the bits behind BITS]
//! ```
//!
//! # Invariants
//!
//! - A table is of a code that is complete, of a single code of one bit, or of none; whatever is not in it is invalid.
//! - An index is in range whatever the stream says: the primary table has an entry for every [`BITS`](Table) bits, and a link
//!   has one for every longer code.
//!
//! **Spec:** RFC 1951, sections 3.2.2, 3.2.5 and 3.2.7; Go's `compress/flate`, `huffmanDecoder.init`, for what is refused.

/// The symbol that ends a block.
pub(super) const END_OF_BLOCK: usize = 256;
/// Most bits of a code.
const CODE_BITS_MAX: usize = 15;
/// The value is a byte of output.
pub(super) const LITERAL: u32 = 1 << 12;
/// The block ends.
pub(super) const END: u32 = 1 << 13;
/// The value is where a longer code's entries begin.
const LINK: u32 = 1 << 14;
/// No code, or one that means nothing.
pub(super) const INVALID: u32 = 1 << 15;
/// An entry: what bits mean. See the module's documentation for its layout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u32);

impl Entry {
    const fn new(value: u16, kind: u32, extra: u16) -> Self {
        Self((value as u32) << 16 | kind | extra as u32)
    }

    /// Returns the entry with the bits of its code.
    fn with_code(self, bits: u8) -> Self {
        Self(self.0 + (u32::from(bits) << 8) + u32::from(bits))
    }

    pub(super) const fn is(self, kind: u32) -> bool {
        self.0 & kind != 0
    }

    /// Returns the bits of code and extra together.
    pub(super) const fn bits(self) -> u32 {
        self.0 & 0xff
    }

    /// Returns the bits of the code.
    pub(super) const fn code_bits(self) -> u32 {
        self.0 >> 8 & 0xf
    }

    /// Returns the literal, or the base of a length or distance.
    pub(super) const fn value(self) -> usize {
        (self.0 >> 16) as usize
    }

    /// Returns the literal, or a code length: the value's low byte.
    pub(super) const fn literal(self) -> u8 {
        self.0.to_le_bytes()[2]
    }

    /// Returns length or distance: the base and the extra bits behind the code, which are at most 13.
    pub(super) const fn with_extra(self, buffer: u64) -> usize {
        let bits = buffer & ((1 << self.bits()) - 1);
        self.value() + low_16(bits >> self.code_bits())
    }
}

/// Returns the lowest 16 bits.
pub(super) const fn low_16(buffer: u64) -> usize {
    let [low, high, ..] = buffer.to_le_bytes();
    u16::from_le_bytes([low, high]) as usize
}

/// A prefix code, looked up by its next `BITS` bits, which make `SIZE` entries.
pub(super) struct Table<const BITS: u32, const SIZE: usize> {
    primary: [Entry; SIZE],
    links: Vec<Entry>,
    link_mask: usize,
    /// Bits that must be there before anything is looked up: those of the shortest code, or of the block's end.
    pub(super) bits_min: u32,
}

impl<const BITS: u32, const SIZE: usize> Table<BITS, SIZE> {
    /// Makes the table of no code.
    pub(super) const fn new() -> Self {
        const { assert!(SIZE == 1 << BITS, "an entry for every value of the bits") };
        Self {
            primary: [Entry::new(0, INVALID, 0); SIZE],
            links: Vec::new(),
            link_mask: 0,
            bits_min: 0,
        }
    }

    /// Returns what the next bits mean.
    #[inline]
    pub(super) fn look_up(&self, buffer: u64) -> Entry {
        let entry = self.primary[low_16(buffer) & (SIZE - 1)];
        if entry.is(LINK) {
            let behind = low_16(buffer >> BITS) & self.link_mask;
            return self.links.get(entry.value() + behind).copied().unwrap_or(entry);
        }
        entry
    }

    /// Builds the table of a code: a length for every symbol, and what a symbol means. Returns whether the code is one.
    ///
    /// Every sequence of bits must be a symbol, but for a code of one symbol, whose length is then one bit, and for none at all.
    pub(super) fn build(&mut self, lengths: &[u8], meaning: impl Fn(u16) -> Entry) -> bool {
        let mut counts = [0_u16; CODE_BITS_MAX + 1];
        for length in lengths {
            counts[usize::from(*length)] += 1;
        }
        counts[0] = 0;
        self.primary.fill(Entry::new(0, INVALID, 0));
        self.links.clear();
        let used = || (0_u8..).zip(&counts).filter(|(_, count)| **count > 0).map(|(bits, _)| bits);
        let (Some(shortest), Some(longest)) = (used().min(), used().max()) else {
            self.bits_min = 0;
            return true;
        };
        self.bits_min = shortest.into();
        let mut next = [0_u32; CODE_BITS_MAX + 2];
        for bits in 1..=CODE_BITS_MAX {
            next[bits + 1] = (next[bits] + u32::from(counts[bits])) << 1;
        }
        let codes = (next[usize::from(longest) + 1]) >> 1;
        if codes != 1 << longest && !(codes == 1 && longest == 1) {
            return false;
        }
        let link_bits = u32::from(longest).saturating_sub(BITS);
        self.link_mask = (1 << link_bits) - 1;
        for (symbol, &bits) in (0_u16..).zip(lengths).filter(|(_, bits)| **bits > 0) {
            let code = next[usize::from(bits)];
            next[usize::from(bits)] += 1;
            let reversed = low_16(u64::from(code.reverse_bits() >> (32 - u32::from(bits))));
            self.insert(reversed, bits, meaning(symbol).with_code(bits));
        }
        true
    }

    /// Writes a symbol to every entry its code is the beginning of. The code's first bit is the lowest.
    fn insert(&mut self, code: usize, bits: u8, entry: Entry) {
        if u32::from(bits) <= BITS {
            for slot in self.primary[code..].iter_mut().step_by(1 << bits) {
                *slot = entry;
            }
            return;
        }
        let prefix = &mut self.primary[code & (SIZE - 1)];
        if !prefix.is(LINK) {
            // At most 143 prefixes of 16 entries: each is the beginning of two symbols at least.
            let begin = u16::try_from(self.links.len()).unwrap_or(u16::MAX);
            *prefix = Entry::new(begin, LINK, 0);
            self.links.resize(self.links.len() + self.link_mask + 1, Entry::new(0, INVALID, 0));
        }
        let begin = prefix.value() + (code >> BITS);
        let end = prefix.value() + self.link_mask + 1;
        for slot in self.links[begin..end].iter_mut().step_by(1 << (u32::from(bits) - BITS)) {
            *slot = entry;
        }
    }
}

/// What a symbol of literals and lengths means. The last two of the fixed code mean nothing.
pub(super) fn literal_or_length(symbol: u16) -> Entry {
    match symbol {
        0..256 => Entry::new(symbol, LITERAL, 0),
        256 => Entry::new(0, END, 0),
        257..265 => Entry::new(symbol - 254, 0, 0),
        265..285 => {
            let extra = (symbol - 261) / 4;
            Entry::new(3 + ((4 + (symbol - 257) % 4) << extra), 0, extra)
        }
        285 => Entry::new(258, 0, 0),
        _ => Entry::new(0, INVALID, 0),
    }
}

/// What a symbol of distances means. The last two of the fixed code mean nothing.
pub(super) fn distance(symbol: u16) -> Entry {
    match symbol {
        0..4 => Entry::new(symbol + 1, 0, 0),
        4..30 => {
            let extra = (symbol - 2) / 2;
            Entry::new(1 + ((2 + symbol % 2) << extra), 0, extra)
        }
        _ => Entry::new(0, INVALID, 0),
    }
}

/// What a symbol of the code of code lengths means: itself.
pub(super) fn code_length(symbol: u16) -> Entry {
    Entry::new(symbol, 0, 0)
}
