//! Bit streams, most significant bit first, and the Golomb-Rice code on them.
//!
//! A number is written as its quotient by 2^P in unary (ones, then a zero) and its remainder in P bits.
//!
//! **Spec:** BIP-0158, "Golomb-Rice Coding".

/// Reads bits from the front.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Reads a number. `None` if the stream ends before it does.
    pub(super) fn golomb_rice(&mut self, remainder_bits: u32) -> Option<u64> {
        let mut quotient = 0_u64;
        while self.bit()? {
            quotient += 1;
        }
        let mut remainder = 0;
        for _ in 0..remainder_bits {
            remainder = remainder << 1 | u64::from(self.bit()?);
        }
        Some((quotient << remainder_bits) + remainder)
    }

    /// Returns the bytes of which no bit was read.
    pub(super) const fn whole_bytes_left(&self) -> usize {
        self.bytes.len() - self.at.div_ceil(8)
    }
}

/// Appends bits; the last byte is filled with zeros.
#[derive(Debug)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are free.
    free: u32,
}

impl BitWriter {
    /// Appends after `bytes`.
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, free: 0 }
    }

    fn bit(&mut self, bit: bool) {
        if self.free == 0 {
            self.bytes.push(0);
            self.free = 8;
        }
        self.free -= 1;
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << self.free;
        }
    }

    pub(super) fn golomb_rice(&mut self, number: u64, remainder_bits: u32) {
        for _ in 0..number >> remainder_bits {
            self.bit(true);
        }
        self.bit(false);
        for place in (0..remainder_bits).rev() {
            self.bit(number >> place & 1 == 1);
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_as_written() {
        let numbers = [0, 1, 0x7_ffff, 0x8_0000, 5 << 19 | 3];
        let mut writer = BitWriter::new(Vec::new());
        numbers.iter().for_each(|number| writer.golomb_rice(*number, 19));
        let bytes = writer.finish();
        let mut reader = BitReader::new(&bytes);
        for number in numbers {
            assert_eq!(reader.golomb_rice(19), Some(number));
        }
        assert_eq!(reader.whole_bytes_left(), 0);
    }

    #[test]
    fn an_endless_quotient_ends_with_the_stream() {
        assert_eq!(BitReader::new(&[0xff; 100]).golomb_rice(19), None);
    }
}
