//! `hashers.json`: every domain-separated hasher, fed part by part.

use std::path::Path;

use quintet_kaspa_protocol::hashing::{Blake2b, Blake3, Put, Sha256};
use quintet_primitives::Hash256;
use serde::Deserialize;

use super::{bytes, hash};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Hashers;

impl Suite for Hashers {
    fn name(&self) -> &'static str {
        "hashers"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "hashers")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    hasher: String,
    r#macro: String,
    domain: String,
    inputs: Vec<String>,
    digests: Vec<String>,
}

/// The digest after each part.
fn digests<H: Put>(
    mut hasher: H,
    parts: &[Vec<u8>],
    finish: impl Fn(&H) -> Hash256,
) -> Vec<Hash256> {
    let digest = |part: &Vec<u8>| {
        hasher.put(part);
        finish(&hasher)
    };
    parts.iter().map(digest).collect()
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let parts: Vec<_> =
            self.inputs.iter().map(|text| bytes("inputs", text)).collect::<Result<_, _>>()?;
        let expected: Vec<_> =
            self.digests.iter().map(|text| hash("digests", text)).collect::<Result<_, _>>()?;
        let unknown = || Mismatch::new(&self.hasher, "a known domain", &self.domain);
        let actual = match self.r#macro.as_str() {
            "blake2b_hasher" => {
                let domain = Blake2b::ALL.iter().find(|domain| domain.name() == self.domain);
                let hasher = domain.ok_or_else(unknown)?.hasher();
                digests(hasher, &parts, |hasher| hasher.finish())
            }
            "blake3_hasher" => {
                let domain = Blake3::ALL.iter().find(|domain| domain.name() == self.domain);
                let hasher = domain.ok_or_else(unknown)?.hasher();
                digests(hasher, &parts, |hasher| hasher.finish())
            }
            "sha256_hasher" => {
                let domain = Sha256::ALL.iter().find(|domain| domain.name() == self.domain);
                let hasher = domain.ok_or_else(unknown)?.hasher();
                digests(hasher, &parts, |hasher| hasher.finish())
            }
            other => return Err(Mismatch::new("macro", "a known construction", other)),
        };
        expect_eq(&self.hasher, expected, actual)
    }
}
