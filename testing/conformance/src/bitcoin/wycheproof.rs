//! `*_secp256k1*_test.json`: Wycheproof's attacks on ECDSA and Diffie-Hellman.

use std::path::Path;

use quintet_crypto::{
    digest::sha256,
    ecdsa_lanes::{EcdsaItem, verify_ecdsa_many},
    secp::{SecretKey, ecdsa_verify, ecdsa_verify_strict},
};
use serde::Deserialize;

use super::{array, bytes};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
    wycheproof::{Numbered, Verdict, run},
};

pub(super) struct Wycheproof;

impl Suite for Wycheproof {
    fn name(&self) -> &'static str {
        "wycheproof"
    }

    fn claims(&self, name: &Path) -> bool {
        [ECDSA, ECDH].iter().any(|file| name.ends_with(file))
    }

    fn run(&self, file: &File, report: &mut Report) {
        if file.name.ends_with(ECDSA) {
            run::<EcdsaGroup, EcdsaTest>(file, report, EcdsaTest::check);
        } else {
            run::<EcdhGroup, EcdhTest>(file, report, EcdhTest::check);
        }
    }
}

const ECDSA: &str = "ecdsa_secp256k1_sha256_bitcoin_test.json";
/// As many of one signature as fill the lanes of two groups, and one more.
const LANES: usize = 17;

const ECDH: &str = "ecdh_secp256k1_test.json";

/// What stands before a point on secp256k1 in the ASN.1 form of a public key: uncompressed, then
/// compressed. Anything else names another curve, or is a trick.
const POINT_PREFIXES: [(&str, usize); 2] = [
    ("3056301006072a8648ce3d020106052b8104000a034200", 65),
    ("3036301006072a8648ce3d020106052b8104000a032200", 33),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EcdsaGroup {
    public_key: EcdsaKey,
}

#[derive(Deserialize)]
struct EcdsaKey {
    uncompressed: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EcdsaTest {
    tc_id: u32,
    msg: String,
    sig: String,
    result: Verdict,
}

impl Numbered for EcdsaTest {
    fn number(&self) -> u32 {
        self.tc_id
    }
}

impl EcdsaTest {
    fn check(&self, group: &EcdsaGroup) -> Result<(), Mismatch> {
        let key = bytes("uncompressed", &group.public_key.uncompressed)?;
        let message = sha256(&[&bytes("msg", &self.msg)?]);
        let signature = bytes("sig", &self.sig)?;
        let strict = ecdsa_verify_strict(&signature, &key, message.as_bytes());
        // Lanes read laxly and take either S: they must say what one by one says.
        let lax = ecdsa_verify(&signature, &key, message.as_bytes());
        let item = EcdsaItem::from_der_lax(&signature, &key, message.as_bytes());
        let in_lanes = item.map_or(vec![false; LANES], |item| verify_ecdsa_many(&[item; LANES]));
        expect_eq("accepted in lanes", vec![lax; LANES], in_lanes)?;
        self.result.check(strict)
    }
}

#[derive(Deserialize)]
struct EcdhGroup {
    curve: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EcdhTest {
    tc_id: u32,
    public: String,
    private: String,
    shared: String,
    result: Verdict,
}

impl Numbered for EcdhTest {
    fn number(&self) -> u32 {
        self.tc_id
    }
}

impl EcdhTest {
    fn check(&self, group: &EcdhGroup) -> Result<(), Mismatch> {
        expect_eq("curve", "secp256k1", group.curve.as_str())?;
        let private = self.private.trim_start_matches('0');
        let key = SecretKey::from_bytes(&array("private", &format!("{private:0>64}"))?)
            .map_err(|error| Mismatch::new("private", "a key", error.to_string()))?;
        let shared = self.point().and_then(|point| key.shared_x(&point));
        self.result.check(shared.is_some())?;
        match shared {
            Some(shared) => expect_eq("shared", array("shared", &self.shared)?, shared),
            None => Ok(()),
        }
    }

    fn point(&self) -> Option<Vec<u8>> {
        POINT_PREFIXES.iter().find_map(|&(prefix, length)| {
            let point = bytes("public", self.public.strip_prefix(prefix)?).ok()?;
            (point.len() == length).then_some(point)
        })
    }
}
