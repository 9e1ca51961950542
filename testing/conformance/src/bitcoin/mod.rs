//! The suites of Bitcoin: one file of this folder per sort of vector file.

use quintet_primitives::hex;

use crate::suite::{Mismatch, Suite};

mod bip340;
mod nist;
mod siphash;
mod wycheproof;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(bip340::Bip340),
        Box::new(nist::Nist),
        Box::new(siphash::SipHash),
        Box::new(wycheproof::Wycheproof),
    ]
}

/// Reads a field of hexadecimal digits.
fn bytes(field: &str, text: &str) -> Result<Vec<u8>, Mismatch> {
    hex::decode(text).map_err(|error| Mismatch::new(field, "hexadecimal digits", error.to_string()))
}

/// Reads a field of `N` bytes as hexadecimal digits.
fn array<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Mismatch> {
    hex::decode_array(text)
        .map_err(|error| Mismatch::new(field, "hexadecimal digits", error.to_string()))
}
