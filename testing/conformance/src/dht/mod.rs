//! The suites of the DHT: one file of this folder per sort of vector file.

use crate::{
    field::{array, bytes},
    suite::Suite,
};

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
