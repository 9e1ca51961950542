//! A cursor over bytes that came from a disk, and so may be anything.

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("expected {expected} more bytes, found {actual}")]
    Truncated {
        /// Bytes needed.
        expected: usize,
        /// Bytes left.
        actual: usize,
    },
    /// Bytes are left over.
    #[error("{actual} bytes left over after the end")]
    Trailing {
        /// Bytes left.
        actual: usize,
    },
    /// The bytes do not match the checksum stored with them.
    #[error("checksum expected {expected:08x}, found {actual:08x}")]
    Checksum {
        /// Checksum stored.
        expected: u32,
        /// Checksum of the bytes found.
        actual: u32,
    },
    /// A field holds something it may not.
    #[error("expected {expected}, found {actual}")]
    Invalid {
        /// What the field may hold.
        expected: &'static str,
        /// What it holds.
        actual: String,
    },
}

impl DecodeError {
    /// Builds [`DecodeError::Invalid`].
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "what was found, built for this call")]
    pub fn invalid(expected: &'static str, actual: impl ToString) -> Self {
        Self::Invalid { expected, actual: actual.to_string() }
    }
}

/// Takes fields from the front of a byte string.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! take_integer {
    ($($name:ident $integer:ty),*) => {$(
        #[doc = concat!("Takes a big-endian `", stringify!($integer), "`.")]
        ///
        /// # Errors
        ///
        /// [`DecodeError::Truncated`] if the bytes end first.
        pub fn $name(&mut self) -> Result<$integer, DecodeError> {
            self.array().map(<$integer>::from_be_bytes)
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns what has not been taken yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes `count` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(DecodeError::Truncated { expected: count, actual: self.rest.len() })?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a fixed number of bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(DecodeError::Truncated { expected: N, actual: self.rest.len() })?;
        self.rest = rest;
        Ok(*taken)
    }

    take_integer!(u8 u8, u16 u16, u32 u32, u64 u64, u128 u128, i64 i64);

    /// Takes an unsigned LEB128 integer: seven bits a byte, least significant first.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes end first, the number exceeds 64 bits, or a shorter encoding exists.
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(DecodeError::invalid("a varint of at most 64 bits", "a longer one"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let padded = byte == 0 && shift > 0;
                return if padded {
                    Err(DecodeError::invalid("the shortest varint", "one padded with zeros"))
                } else {
                    Ok(value)
                };
            }
        }
        Err(DecodeError::invalid("a varint of at most 10 bytes", "a longer one"))
    }

    /// Takes a varint length and that many bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the length or the bytes are not there. Nothing is allocated, so a false length costs nothing.
    pub fn counted_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let count = self.varint()?;
        let count = usize::try_from(count)
            .map_err(|_| DecodeError::invalid("a length that fits memory", count))?;
        self.bytes(count)
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Trailing`] if bytes are left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Trailing { actual: self.rest.len() })
        }
    }
}

/// Appends an unsigned LEB128 integer, the counterpart of [`Reader::varint`].
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}
