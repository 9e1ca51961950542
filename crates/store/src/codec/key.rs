//! Order-preserving key encodings.
//!
//! Integers are big-endian (signed ones with the sign bit flipped), arrays are themselves, tuples are their parts one after
//! the other. Byte strings of any length are escaped, so that they may stand anywhere in a tuple:
//!
//! ```text
//! 00  →  00 FF        end  →  00 00
//! ```
//!
//! The end mark sorts below every continuation, so `"a" < "a\0" < "ab"` survives whatever part follows.
//!
//! # Invariants
//!
//! - `a < b` exactly when `encode(a) < encode(b)`, byte by byte.
//! - No encoding is a proper prefix of another of the same type. This is what makes tuples and prefix scans sound.

use super::{DecodeError, Reader};

/// A key of a table.
///
/// An implementation keeps the two invariants of this encoding: it preserves order, and no encoding of the type is a
/// proper prefix of another. Building on the implementations here keeps both.
pub trait KeyCodec: Sized {
    /// Appends the encoding.
    fn encode_key(&self, out: &mut Vec<u8>);

    /// Takes one key from the front of `reader`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not an encoding of this type.
    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// The leading part of a key `K`, for prefix scans: `A` and `(A, B)` of `(A, B, C)`, or the first bytes of a byte string.
pub trait KeyPrefix<K> {
    /// Appends the encoding, a prefix of the encoding of each key that begins with this part.
    fn encode_prefix(&self, out: &mut Vec<u8>);
}

/// The first bytes of a byte-string or array key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesPrefix<'a>(pub &'a [u8]);

const ZERO: u8 = 0x00;
const ESCAPED: u8 = 0xff;
const END: u8 = 0x00;

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == ZERO {
            out.push(ESCAPED);
        }
    }
}

macro_rules! unsigned_keys {
    ($($integer:ty),*) => {$(
        impl KeyCodec for $integer {
            fn encode_key(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array().map(Self::from_be_bytes)
            }
        }
    )*};
}
unsigned_keys!(u8, u16, u32, u64, u128);

impl KeyCodec for i64 {
    fn encode_key(&self, out: &mut Vec<u8>) {
        // Flipping the sign bit puts the negative numbers below the others.
        (self.cast_unsigned() ^ (1 << 63)).encode_key(out);
    }

    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok((u64::decode_key(reader)? ^ (1 << 63)).cast_signed())
    }
}

impl KeyCodec for bool {
    fn encode_key(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::invalid("a bool, 0 or 1", other)),
        }
    }
}

/// The one key of a table that holds one record. Takes a byte, because engines refuse empty keys.
impl KeyCodec for () {
    fn encode_key(&self, out: &mut Vec<u8>) {
        out.push(0);
    }

    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            0 => Ok(()),
            other => Err(DecodeError::invalid("the single key 0", other)),
        }
    }
}

impl<const N: usize> KeyCodec for [u8; N] {
    fn encode_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array()
    }
}

impl<const N: usize> KeyPrefix<[u8; N]> for BytesPrefix<'_> {
    fn encode_prefix(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}

impl KeyCodec for Vec<u8> {
    fn encode_key(&self, out: &mut Vec<u8>) {
        escape(self, out);
        out.extend_from_slice(&[ZERO, END]);
    }

    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut bytes = Self::new();
        loop {
            match reader.u8()? {
                ZERO => match reader.u8()? {
                    END => return Ok(bytes),
                    ESCAPED => bytes.push(ZERO),
                    other => {
                        return Err(DecodeError::invalid("00 or ff after a zero byte", other));
                    }
                },
                byte => bytes.push(byte),
            }
        }
    }
}

impl KeyPrefix<Vec<u8>> for BytesPrefix<'_> {
    fn encode_prefix(&self, out: &mut Vec<u8>) {
        escape(self.0, out);
    }
}

impl KeyCodec for String {
    fn encode_key(&self, out: &mut Vec<u8>) {
        escape(self.as_bytes(), out);
        out.extend_from_slice(&[ZERO, END]);
    }

    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_utf8(Vec::decode_key(reader)?)
            .map_err(|error| DecodeError::invalid("UTF-8", error))
    }
}

impl KeyPrefix<String> for BytesPrefix<'_> {
    fn encode_prefix(&self, out: &mut Vec<u8>) {
        escape(self.0, out);
    }
}

macro_rules! tuple_keys {
    ($($part:ident $index:tt),*) => {
        impl<$($part: KeyCodec),*> KeyCodec for ($($part,)*) {
            fn encode_key(&self, out: &mut Vec<u8>) {
                $(self.$index.encode_key(out);)*
            }

            fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(($($part::decode_key(reader)?,)*))
            }
        }
    };
}
tuple_keys!(A 0, B 1);
tuple_keys!(A 0, B 1, C 2);
tuple_keys!(A 0, B 1, C 2, D 3);

macro_rules! leading_parts {
    ($(($($part:ident),*) $prefix:ty;)*) => {$(
        impl<$($part: KeyCodec),*> KeyPrefix<($($part,)*)> for $prefix {
            fn encode_prefix(&self, out: &mut Vec<u8>) {
                self.encode_key(out);
            }
        }
    )*};
}
leading_parts! {
    (A, B) A;
    (A, B, C) A;
    (A, B, C) (A, B);
    (A, B, C, D) A;
    (A, B, C, D) (A, B);
    (A, B, C, D) (A, B, C);
}
