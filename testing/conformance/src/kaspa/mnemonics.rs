//! `mnemonics.json`: words of people to extended keys and addresses.

use std::path::Path;

use bip39::Mnemonic;
use bitcoin::{
    NetworkKind,
    bip32::{DerivationPath, Xpriv},
    secp256k1::Secp256k1,
};
use quintet_kaspa_protocol::address::Prefix;
use serde::Deserialize;

use super::{extended_key, wallet::address};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Mnemonics;

impl Suite for Mnemonics {
    fn name(&self) -> &'static str {
        "mnemonics"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "mnemonics")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    mnemonic: String,
    passphrase: String,
    master: String,
    account0_pub: String,
    receive_1: Option<String>,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let mnemonic = Mnemonic::parse(self.mnemonic.as_str())
            .map_err(|error| Mismatch::new("mnemonic", "valid", error.to_string()))?;
        let failed = |error: bitcoin::bip32::Error| Mismatch::new("key", "keys", error.to_string());
        let seed = mnemonic.to_seed(self.passphrase.as_str());
        let master = Xpriv::new_master(NetworkKind::Main, &seed).map_err(failed)?;
        let (read, versions) = extended_key::read(&self.master)?;
        expect_eq("master", &self.master, &versions.secret(&master))?;
        expect_eq("master read", master, read)?;
        let secp = Secp256k1::new();
        let path: DerivationPath = "m/44'/111111'/0'".parse().map_err(failed)?;
        let account = master.derive_priv(&secp, &path).map_err(failed)?;
        expect_eq("account0_pub", &self.account0_pub, &versions.public(&secp, &account))?;
        let Some(receive) = &self.receive_1 else { return Ok(()) };
        let prefix =
            if receive.starts_with("kaspatest:") { Prefix::Testnet } else { Prefix::Mainnet };
        expect_eq("receive_1", receive, &address(&master, "m/44'/111111'/0'/0/1", prefix)?)
    }
}
