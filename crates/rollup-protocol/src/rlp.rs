//! RLP read where it lies: headers as the reference's stream reader accepts them, without copies.
//!
//! Everything here takes hostile bytes. Lengths are compared with what is there before anything is sliced; nothing is allocated.
//!
//! **Spec:** Yellow Paper, appendix B; the canonical form go-ethereum's `rlp.Stream` insists on.

use thiserror::Error;

/// Why bytes are no RLP of the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RlpError {
    /// The bytes end within an item.
    #[error("RLP: expected {expected} more bytes, got {actual}")]
    Short {
        /// Bytes an item says it has.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// A length or number in more bytes than it needs.
    #[error("RLP: expected the shortest form of a length or number, got a longer one")]
    NotCanonical,
    /// A list where a string is expected, or the other way round.
    #[error("RLP: expected {expected}, got the other kind")]
    Kind {
        /// What is expected.
        expected: &'static str,
    },
    /// A string of another length than its field.
    #[error("RLP: expected a string of at most {expected} bytes, got {actual}")]
    Size {
        /// Bytes of the field.
        expected: usize,
        /// Bytes of the string.
        actual: usize,
    },
    /// A list with fewer or more items than its type.
    #[error("RLP: expected another number of items in the list")]
    Items,
}

/// An item's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whether it is a list.
    pub(crate) list: bool,
    /// Bytes of the header; none for a byte that is its own encoding.
    pub(crate) header: usize,
    /// Bytes after the header.
    pub(crate) payload: usize,
}

impl Header {
    /// Returns the item's bytes, header and payload.
    pub(crate) const fn len(self) -> usize {
        self.header + self.payload
    }

    /// Reads the header at the beginning of `bytes`, which must hold the whole item.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, RlpError> {
        let Some(&first) = bytes.first() else {
            return Err(RlpError::Short { expected: 1, actual: 0 });
        };
        let (list, header, payload) = match first {
            0..=0x7f => (false, 0, 1),
            0x80..=0xb7 => (false, 1, usize::from(first - 0x80)),
            0xb8..=0xbf => (false, 1 + usize::from(first - 0xb7), long(bytes, first - 0xb7)?),
            0xc0..=0xf7 => (true, 1, usize::from(first - 0xc0)),
            0xf8..=0xff => (true, 1 + usize::from(first - 0xf7), long(bytes, first - 0xf7)?),
        };
        let there = bytes.len() - header;
        if payload > there {
            return Err(RlpError::Short { expected: payload, actual: there });
        }
        // A byte below 0x80 stands for itself.
        if first == 0x81 && bytes[1] < 0x80 {
            return Err(RlpError::NotCanonical);
        }
        Ok(Self { list, header, payload })
    }
}

/// Reads a length of `count` bytes after the first one.
fn long(bytes: &[u8], count: u8) -> Result<usize, RlpError> {
    let count = usize::from(count);
    let Some(digits) = bytes.get(1..=count) else {
        return Err(RlpError::Short { expected: count, actual: bytes.len() - 1 });
    };
    if digits[0] == 0 {
        return Err(RlpError::NotCanonical);
    }
    let length = digits.iter().fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
    if length < 56 {
        return Err(RlpError::NotCanonical);
    }
    usize::try_from(length)
        .map_err(|_| RlpError::Short { expected: usize::MAX, actual: bytes.len() })
}

/// A reader over the items of a list's payload, or any run of items.
#[derive(Debug, Clone)]
pub(crate) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// Reads the items of a run.
    pub(crate) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// Reads the items of the list at the beginning of `bytes`; what follows the list is not looked at.
    pub(crate) fn of_list(bytes: &'a [u8]) -> Result<Self, RlpError> {
        let header = Header::read(bytes)?;
        if !header.list {
            return Err(RlpError::Kind { expected: "a list" });
        }
        Ok(Self { rest: &bytes[header.header..header.len()] })
    }

    /// Returns what has not been read.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns whether everything has been read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads an item of either kind with its header.
    pub(crate) fn raw(&mut self) -> Result<(Header, &'a [u8]), RlpError> {
        let header = Header::read(self.rest)?;
        let (item, rest) = self.rest.split_at(header.len());
        self.rest = rest;
        Ok((header, item))
    }

    /// Reads a string and returns its payload.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], RlpError> {
        let (header, item) = self.raw()?;
        if header.list {
            Err(RlpError::Kind { expected: "a string" })
        } else {
            Ok(&item[header.header..])
        }
    }

    /// Reads a string and returns it with its header.
    pub(crate) fn raw_string(&mut self) -> Result<&'a [u8], RlpError> {
        let (header, item) = self.raw()?;
        if header.list { Err(RlpError::Kind { expected: "a string" }) } else { Ok(item) }
    }

    /// Reads a list and returns it with its header.
    pub(crate) fn raw_list(&mut self) -> Result<&'a [u8], RlpError> {
        let (header, item) = self.raw()?;
        if header.list { Ok(item) } else { Err(RlpError::Kind { expected: "a list" }) }
    }

    /// Reads a number of any size in its shortest form and returns it with its header.
    pub(crate) fn raw_number(&mut self) -> Result<&'a [u8], RlpError> {
        let (header, item) = self.raw()?;
        if header.list {
            return Err(RlpError::Kind { expected: "a number" });
        }
        if header.payload > 0 && item[header.header] == 0 {
            return Err(RlpError::NotCanonical);
        }
        Ok(item)
    }

    /// Reads a number of at most eight bytes.
    pub(crate) fn uint64(&mut self) -> Result<u64, RlpError> {
        let (header, _) = (Header::read(self.rest)?, ());
        let item = self.raw_number()?;
        let digits = &item[header.header..];
        if digits.len() > 8 {
            return Err(RlpError::Size { expected: 8, actual: digits.len() });
        }
        Ok(digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }

    /// Reads a string of exactly `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], RlpError> {
        let string = self.string()?;
        string.try_into().map_err(|_| RlpError::Size { expected: N, actual: string.len() })
    }

    /// Reads the end of the list.
    pub(crate) const fn end(&self) -> Result<(), RlpError> {
        if self.rest.is_empty() { Ok(()) } else { Err(RlpError::Items) }
    }
}

/// Appends the header of a list of `payload` bytes.
pub(crate) fn write_list_header(payload: usize, out: &mut Vec<u8>) {
    alloy_rlp::Header { list: true, payload_length: payload }.encode(out);
}

/// Returns how many bytes the header of a list of `payload` bytes has.
pub(crate) fn list_header_len(payload: usize) -> usize {
    alloy_rlp::length_of_length(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_in_its_shortest_form() {
        for bytes in [&[0x81, 0x7f][..], &[0xb8, 55], &[0xb9, 0, 60], &[0xf8, 10]] {
            let mut long = bytes.to_vec();
            long.resize(100, 1);
            assert_eq!(Header::read(&long), Err(RlpError::NotCanonical), "{bytes:?}");
        }
        assert_eq!(Items::new(&[0x82, 0, 1]).uint64(), Err(RlpError::NotCanonical));
        assert_eq!(Items::new(&[0x00]).uint64(), Err(RlpError::NotCanonical));
    }

    #[test]
    fn refuses_a_length_beyond_the_end() {
        for bytes in
            [&[0x83, 1, 2][..], &[0xbf, 255, 255, 255, 255, 255, 255, 255, 255], &[0xc2, 1], &[]]
        {
            assert!(matches!(Header::read(bytes), Err(RlpError::Short { .. })), "{bytes:?}");
        }
    }

    #[test]
    fn reads_fields_in_their_order() {
        let mut items = Items::of_list(&[0xc4, 0x05, 0x82, 0x04, 0x00, 0xff]).unwrap();
        assert_eq!((items.uint64(), items.uint64()), (Ok(5), Ok(1024)));
        assert_eq!(items.end(), Ok(()));
        assert!(matches!(items.uint64(), Err(RlpError::Short { .. })));
    }
}
