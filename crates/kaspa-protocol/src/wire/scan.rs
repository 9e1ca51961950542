//! A look over a frame before anything of it is decoded: which payload it has, how long it is, how many fields it has.

use super::{Kind, WireError};

/// Reads the fields of a protobuf message one by one, without looking into them.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A field: its number, and its bytes if it is of a length that it says.
struct Field<'a> {
    number: u64,
    bytes: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    const fn no_field(&self, actual: &'static str) -> WireError {
        WireError::NoField { offset: self.at, actual }
    }

    fn varint(&mut self) -> Result<u64, WireError> {
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

    fn next(&mut self) -> Result<Option<Field<'a>>, WireError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = tag >> 3;
        let bytes = match tag & 7 {
            0 => {
                self.varint()?;
                None
            }
            1 => {
                self.take(8)?;
                None
            }
            2 => {
                let len = self.varint()?;
                Some(self.take(usize::try_from(len).unwrap_or(usize::MAX))?)
            }
            5 => {
                self.take(4)?;
                None
            }
            _ => return Err(self.no_field("a wire type that is not in use")),
        };
        Ok(Some(Field { number, bytes }))
    }
}

/// Returns the kind of a frame's payload, if it has one, and its length and the number of its fields are within limits.
pub(super) fn check(frame: &[u8]) -> Result<Kind, WireError> {
    let mut found: Option<(Kind, &[u8])> = None;
    let mut fields = Fields::new(frame);
    while let Some(field) = fields.next()? {
        let kind = u32::try_from(field.number).ok().and_then(Kind::from_field);
        let (Some(kind), Some(bytes)) = (kind, field.bytes) else { continue };
        if let Some((first, _)) = found {
            return Err(WireError::TwoPayloads { first, second: kind });
        }
        found = Some((kind, bytes));
    }
    let (kind, payload) = found.ok_or(WireError::NoPayload)?;
    let limits = kind.limits();
    if payload.len() > limits.bytes {
        return Err(WireError::TooLong { kind, max: limits.bytes, actual: payload.len() });
    }
    let mut fields = Fields::new(payload);
    let mut count = 0;
    while fields.next()?.is_some() {
        count += 1;
        if count > limits.fields {
            return Err(WireError::TooMany { kind, max: limits.fields });
        }
    }
    Ok(kind)
}
