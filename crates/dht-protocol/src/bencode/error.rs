//! Why bytes are not bencoded: what was expected, where, and what stood there.

use core::fmt;

/// What should have stood at the offset of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A value: `i`, `l`, `d` or the digits of a string's length.
    Value,
    /// A dictionary key, which is a string, or the `e` that ends the dictionary.
    Key,
    /// A key above the one before it in byte order.
    KeyInOrder,
    /// A key that the dictionary does not have yet.
    KeyUnused,
    /// A digit of an integer.
    Digit,
    /// A digit of an integer or the `e` that ends it.
    DigitOrEnd,
    /// An integer without leading zero that is not `-0`.
    CanonicalInteger,
    /// An integer from -2^63 to 2^63 - 1; the offset is where the integer ends.
    IntegerInRange,
    /// A digit of a string's length or the `:` after it.
    DigitOrColon,
    /// A length without leading zero.
    CanonicalLength,
    /// A length of at most [`LENGTH_DIGITS_MAX`](super::LENGTH_DIGITS_MAX) digits.
    ShortLength,
    /// A length of at most 63 bits; the offset is the digit that is too much.
    LengthInRange,
    /// As many bytes as the length says; the offset is the `:`.
    StringBytes {
        /// Bytes the length says.
        length: usize,
        /// Bytes left after the `:`.
        left: usize,
    },
    /// At most [`DEPTH_MAX`](super::DEPTH_MAX) open lists and dictionaries.
    LessDepth,
    /// At most so many values.
    FewerItems {
        /// The limit.
        limit: usize,
    },
    /// The end of the input, the value being complete.
    End,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "a value ('i', 'l', 'd' or a string's length)",
            Self::Key => "a string as key, or 'e'",
            Self::KeyInOrder => "a key above the one before it",
            Self::KeyUnused => "a key not used before",
            Self::Digit => "a digit",
            Self::DigitOrEnd => "a digit or 'e'",
            Self::CanonicalInteger => "an integer without leading zero and other than -0",
            Self::IntegerInRange => "an integer of at most 64 bits",
            Self::DigitOrColon => "a digit or ':'",
            Self::CanonicalLength => "a string length without leading zero",
            Self::ShortLength => {
                return write!(f, "a length of at most {} digits", super::LENGTH_DIGITS_MAX);
            }
            Self::LengthInRange => "a length of at most 63 bits",
            Self::StringBytes { length, left } => {
                return write!(f, "a string of {length} bytes, of which {left} are left,");
            }
            Self::LessDepth => {
                return write!(f, "at most {} nested lists and dictionaries", super::DEPTH_MAX);
            }
            Self::FewerItems { limit } => return write!(f, "at most {limit} values"),
            Self::End => "the end of the input",
        })
    }
}

/// A place where the input stops being bencoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    pub(super) offset: usize,
    pub(super) expected: Expected,
    pub(super) found: Option<u8>,
}

impl Error {
    /// Returns where, in bytes from the beginning of the input.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns what should have stood there.
    #[must_use]
    pub const fn expected(&self) -> Expected {
        self.expected
    }

    /// Returns the byte that stood there; none at the end of the input.
    #[must_use]
    pub const fn found(&self) -> Option<u8> {
        self.found
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at byte {}, got ", self.expected, self.offset)?;
        match self.found {
            Some(byte) if byte.is_ascii_graphic() => write!(f, "'{}'", char::from(byte)),
            Some(byte) => write!(f, "0x{byte:02x}"),
            None => f.write_str("the end of the input"),
        }
    }
}

impl core::error::Error for Error {}
