//! `addresses_*.json`: addresses of every version, and strings that are none.

use std::path::Path;

use quintet_kaspa_protocol::address::{Address, decode, encode};
use quintet_primitives::hex;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Addresses;

impl Suite for Addresses {
    fn name(&self) -> &'static str {
        "addresses"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "addresses_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        if file.own_name().contains("invalid") {
            report.json_cases(file, |case: Invalid| case.check());
        } else {
            report.json_cases(file, |case: Valid| case.check());
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    prefix: String,
    version: u8,
    payload: String,
    address: String,
}

impl Valid {
    fn check(&self) -> Result<(), Mismatch> {
        let payload = bytes("payload", &self.payload)?;
        let address = &self.address;
        expect_eq("address", address, &encode(&self.prefix, self.version, &payload))?;
        let parts = decode(address)
            .map_err(|error| Mismatch::new("address", "readable", error.to_string()))?;
        expect_eq("parts", (self.prefix.as_str(), self.version, payload), parts)?;
        // Prefixes of one letter are of tests only, and so is what they hold.
        if self.prefix.len() == 1 {
            return expect_eq("refused", true, address.parse::<Address>().is_err());
        }
        let typed: Address = address
            .parse()
            .map_err(|error| Mismatch::new("address", "readable", format!("{error}")))?;
        expect_eq("payload", &self.payload, &hex::encode(typed.payload()))?;
        let again = Address::from_script(typed.prefix(), &typed.script());
        expect_eq("address of its script", Some(typed), again)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    address: String,
    error: String,
}

impl Invalid {
    fn check(&self) -> Result<(), Mismatch> {
        expect_eq(&self.error, true, self.address.parse::<Address>().is_err())?;
        expect_eq(&self.error, true, decode(&self.address).is_err())
    }
}
