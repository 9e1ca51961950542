//! Compact value encodings.
//!
//! Fixed-size things are themselves, big-endian; things of any length carry a varint length in front. A record type
//! implements [`ValueCodec`] by encoding its fields one after the other.

use super::{DecodeError, Reader, put_varint};

/// A value of a table, or a field of one.
pub trait ValueCodec: Sized {
    /// Appends the encoding.
    fn encode_value(&self, out: &mut Vec<u8>);

    /// Takes one value from the front of `reader`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not an encoding of this type. The store adds table and key, and refuses bytes left over.
    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

macro_rules! integer_values {
    ($($integer:ty),*) => {$(
        impl ValueCodec for $integer {
            fn encode_value(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array().map(Self::from_be_bytes)
            }
        }
    )*};
}
integer_values!(u8, u16, u32, u64, u128, i32, i64);

impl ValueCodec for bool {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::invalid("a bool, 0 or 1", other)),
        }
    }
}

/// The value of a table that is a set of keys.
impl ValueCodec for () {
    fn encode_value(&self, _out: &mut Vec<u8>) {}

    fn decode_value(_reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

impl<const N: usize> ValueCodec for [u8; N] {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array()
    }
}

fn put_counted(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

impl ValueCodec for Vec<u8> {
    fn encode_value(&self, out: &mut Vec<u8>) {
        put_counted(self, out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.counted_bytes().map(<[u8]>::to_vec)
    }
}

impl ValueCodec for String {
    fn encode_value(&self, out: &mut Vec<u8>) {
        put_counted(self.as_bytes(), out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.counted_bytes()?;
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|error| DecodeError::invalid("UTF-8", error))
    }
}

impl<T: ValueCodec> ValueCodec for Option<T> {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.is_some().encode_value(out);
        if let Some(inner) = self {
            inner.encode_value(out);
        }
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(if bool::decode_value(reader)? { Some(T::decode_value(reader)?) } else { None })
    }
}

macro_rules! tuple_values {
    ($($part:ident $index:tt),*) => {
        impl<$($part: ValueCodec),*> ValueCodec for ($($part,)*) {
            fn encode_value(&self, out: &mut Vec<u8>) {
                $(self.$index.encode_value(out);)*
            }

            fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(($($part::decode_value(reader)?,)*))
            }
        }
    };
}
tuple_values!(A 0, B 1);
tuple_values!(A 0, B 1, C 2);
tuple_values!(A 0, B 1, C 2, D 3);
