//! Two encodings of one set of records: Borsh and JSON, as clients of wRPC speak them.
//!
//! Borsh has two shapes. *Plain* is what the reference derives: fields one after another. *Versioned* begins with a version and lies, wherever it is a part of
//! something else, in a counted run of bytes (a *payload*), so that an older reader passes over what it does not know. Which field has which
//! shape is the reference's choice, field by field; the records in [`model`](super::model) say it.
//!
//! ```text
//!   payload(x)          u32 length ‖ versioned(x)
//!   versioned(record)   version ‖ fields            versioned([x])  u32 count ‖ payload(x)…     versioned(x?)  0 | 1 ‖ payload(x)
//!   plain([x])          u32 count ‖ plain(x)…       plain(x?)       0 | 1 ‖ plain(x)
//! ```
//!
//! # Invariants
//!
//! - Nothing is allocated for a count before its items are there.
//!
//! **Spec:** `workflow-serializer` 0.18, rusty-kaspa's `rpc/core/src/model`.

mod parts;
#[macro_use]
mod record;

pub(super) use parts::uuid;
pub use parts::{HexBytes, NetworkId, camel_case};
pub(crate) use record::record;

use serde_json::Value;
use thiserror::Error;

/// Bytes or a value that are no such record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected}, got {actual}")]
pub struct WireError {
    /// What should be there.
    pub expected: String,
    /// What is.
    pub actual: String,
}

impl WireError {
    /// Names what should be there and what is.
    #[must_use]
    pub fn new(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { expected: expected.into(), actual: actual.into() }
    }
}

/// What has both encodings.
pub trait Wire: Sized {
    /// Appends the plain shape.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads the plain shape.
    ///
    /// # Errors
    ///
    /// [`WireError`].
    fn take(input: &mut &[u8]) -> Result<Self, WireError>;

    /// Appends the versioned shape; that of a bare value is the plain one.
    fn put_versioned(&self, out: &mut Vec<u8>) {
        self.put(out);
    }

    /// Reads the versioned shape.
    ///
    /// # Errors
    ///
    /// [`WireError`].
    fn take_versioned(input: &mut &[u8]) -> Result<Self, WireError> {
        Self::take(input)
    }

    /// Returns it as JSON.
    fn to_json(&self) -> Value;

    /// Reads it from JSON; an absent field is null.
    ///
    /// # Errors
    ///
    /// [`WireError`].
    fn of_json(value: &Value) -> Result<Self, WireError>;
}

/// Takes `count` bytes off the front.
pub(super) fn take_bytes<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8], WireError> {
    let Some((front, rest)) = input.split_at_checked(count) else {
        return Err(WireError::new(format!("{count} more bytes"), input.len().to_string()));
    };
    *input = rest;
    Ok(front)
}

/// Takes a counted run of bytes off the front.
pub(super) fn take_counted<'a>(input: &mut &'a [u8]) -> Result<&'a [u8], WireError> {
    let count = u32::take(input)?;
    take_bytes(input, usize::try_from(count).unwrap_or(usize::MAX))
}

pub(super) fn put_count(count: usize, out: &mut Vec<u8>) {
    u32::try_from(count).unwrap_or(u32::MAX).put(out);
}

/// Appends a payload.
pub fn put_payload<T: Wire>(value: &T, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    value.put_versioned(out);
    let count = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&count.to_le_bytes());
    }
}

/// Reads a payload; what a newer writer put behind what is known is passed over.
///
/// # Errors
///
/// [`WireError`].
pub fn take_payload<T: Wire>(input: &mut &[u8]) -> Result<T, WireError> {
    let mut payload = take_counted(input)?;
    T::take_versioned(&mut payload)
}

#[cfg(test)]
mod tests;
