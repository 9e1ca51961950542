//! `bip173*.json`, `bip350*.json`: bech32 and bech32m strings and addresses.
//!
//! Addresses of BIP-0173 for witness version 1 and later were superseded by BIP-0350: they still decode
//! as bech32 and are refused as addresses.

use std::path::Path;

use bitcoin::bech32::{Bech32, Bech32m, Checksum, primitives::decode::CheckedHrpstring};
use quintet_bitcoin_protocol::address::{self, ADDRESS_BYTES_MAX, Prefixes};
use quintet_primitives::hex;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Bech32Strings;

impl Suite for Bech32Strings {
    fn name(&self) -> &'static str {
        "bech32"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bip173") || is_json_named(name, "bip350")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let is_bip350 = file.own_name().starts_with("bip350");
        let Some(value) = report.json(file) else { return };
        let groups: Groups = match serde_json::from_value(value) {
            Ok(groups) => groups,
            Err(error) => {
                report.unreadable = Some(format!("expected four lists of cases: {error}"));
                return;
            }
        };
        let name = |group: &str, index: usize| format!("{}: {group}[{index}]", file.name.display());
        for (index, text) in groups.valid.iter().enumerate() {
            report.case(name("valid", index), || {
                if is_bip350 {
                    check_valid::<Bech32m, Bech32>(text)
                } else {
                    check_valid::<Bech32, Bech32m>(text)
                }
            });
        }
        for (index, case) in groups.invalid.iter().enumerate() {
            report.case(name("invalid", index), || case.check(is_bip350));
        }
        for (index, case) in groups.valid_addresses.iter().enumerate() {
            report.case(name("valid_addresses", index), || case.check(is_bip350));
        }
        for (index, case) in groups.invalid_addresses.iter().enumerate() {
            report.case(name("invalid_addresses", index), || {
                expect_eq(&case.reason, None, script_of(&case.address))
            });
        }
    }
}

/// A file may leave a list out.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Groups {
    valid: Vec<String>,
    invalid: Vec<Invalid>,
    valid_addresses: Vec<Valid>,
    invalid_addresses: Vec<InvalidAddress>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    hex: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    address: String,
    script: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvalidAddress {
    address: String,
    reason: String,
}

fn parse<Ck: Checksum>(text: &str) -> Option<CheckedHrpstring<'_>> {
    // BIP-0173 sets the limit; the checksum itself would carry longer strings.
    (text.len() <= ADDRESS_BYTES_MAX).then(|| CheckedHrpstring::new::<Ck>(text).ok()).flatten()
}

fn check_valid<Own: Checksum, Other: Checksum>(text: &str) -> Result<(), Mismatch> {
    if parse::<Own>(text).is_none() {
        return Err(Mismatch::new("string", "valid", text));
    }
    expect_eq("validity under the other checksum", false, parse::<Other>(text).is_some())?;
    for other in [text.to_lowercase(), text.to_uppercase()] {
        expect_eq("validity in one letter case", true, parse::<Own>(&other).is_some())?;
    }
    Ok(())
}

impl Invalid {
    fn check(&self, is_bip350: bool) -> Result<(), Mismatch> {
        // A string that is no UTF-8 is none of ASCII either: nothing to parse.
        let raw = bytes("hex", &self.hex)?;
        let Ok(text) = std::str::from_utf8(&raw) else { return Ok(()) };
        let valid = if is_bip350 { parse::<Bech32m>(text) } else { parse::<Bech32>(text) };
        expect_eq(&self.reason, false, valid.is_some())
    }
}

impl Valid {
    fn check(&self, is_bip350: bool) -> Result<(), Mismatch> {
        let superseded = !is_bip350 && !self.script.starts_with("00");
        if !superseded {
            expect_eq("script", Some(self.script.clone()), script_of(&self.address))?;
            return expect_eq(
                "address written",
                Some(self.address.to_lowercase()),
                self.written()?,
            );
        }
        expect_eq("script under BIP-0350", None, script_of(&self.address))?;
        let mut parsed = parse::<Bech32>(&self.address)
            .ok_or_else(|| Mismatch::new("address", "bech32", &self.address))?;
        let hrp = parsed.hrp();
        let version = parsed.remove_witness_version().map_or(0xff, |version| version.to_u8());
        let program: Vec<u8> = parsed.byte_iter().collect();
        let script =
            format!("{:02x}{:02x}{}", 0x50 + version, program.len(), hex::encode(&program));
        expect_eq("script", &self.script, &script)?;
        expect_eq("prefix", true, ["bc", "tb"].contains(&hrp.to_lowercase().as_str()))
    }

    fn written(&self) -> Result<Option<String>, Mismatch> {
        let script = bytes("script", &self.script)?;
        let networks = [&Prefixes::MAIN, &Prefixes::TEST];
        let written = networks.map(|network| address::encode(&script, network));
        Ok(written.into_iter().flatten().find(|text| *text == self.address.to_lowercase()))
    }
}

fn script_of(text: &str) -> Option<String> {
    let script =
        [&Prefixes::MAIN, &Prefixes::TEST].map(|network| address::decode(text, network).ok());
    script.into_iter().flatten().next().map(|script| hex::encode(&script))
}
