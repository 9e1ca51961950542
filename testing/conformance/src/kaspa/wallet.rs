//! `hd_gen1.json`: addresses derived from an extended key.

use std::path::Path;

use bitcoin::{
    bip32::{DerivationPath, Xpriv},
    secp256k1::Secp256k1,
};
use quintet_kaspa_protocol::address::{Address, AddressVersion, Prefix};
use serde::Deserialize;

use super::extended_key;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Derivations;

impl Suite for Derivations {
    fn name(&self) -> &'static str {
        "derivation"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "hd_gen1")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    scheme: String,
    master: String,
    path: String,
    address: String,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        expect_eq("scheme", "gen1", self.scheme.as_str())?;
        let (master, versions) = extended_key::read(&self.master)?;
        expect_eq("master", &self.master, &versions.secret(&master))?;
        expect_eq("path of Kaspa", true, self.path.starts_with("m/44'/111111'/"))?;
        let prefix =
            if self.address.starts_with("kaspatest:") { Prefix::Testnet } else { Prefix::Mainnet };
        expect_eq("address", &self.address, &address(&master, &self.path, prefix)?)
    }
}

/// Derives the address of a path.
pub(super) fn address(master: &Xpriv, path: &str, prefix: Prefix) -> Result<String, Mismatch> {
    let secp = Secp256k1::new();
    let failed = |error: bitcoin::bip32::Error| Mismatch::new("path", "keys", error.to_string());
    let path: DerivationPath = path.parse().map_err(failed)?;
    let key = master.derive_priv(&secp, &path).map_err(failed)?;
    let (public, _) = key.private_key.x_only_public_key(&secp);
    Address::new(prefix, AddressVersion::PublicKey, &public.serialize())
        .map(|address| address.to_string())
        .map_err(|error| Mismatch::new("address", "one of a key", error.to_string()))
}
