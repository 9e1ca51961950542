//! `key_io_*.json`: addresses and private keys that stand for something, and strings that stand for nothing.

use std::path::Path;

use quintet_bitcoin_protocol::address::{self, Prefixes};
use quintet_primitives::hex;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

/// Networks as the vectors name them.
const CHAINS: [&str; 5] = ["main", "test", "testnet4", "signet", "regtest"];

pub(super) struct KeyIo;

impl Suite for KeyIo {
    fn name(&self) -> &'static str {
        "key_io"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "key_io_valid") || is_json_named(name, "key_io_invalid")
    }

    fn run(&self, file: &File, report: &mut Report) {
        if file.own_name().starts_with("key_io_valid") {
            report.json_cases(file, Valid::check);
        } else {
            report.json_cases(file, |Invalid(text)| check_invalid(&text));
        }
    }
}

#[derive(Deserialize)]
struct Valid(String, String, Facts);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Facts {
    chain: String,
    is_privkey: bool,
    is_compressed: Option<bool>,
    #[serde(default)]
    try_case_flip: bool,
}

impl Valid {
    fn check(self) -> Result<(), Mismatch> {
        let Self(text, payload, facts) = self;
        let network = Prefixes::of(&facts.chain)
            .ok_or_else(|| Mismatch::new("chain", CHAINS, &facts.chain))?;
        let payload = bytes("payload", &payload)?;
        let script = address::decode(&text, network);
        let secret = address::decode_secret(&text, network);
        if facts.is_privkey {
            let secret = secret.map_err(|error| Mismatch::new("key", &text, error))?;
            let key = secret.key.secret_bytes();
            expect_eq("private key", hex::encode(&payload), hex::encode(&key))?;
            expect_eq("compression", facts.is_compressed, Some(secret.compressed))?;
            expect_eq("key written", &text, &address::encode_secret(&secret, network))?;
            return expect_eq("the key is no address", true, script.is_err());
        }
        let script = script.map_err(|error| Mismatch::new("address", &text, error))?;
        expect_eq("script", hex::encode(&payload), hex::encode(&script))?;
        expect_eq("address written", Some(&text), address::encode(&script, network).as_ref())?;
        expect_eq("the address is no key", true, secret.is_err())?;
        expect_eq("no compression of an address", None, facts.is_compressed)?;

        let flipped = flip_case(&text);
        let flipped = address::decode(&flipped, network).ok();
        let expected = facts.try_case_flip.then_some(script);
        expect_eq("script of the address in the other letter case", expected, flipped)
    }
}

fn flip_case(text: &str) -> String {
    let flip = |char: char| {
        if char.is_ascii_lowercase() {
            char.to_ascii_uppercase()
        } else {
            char.to_ascii_lowercase()
        }
    };
    text.chars().map(flip).collect()
}

#[derive(Deserialize)]
struct Invalid((String,));

fn check_invalid((text,): &(String,)) -> Result<(), Mismatch> {
    for chain in CHAINS {
        let Some(network) = Prefixes::of(chain) else {
            return Err(Mismatch::new("chain", "known", chain));
        };
        let script = address::decode(text, network).ok();
        expect_eq(format!("address on {chain}"), None, script)?;
        let secret = address::decode_secret(text, network).is_ok();
        expect_eq(format!("private key on {chain}"), false, secret)?;
    }
    Ok(())
}
