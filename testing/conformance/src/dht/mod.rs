//! The suites of the DHT: one file of this folder per sort of vector file.

use quintet_primitives::hex;

use crate::suite::{Mismatch, Suite};

mod bencode;
mod bep33;
mod bep42;
mod bep44;
mod bep5;
mod distance;
mod go_corpus;
mod krpc;
mod malformed;
mod tree;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(bencode::Bencode),
        Box::new(bep5::Bep5),
        Box::new(krpc::Krpc),
        Box::new(malformed::Malformed),
        Box::new(bep33::Bep33),
        Box::new(bep42::Bep42),
        Box::new(bep44::Bep44),
        Box::new(distance::Distance),
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
