//! `siphash.json`: SipHash-2-4 of parts, and the unpadded SipHash-1-3 of hashes and numbers.

use std::path::Path;

use quintet_crypto::keyed::SipKey;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct SipHash;

impl Suite for SipHash {
    fn name(&self) -> &'static str {
        "siphash"
    }

    fn claims(&self, name: &Path) -> bool {
        name.ends_with("siphash.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    key: [String; 2],
    input: Vec<String>,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    siphash24: Option<String>,
    siphash13uj: Option<String>,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let [k0, k1] = &self.key;
        let key = SipKey::from_words(word("key", k0)?, word("key", k1)?);
        let parts: Vec<_> =
            self.input.iter().map(|part| bytes("input", part)).collect::<Result<_, _>>()?;
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        if let Some(expected) = &self.expected.siphash24 {
            let expected = word("siphash24", expected)?;
            expect_eq("siphash24", expected, key.hash(&parts))?;
            if let Some(unrolled) = unrolled(&key, &parts) {
                expect_eq("siphash24, unrolled", expected, unrolled)?;
            }
        }
        if let Some(expected) = &self.expected.siphash13uj {
            let expected = word("siphash13uj", expected)?;
            expect_eq("siphash13uj", expected, jumbo(&key, &parts)?)?;
        }
        Ok(())
    }
}

fn unrolled(key: &SipKey, parts: &[&[u8]]) -> Option<u64> {
    match parts {
        [bytes] => Some(key.hash_u256((*bytes).try_into().ok()?)),
        [bytes, extra] => {
            let extra = u32::from_le_bytes((*extra).try_into().ok()?);
            Some(key.hash_u256_u32((*bytes).try_into().ok()?, extra))
        }
        _ => None,
    }
}

fn jumbo(key: &SipKey, parts: &[&[u8]]) -> Result<u64, Mismatch> {
    let hasher = parts.iter().try_fold(key.jumbo(), |hasher, part| {
        if let Ok(hash) = <&[u8; 32]>::try_from(*part) {
            Ok(hasher.block(hash))
        } else if let Ok(number) = <&[u8; 8]>::try_from(*part) {
            Ok(hasher.word(u64::from_le_bytes(*number)))
        } else {
            Err(Mismatch::new("length of a block", "8 or 32", part.len()))
        }
    })?;
    Ok(hasher.finish())
}

fn word(field: &str, text: &str) -> Result<u64, Mismatch> {
    u64::from_str_radix(text, 16)
        .map_err(|error| Mismatch::new(field, "a number of 64 bits", error.to_string()))
}
