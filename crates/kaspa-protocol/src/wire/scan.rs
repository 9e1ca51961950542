//! A look over a frame before anything of it is decoded: which payload it has, how long it is, how many fields it has.

use super::{Fields, Kind, Value, WireError};

/// Returns the kind of a frame's payload, if it has one, and its length and the number of its fields are within limits.
pub(super) fn check(frame: &[u8]) -> Result<Kind, WireError> {
    let mut found: Option<(Kind, &[u8])> = None;
    let mut fields = Fields::new(frame);
    while let Some(field) = fields.next()? {
        let kind = Kind::from_field(field.number);
        let (Some(kind), Value::Bytes(bytes)) = (kind, field.value) else { continue };
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
