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
pub(super) const LINK: u32 = 1 << 14;
/// No code, or one that means nothing.
pub(super) const INVALID: u32 = 1 << 15;
/// Most symbols of any code.
const SYMBOLS_MAX: usize = 288;

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
        let entry = self.first(buffer);
        if entry.is(LINK) { self.linked(entry, buffer) } else { entry }
    }

    /// Returns what the next `BITS` bits mean, which may be a link.
    #[inline]
    pub(super) fn first(&self, buffer: u64) -> Entry {
        self.primary[low_16(buffer) & (SIZE - 1)]
    }

    /// Returns what stands behind a link.
    #[inline]
    pub(super) fn linked(&self, link: Entry, buffer: u64) -> Entry {
        let behind = low_16(buffer >> BITS) & self.link_mask;
        self.links.get(link.value() + behind).copied().unwrap_or(link)
    }

    /// Builds the table of a code: a length for every symbol, and what a symbol means. Returns whether the code is one.
    ///
    /// Every sequence of bits must be a symbol, but for a code of one symbol, whose length is then one bit, and for none at all.
    ///
    /// Symbols come in the order of their codes. The table begins with the entries of the shortest and doubles with each bit.
    pub(super) fn build(&mut self, lengths: &[u8], meanings: &[Entry]) -> bool {
        let mut counts = [0_usize; CODE_BITS_MAX + 1];
        for length in lengths {
            counts[usize::from(*length & 0xf)] += 1;
        }
        counts[0] = 0;
        self.links.clear();
        let used = |bits: &usize| counts[*bits] > 0;
        let bits = 1..=CODE_BITS_MAX;
        let (Some(shortest), Some(longest)) = (bits.clone().find(used), bits.clone().rfind(used))
        else {
            self.bits_min = 0;
            self.primary.fill(NO_CODE);
            return true;
        };
        let codes =
            bits.clone().fold(0, |codes, bits| codes + (counts[bits] << (CODE_BITS_MAX - bits)));
        if codes != 1 << CODE_BITS_MAX {
            // One symbol of one bit; the other bit is none.
            if longest > 1 || counts[1] > 1 {
                return false;
            }
            self.primary.fill(NO_CODE);
        }
        self.bits_min = u32::try_from(shortest).unwrap_or(0);
        self.link_mask = (1 << longest.saturating_sub(BITS as usize)) - 1;
        let mut ends = [0; CODE_BITS_MAX + 1];
        for bits in bits {
            ends[bits] = ends[bits - 1] + counts[bits - 1];
        }
        let mut sorted = [0_u16; SYMBOLS_MAX];
        for (symbol, bits) in (0_u16..).zip(lengths) {
            let at = &mut ends[usize::from(*bits & 0xf)];
            if *bits > 0 {
                sorted[*at % SYMBOLS_MAX] = symbol;
                *at += 1;
            }
        }
        let mut symbols = sorted.iter();
        let mut code = 0_usize;
        let last = longest.max(BITS as usize);
        for (bits, &count) in (0_u8..).zip(&counts).take(last + 1).skip(shortest) {
            for symbol in symbols.by_ref().take(count) {
                let entry = meanings[usize::from(*symbol)].with_code(bits);
                if u32::from(bits) <= BITS {
                    self.primary[code & (SIZE - 1)] = entry;
                } else {
                    self.insert(code, bits, entry);
                }
                code = next_code(code, bits);
            }
            if u32::from(bits) < BITS {
                self.primary.copy_within(..1 << bits, 1 << bits);
            }
        }
        true
    }

    /// Writes a symbol of a code longer than the index to every entry behind its link. The code's first bit is the lowest.
    fn insert(&mut self, code: usize, bits: u8, entry: Entry) {
        let behind = code >> BITS;
        if behind == 0 {
            // The first of its prefix. At most 143 prefixes of 16 entries: each is the beginning of two symbols at least.
            let begin = u16::try_from(self.links.len()).unwrap_or(u16::MAX);
            self.primary[code & (SIZE - 1)] = Entry::new(begin, LINK, 0);
            self.links.resize(self.links.len() + self.link_mask + 1, NO_CODE);
        }
        let prefix = self.primary[code & (SIZE - 1)];
        let begin = prefix.value() + behind;
        let end = prefix.value() + self.link_mask + 1;
        for slot in self.links[begin..end].iter_mut().step_by(1 << (u32::from(bits) - BITS)) {
            *slot = entry;
        }
    }
}

/// Returns the code after a code of so many bits, both with their first bit lowest; zero after the last.
fn next_code(code: usize, bits: u8) -> usize {
    let zeros = !code & ((1_usize << bits) - 1);
    if zeros == 0 {
        return 0;
    }
    let bit = 1 << zeros.ilog2();
    code & (bit - 1) | bit
}

/// What a symbol of literals and lengths means. The last two of the fixed code mean nothing.
const fn literal_or_length(symbol: u16) -> Entry {
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
const fn distance(symbol: u16) -> Entry {
    match symbol {
        0..4 => Entry::new(symbol + 1, 0, 0),
        4..30 => {
            let extra = (symbol - 2) / 2;
            Entry::new(1 + ((2 + symbol % 2) << extra), 0, extra)
        }
        _ => Entry::new(0, INVALID, 0),
    }
}

/// What no symbol means.
const NO_CODE: Entry = Entry::new(0, INVALID, 0);

/// What the symbols of literals and lengths mean.
pub(super) static LITERALS_AND_LENGTHS: [Entry; SYMBOLS_MAX] = {
    let mut all = [NO_CODE; SYMBOLS_MAX];
    let mut symbol = 0_u16;
    while (symbol as usize) < SYMBOLS_MAX {
        all[symbol as usize] = literal_or_length(symbol);
        symbol += 1;
    }
    all
};

/// What the symbols of distances mean.
pub(super) static DISTANCES: [Entry; 32] = {
    let mut all = [NO_CODE; 32];
    let mut symbol = 0_u16;
    while symbol < 32 {
        all[symbol as usize] = distance(symbol);
        symbol += 1;
    }
    all
};

/// What the symbols of the code of code lengths mean: themselves.
pub(super) static CODE_LENGTHS: [Entry; 19] = {
    let mut all = [NO_CODE; 19];
    let mut symbol = 0_u16;
    while symbol < 19 {
        all[symbol as usize] = Entry::new(symbol, 0, 0);
        symbol += 1;
    }
    all
};
