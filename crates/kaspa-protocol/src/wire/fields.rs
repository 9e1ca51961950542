//! The fields of a protobuf message, one by one, without knowing what they mean.
//!
//! **Spec:** the protobuf encoding, <https://protobuf.dev/programming-guides/encoding/>.

use super::WireError;

/// Reads the fields of a protobuf message in the order they lie in. Groups, which nobody writes any more, are refused.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What a field holds, by its wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer, a truth or a choice.
    Varint(u64),
    /// Eight bytes, little-endian: of a `double`, say.
    Fixed64(u64),
    /// A counted run of bytes: bytes, a text, a message or a packed list.
    Bytes(&'a [u8]),
    /// Four bytes, little-endian: of a `float`, say.
    Fixed32(u32),
}

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number.
    pub number: u32,
    /// What it holds.
    pub value: Value<'a>,
}

impl<'a> Fields<'a> {
    /// Begins at the front of a message.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    const fn no_field(&self, actual: &'static str) -> WireError {
        WireError::NoField { offset: self.at, actual }
    }

    /// Returns whether everything was read.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Reads an integer of up to ten bytes: of a packed list, too.
    ///
    /// # Errors
    ///
    /// [`WireError::NoField`].
    pub fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.no_field("the end"));
            };
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.no_field("a number of more than ten bytes"))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(len).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else { return Err(self.no_field("a length beyond the end")) };
        let taken = self.bytes.get(self.at..end).unwrap_or_default();
        self.at = end;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// Reads the next field; none at the end.
    ///
    /// # Errors
    ///
    /// [`WireError::NoField`].
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not end with an error once"
    )]
    pub fn next(&mut self) -> Result<Option<Field<'a>>, WireError> {
        if self.is_at_end() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number =
            u32::try_from(tag >> 3).map_err(|_| self.no_field("a field number too high"))?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take_array()?)),
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(usize::try_from(len).unwrap_or(usize::MAX))?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take_array()?)),
            _ => return Err(self.no_field("a wire type that is not in use")),
        };
        Ok(Some(Field { number, value }))
    }
}
