//! The bytes in which a book and a ban list are kept between runs.
//!
//! ```text
//!   magic [4] │ version u16 │ body │ checksum u64
//! ```
//!
//! Integers are little-endian. The checksum is SipHash-2-4 with a key of zeros over all that
//! precedes it: it finds damage, it does not prove who wrote the file. The bytes are secret where
//! they hold a bucket key, and private always: keep the file readable by its owner alone.

use std::{
    hash::Hasher,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use siphasher::sip::SipHasher24;
use thiserror::Error;

/// Bytes that are not what a book or a ban list was kept in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes begin differently: another file, or none of ours.
    #[error("expected bytes that begin with {expected:02x?}, got {actual:02x?}")]
    Magic {
        /// How they begin.
        expected: [u8; 4],
        /// How these do.
        actual: [u8; 4],
    },
    /// The bytes are of a version this program does not read.
    #[error("expected format version {expected}, got {actual}: use the program that wrote it")]
    Version {
        /// The version read.
        expected: u16,
        /// The version of these bytes.
        actual: u16,
    },
    /// The bytes were damaged.
    #[error("expected checksum {expected:016x}, got {actual:016x}: the bytes are damaged")]
    Checksum {
        /// What the bytes add up to.
        expected: u64,
        /// What they say.
        actual: u64,
    },
    /// The bytes end in the middle of something.
    #[error("expected {expected} more bytes, got {actual}")]
    Truncated {
        /// Bytes the next part needs.
        expected: usize,
        /// Bytes left.
        actual: usize,
    },
    /// The bytes go on after the end.
    #[error("expected the end, got {actual} more bytes")]
    Trailing {
        /// Bytes left.
        actual: usize,
    },
    /// A number is larger than anything written by this program.
    #[error("expected {what} of at most {expected}, got {actual}")]
    TooLarge {
        /// What the number counts.
        what: &'static str,
        /// The largest allowed.
        expected: u64,
        /// The number.
        actual: u64,
    },
    /// A byte that names one of several cases names none.
    #[error("expected {expected}, got {actual}")]
    Tag {
        /// The cases.
        expected: &'static str,
        /// The byte.
        actual: u8,
    },
    /// The same thing is there twice.
    #[error("expected each {what} once, got {actual} twice")]
    Duplicate {
        /// The kind of thing.
        what: &'static str,
        /// The thing.
        actual: String,
    },
}

const OVERHEAD: usize = 4 + 2 + 8;

/// Which of our formats: how it begins, and the version written and read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u16,
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&[0; 16]);
    hasher.write(bytes);
    hasher.finish()
}

/// Writes one frame.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(format: Format) -> Self {
        let mut writer = Self(format.magic.to_vec());
        writer.u16(format.version);
        writer
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// A count of something bounded far below 2^32.
    pub(crate) fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    pub(crate) fn ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(v4) => {
                self.u8(4);
                self.bytes(&v4.octets());
            }
            IpAddr::V6(v6) => {
                self.u8(6);
                self.bytes(&v6.octets());
            }
        }
    }

    pub(crate) fn addr(&mut self, addr: SocketAddr) {
        self.ip(addr.ip());
        self.u16(addr.port());
    }

    pub(crate) fn seal(mut self) -> Vec<u8> {
        let checksum = checksum(&self.0);
        self.u64(checksum);
        self.0
    }
}

/// Reads one frame's body.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Checks what is around the body.
    pub(crate) fn open(format: Format, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() < OVERHEAD {
            return Err(DecodeError::Truncated { expected: OVERHEAD, actual: bytes.len() });
        }
        let mut head = Self(bytes);
        let magic = head.array()?;
        if magic != format.magic {
            return Err(DecodeError::Magic { expected: format.magic, actual: magic });
        }
        let version = head.u16()?;
        if version != format.version {
            return Err(DecodeError::Version { expected: format.version, actual: version });
        }
        let (covered, sum) = bytes.split_at(bytes.len() - 8);
        let expected = checksum(covered);
        let actual = Self(sum).u64()?;
        if actual != expected {
            return Err(DecodeError::Checksum { expected, actual });
        }
        Ok(Self(&covered[OVERHEAD - 8..]))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let truncated = DecodeError::Truncated { expected: N, actual: self.0.len() };
        let (head, rest) = self.0.split_first_chunk().ok_or(truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count no larger than `max` of `what`.
    pub(crate) fn count(&mut self, what: &'static str, max: usize) -> Result<usize, DecodeError> {
        let count = self.u32()?;
        match usize::try_from(count) {
            Ok(count) if count <= max => Ok(count),
            Ok(_) | Err(_) => {
                let expected = u64::try_from(max).unwrap_or(u64::MAX);
                Err(DecodeError::TooLarge { what, expected, actual: count.into() })
            }
        }
    }

    pub(crate) fn ip(&mut self) -> Result<IpAddr, DecodeError> {
        match self.u8()? {
            4 => Ok(Ipv4Addr::from(self.array::<4>()?).into()),
            6 => Ok(Ipv6Addr::from(self.array::<16>()?).into()),
            actual => Err(DecodeError::Tag { expected: "4 or 6 for an IP version", actual }),
        }
    }

    pub(crate) fn addr(&mut self) -> Result<SocketAddr, DecodeError> {
        Ok(SocketAddr::new(self.ip()?, self.u16()?))
    }

    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        match self.0.len() {
            0 => Ok(()),
            actual => Err(DecodeError::Trailing { actual }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { magic: *b"test", version: 1 };

    fn sealed() -> Vec<u8> {
        let mut writer = Writer::new(FORMAT);
        writer.addr("192.0.2.1:80".parse().unwrap());
        writer.addr("[2001:db8::1]:443".parse().unwrap());
        writer.seal()
    }

    #[test]
    fn reading_undoes_writing() {
        let bytes = sealed();
        let mut reader = Reader::open(FORMAT, &bytes).unwrap();
        assert_eq!(reader.addr().unwrap().to_string(), "192.0.2.1:80");
        assert_eq!(reader.addr().unwrap().to_string(), "[2001:db8::1]:443");
        reader.finish().unwrap();
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let bytes = sealed();
        for len in 0..bytes.len() {
            assert!(Reader::open(FORMAT, &bytes[..len]).is_err(), "{len} bytes");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Reader::open(FORMAT, &damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_version_is_named_before_its_checksum_is_looked_at() {
        let newer = Writer::new(Format { version: 2, ..FORMAT }).seal();
        let error = Reader::open(FORMAT, &newer).unwrap_err();
        assert_eq!(error, DecodeError::Version { expected: 1, actual: 2 });
    }
}
