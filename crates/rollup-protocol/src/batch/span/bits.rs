//! Bit lists: numbers, big-endian, so that bit 0 is the lowest bit of the last byte.
//!
//! **Spec:** `delta/span-batches.md`, "Span batch format".

/// A list of bits where it lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a>(pub(super) &'a [u8]);

impl Bits<'_> {
    /// Returns the bit at `index`, unset behind the end.
    pub(super) fn get(self, index: usize) -> bool {
        let byte = self.0.len().checked_sub(1 + index / 8).and_then(|at| self.0.get(at));
        byte.is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// Returns how many bits are set.
    pub(super) fn count(self) -> usize {
        self.0.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Returns whether a bit at or behind `len` is set.
    pub(super) fn exceeds(self, len: usize) -> bool {
        let used = len % 8;
        used != 0 && self.0.first().is_some_and(|byte| byte >> used != 0)
    }
}

/// Returns how many bytes a list of `len` bits has.
pub(super) const fn bytes_of(len: usize) -> usize {
    len.div_ceil(8)
}

/// Appends a list of bits.
pub(super) fn write(bits: &[bool], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes_of(bits.len()), 0);
    let list = &mut out[start..];
    let last = list.len().wrapping_sub(1);
    for (index, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
        list[last - index / 8] |= 1 << (index % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_is_the_lowest_of_the_last_byte() {
        let bits = [true, false, false, false, false, false, false, false, true, true];
        let mut bytes = Vec::new();
        write(&bits, &mut bytes);
        assert_eq!(bytes, [0b11, 0b1]);
        let list = Bits(&bytes);
        assert_eq!((0..10).map(|index| list.get(index)).collect::<Vec<_>>(), bits);
        assert!(!list.get(10) && !list.get(1_000));
        assert_eq!(list.count(), 3);
        assert!(!list.exceeds(10) && list.exceeds(9));
    }
}
