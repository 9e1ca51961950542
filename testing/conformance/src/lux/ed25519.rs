//! `ed25519_test.json`: Wycheproof's attacks on Ed25519.

use std::path::Path;

use quintet_crypto::ed25519::verify;
use serde::Deserialize;

use super::{array, bytes};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite},
    wycheproof::{Numbered, Verdict, run},
};

pub(super) struct Ed25519;

impl Suite for Ed25519 {
    fn name(&self) -> &'static str {
        "ed25519"
    }

    fn claims(&self, name: &Path) -> bool {
        name.ends_with("ed25519_test.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        run::<Group, Test>(file, report, Test::check);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    public_key: Key,
}

#[derive(Deserialize)]
struct Key {
    pk: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    tc_id: u32,
    msg: String,
    sig: String,
    result: Verdict,
}

impl Numbered for Test {
    fn number(&self) -> u32 {
        self.tc_id
    }
}

impl Test {
    fn check(&self, group: &Group) -> Result<(), Mismatch> {
        let key = array("pk", &group.public_key.pk)?;
        let message = bytes("msg", &self.msg)?;
        // A signature of another length never reaches the function: its type has one.
        let signature: Result<[u8; 64], _> = bytes("sig", &self.sig)?.try_into();
        self.result
            .check(signature.is_ok_and(|signature| verify(&key, &message, &signature).is_ok()))
    }
}
