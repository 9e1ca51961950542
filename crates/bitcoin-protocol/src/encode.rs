//! Reading Bitcoin's wire format out of a buffer a stranger filled.
//!
//! The reader copies nothing: it hands out slices of the buffer. A count it reads is a claim; memory
//! is reserved for what the rest of the buffer could hold, never for what the count says.
//!
//! **Spec:** the serialisation rules of Bitcoin Core, BIP-0144 for witnesses.

use thiserror::Error;

/// Longest buffer that is parsed, bytes, and largest count that is read.
///
/// Bitcoin Core's limit for any serialised size (32 MiB).
pub const SIZE_MAX: usize = 0x0200_0000;

/// Why bytes are no transaction, header or block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The buffer ends inside a field.
    #[error("byte {at}: expected {expected} more bytes, got {actual}")]
    End {
        /// Where the field begins.
        at: usize,
        /// Bytes the field takes.
        expected: usize,
        /// Bytes left.
        actual: usize,
    },
    /// A count is written in more bytes than it takes.
    #[error(
        "byte {at}: expected a compact size in its shortest form, got {actual} in a longer one"
    )]
    NonCanonicalSize {
        /// Where the count begins.
        at: usize,
        /// The count.
        actual: u64,
    },
    /// A count or a buffer is larger than anything valid.
    #[error("byte {at}: expected a size of at most {SIZE_MAX}, got {actual}")]
    TooLarge {
        /// Where the count begins.
        at: usize,
        /// The count.
        actual: u64,
    },
    /// The marker announces witnesses, and every witness is empty.
    #[error("byte {at}: expected a witness that is not empty after the witness marker")]
    SuperfluousWitness {
        /// Where the transaction begins.
        at: usize,
    },
    /// The marker announces data nobody has defined.
    #[error("byte {at}: expected the witness flag 1, got {actual}")]
    UnknownFlags {
        /// Where the transaction begins.
        at: usize,
        /// The flags byte, without the witness flag.
        actual: u8,
    },
    /// The buffer goes on after its content.
    #[error("byte {at}: expected the end, got {actual} more bytes")]
    Trailing {
        /// Where the content ends.
        at: usize,
        /// Bytes after it.
        actual: usize,
    },
}

impl DecodeError {
    /// Returns what Bitcoin Core's log says of it, where it says something tools look for.
    #[must_use]
    pub const fn core_words(&self) -> Option<&'static str> {
        match self {
            Self::End { .. } => Some("DataStream::read(): end of data"),
            Self::NonCanonicalSize { .. } => Some("non-canonical ReadCompactSize()"),
            Self::TooLarge { .. } => Some("ReadCompactSize(): size too large"),
            Self::SuperfluousWitness { .. } => Some("Superfluous witness record"),
            Self::UnknownFlags { .. } => Some("Unknown transaction optional data"),
            Self::Trailing { .. } => None,
        }
    }
}

/// A position in a buffer of at most [`SIZE_MAX`] bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of `bytes`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`] if the buffer is longer than [`SIZE_MAX`].
    pub const fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > SIZE_MAX {
            return Err(DecodeError::TooLarge { at: 0, actual: bytes.len() as u64 });
        }
        Ok(Self { bytes, at: 0 })
    }

    /// Returns the position, bytes from the beginning.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Returns the bytes that are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Takes the next `len` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::End`] if there are fewer.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let left = self.left();
        if len > left {
            return Err(DecodeError::End { at: self.at, expected: len, actual: left });
        }
        let taken = &self.bytes[self.at..self.at + len];
        self.at += len;
        Ok(taken)
    }

    /// Takes the next `N` bytes by value.
    ///
    /// # Errors
    ///
    /// [`DecodeError::End`] if there are fewer.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let left = self.left();
        match self.bytes[self.at..].first_chunk::<N>() {
            Some(array) => {
                self.at += N;
                Ok(*array)
            }
            None => Err(DecodeError::End { at: self.at, expected: N, actual: left }),
        }
    }

    /// Takes a little-endian `u32`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::End`] if the buffer ends before.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes a little-endian `u64`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::End`] if the buffer ends before.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes a compact size in its shortest form, at most [`SIZE_MAX`].
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the buffer ends before, or the size is too large or in a longer form.
    #[inline]
    pub fn size(&mut self) -> Result<usize, DecodeError> {
        let at = self.at;
        let actual = self.number()?;
        match usize::try_from(actual) {
            Ok(size) if size <= SIZE_MAX => Ok(size),
            _ => Err(DecodeError::TooLarge { at, actual }),
        }
    }

    /// Takes a number in the shortest form of a compact size: services of a peer, which are no size of anything.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the buffer ends before, or the number is in a longer form.
    #[inline]
    pub fn number(&mut self) -> Result<u64, DecodeError> {
        let at = self.at;
        let [first] = self.array()?;
        let (actual, least) = match first {
            0..=0xfc => return Ok(u64::from(first)),
            0xfd => (u64::from(u16::from_le_bytes(self.array()?)), 0xfd),
            0xfe => (u64::from(self.u32()?), 0x1_0000),
            0xff => (self.u64()?, 0x1_0000_0000),
        };
        if actual < least {
            return Err(DecodeError::NonCanonicalSize { at, actual });
        }
        Ok(actual)
    }

    /// Takes a byte string behind its compact size.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the size is wrong or the buffer ends before.
    #[inline]
    pub fn sized(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.size()?;
        self.take(len)
    }

    /// Reads a count of things that take at least `least_bytes` each, and returns it with what may be reserved for them.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the count is wrong or the buffer ends before.
    #[inline]
    pub fn count(&mut self, least_bytes: usize) -> Result<(usize, usize), DecodeError> {
        let count = self.size()?;
        Ok((count, count.min(self.left() / least_bytes.max(1))))
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Trailing`] if bytes are left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.left() {
            0 => Ok(()),
            actual => Err(DecodeError::Trailing { at: self.at, actual }),
        }
    }
}

/// Appends a compact size in its shortest form.
pub fn put_size(out: &mut Vec<u8>, size: u64) {
    match size {
        0..=0xfc => out.push(size.to_le_bytes()[0]),
        0xfd..=0xffff => {
            out.push(0xfd);
            out.extend_from_slice(&size.to_le_bytes()[..2]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xfe);
            out.extend_from_slice(&size.to_le_bytes()[..4]);
        }
        _ => {
            out.push(0xff);
            out.extend_from_slice(&size.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(bytes: &[u8]) -> Result<usize, DecodeError> {
        Reader::new(bytes).unwrap().size()
    }

    #[test]
    fn sizes_are_read_back_as_written() {
        for expected in [0, 1, 0xfc, 0xfd, 0xffff, 0x1_0000, SIZE_MAX] {
            let mut bytes = Vec::new();
            put_size(&mut bytes, expected as u64);
            assert_eq!(size(&bytes), Ok(expected));
            for cut in 0..bytes.len() {
                assert!(matches!(size(&bytes[..cut]), Err(DecodeError::End { .. })));
            }
        }
    }

    #[test]
    fn a_size_in_a_longer_form_is_refused() {
        for bytes in
            [&[0xfd, 0xfc, 0][..], &[0xfe, 0xff, 0xff, 0, 0], &[0xff, 1, 0, 0, 0, 0, 0, 0, 0]]
        {
            assert!(matches!(size(bytes), Err(DecodeError::NonCanonicalSize { at: 0, .. })));
        }
    }

    #[test]
    fn a_size_beyond_the_limit_is_refused() {
        let refused = size(&[0xfe, 1, 0, 0, 2]);
        assert_eq!(refused, Err(DecodeError::TooLarge { at: 0, actual: 0x0200_0001 }));
    }

    #[test]
    fn a_claimed_count_reserves_no_more_than_the_buffer_could_hold() {
        let mut reader = Reader::new(&[0xfd, 0xff, 0xff, 0, 0, 0]).unwrap();
        assert_eq!(reader.count(2), Ok((0xffff, 1)));
    }
}
