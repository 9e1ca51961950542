//! Fields of a case: text that says bytes.

use quintet_primitives::hex;

use crate::suite::Mismatch;

/// Reads a field of hexadecimal digits.
///
/// # Errors
///
/// [`Mismatch`] if it holds anything else.
pub fn bytes(field: &str, text: &str) -> Result<Vec<u8>, Mismatch> {
    hex::decode(text).map_err(|error| Mismatch::new(field, "hexadecimal digits", error.to_string()))
}

/// Reads a field of `N` bytes as hexadecimal digits.
///
/// # Errors
///
/// [`Mismatch`] if it holds anything else.
pub fn array<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Mismatch> {
    hex::decode_array(text)
        .map_err(|error| Mismatch::new(field, "hexadecimal digits", error.to_string()))
}
