//! Lower-case hexadecimal, the form in which keys and values cross the command lines.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

/// Writes two digits for each byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads two digits for each byte.
///
/// # Errors
///
/// If a character is no digit, or if one digit is left over.
pub fn decode(text: &str) -> Result<Vec<u8>> {
    ensure!(text.len().is_multiple_of(2), "expected an even number of hex digits, got {text:?}");
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair)?;
            u8::from_str_radix(pair, 16).with_context(|| format!("expected hex, got {pair:?}"))
        })
        .collect()
}

/// Reads exactly `N` bytes.
///
/// # Errors
///
/// As [`decode`], and if there are more or fewer.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N]> {
    let bytes = decode(text)?;
    let actual = bytes.len();
    bytes.try_into().ok().with_context(|| format!("expected {N} bytes, got {actual}"))
}
