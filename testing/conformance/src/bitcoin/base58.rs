//! `base58_*.json`: bytes as base58 without a checksum.

use std::path::Path;

use bitcoin::base58;
use quintet_primitives::hex;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Base58;

impl Suite for Base58 {
    fn name(&self) -> &'static str {
        "base58"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "base58_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, Case::check);
    }
}

/// The bytes in hexadecimal digits and in base58.
#[derive(Deserialize)]
struct Case(String, String);

impl Case {
    fn check(self) -> Result<(), Mismatch> {
        let Self(digits, text) = self;
        let payload = bytes("bytes", &digits)?;
        expect_eq("base58", &text, &base58::encode(&payload))?;
        let decoded = base58::decode(&text)
            .map_err(|error| Mismatch::new("base58", &text, error.to_string()))?;
        expect_eq("bytes", digits.to_lowercase(), hex::encode(&decoded))
    }
}
