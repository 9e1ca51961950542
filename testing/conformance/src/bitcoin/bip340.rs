//! `bip340_vectors.csv`: Schnorr signatures, singly and in a batch.

use std::path::Path;

use quintet_crypto::{
    schnorr_batch::Batch,
    secp::{SecretKey, schnorr_verify_any},
};

use super::{array, bytes};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Bip340;

impl Suite for Bip340 {
    fn name(&self) -> &'static str {
        "bip340"
    }

    fn claims(&self, name: &Path) -> bool {
        name.ends_with("bip340_vectors.csv")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let text = String::from_utf8_lossy(&file.bytes);
        for line in text.lines().skip(1) {
            let index = line.split(',').next().unwrap_or_default();
            report.case(format!("{}[{index}]", file.name.display()), || check(line));
        }
    }
}

fn check(line: &str) -> Result<(), Mismatch> {
    let fields: Vec<&str> = line.splitn(8, ',').collect();
    let &[_, secret, public, aux, message, signature, verdict, _] = fields.as_slice() else {
        return Err(Mismatch::new("columns", 8, fields.len()));
    };
    let public: [u8; 32] = array("public key", public)?;
    let message = bytes("message", message)?;
    let signature: [u8; 64] = array("signature", signature)?;
    let valid = verdict == "TRUE";
    if !secret.is_empty() {
        let key = SecretKey::from_bytes(&array("secret key", secret)?)
            .map_err(|error| Mismatch::new("secret key", "accepted", error.to_string()))?;
        expect_eq("public key", public, key.x_only_public_key().0)?;
        let signed = key.sign_schnorr(&message, &array("aux_rand", aux)?);
        expect_eq("signature", signature.as_slice(), signed.as_slice())?;
    }
    expect_eq("valid", valid, schnorr_verify_any(&signature, &public, &message))?;
    let mut batch = good_company();
    expect_eq("the rest of the batch is valid", true, batch.verify())?;
    batch.add_signature(&signature, &public, &message);
    expect_eq("valid in a batch", valid, batch.verify())
}

/// A batch of valid signatures over messages of different lengths.
fn good_company() -> Batch {
    let mut batch = Batch::new();
    for seed in 1..20 {
        let Ok(key) = SecretKey::from_bytes(&[seed; 32]) else { continue };
        let message = vec![seed; usize::from(seed) * 3];
        let signature = key.sign_schnorr(&message, &[0; 32]);
        batch.add_signature(&signature, &key.x_only_public_key().0, &message);
    }
    batch
}
