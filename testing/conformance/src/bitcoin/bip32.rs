//! `bip32_*.json`: keys derived from seeds, and extended keys that must be refused.

use std::path::Path;

use bitcoin::{
    NetworkKind,
    bip32::{DerivationPath, Xpriv, Xpub},
    secp256k1::Secp256k1,
};
use quintet_bitcoin_protocol::address::{Prefixes, decode_extended_public, decode_extended_secret};
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Bip32;

impl Suite for Bip32 {
    fn name(&self) -> &'static str {
        "bip32"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bip32_")
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
    seed: String,
    path: String,
    xpub: String,
    xprv: String,
}

impl Valid {
    fn check(&self) -> Result<(), Mismatch> {
        let failed =
            |error: bitcoin::bip32::Error| Mismatch::new("path", "keys", error.to_string());
        let secp = Secp256k1::new();
        let path: DerivationPath = self.path.parse().map_err(failed)?;
        let master =
            Xpriv::new_master(NetworkKind::Main, &bytes("seed", &self.seed)?).map_err(failed)?;
        let secret = master.derive_priv(&secp, &path).map_err(failed)?;
        let public = Xpub::from_priv(&secp, &secret);
        expect_eq("private key", &self.xprv, &secret.to_string())?;
        expect_eq("public key", &self.xpub, &public.to_string())?;
        let read = decode_extended_secret(&self.xprv, &Prefixes::MAIN);
        expect_eq("private key read", Ok(secret), read)?;
        expect_eq(
            "public key read",
            Ok(public),
            decode_extended_public(&self.xpub, &Prefixes::MAIN),
        )?;

        // A last step that is not hardened can be taken from the public key of the parent.
        let steps: &[_] = path.as_ref();
        let Some((last, parents)) = steps.split_last().filter(|(last, _)| last.is_normal()) else {
            return Ok(());
        };
        let parent = master.derive_priv(&secp, &parents).map_err(failed)?;
        let derived = Xpub::from_priv(&secp, &parent).ckd_pub(&secp, *last).map_err(failed)?;
        expect_eq("public key of the public parent", public, derived)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    key: String,
    reason: String,
}

impl Invalid {
    fn check(&self) -> Result<(), Mismatch> {
        for network in [Prefixes::MAIN, Prefixes::TEST] {
            let accepted = decode_extended_public(&self.key, &network).is_ok()
                || decode_extended_secret(&self.key, &network).is_ok();
            expect_eq(&self.reason, false, accepted)?;
        }
        Ok(())
    }
}
