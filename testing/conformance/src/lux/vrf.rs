//! `vrf_rfc9381.json`: the examples of RFC 9381, appendix B, of the one suite that proposers are drawn with.

use std::path::Path;

use quintet_crypto::vrf::{SecretKey, verify};
use serde::Deserialize;

use super::{array, bytes};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// The suite that is spoken here.
const SUITE: &str = "ECVRF-EDWARDS25519-SHA512-TAI";

pub(super) struct Vrf;

impl Suite for Vrf {
    fn name(&self) -> &'static str {
        "vrf"
    }

    fn claims(&self, name: &Path) -> bool {
        name.ends_with("vrf_rfc9381.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let examples: Vec<Example> = match serde_json::from_slice(&file.bytes) {
            Ok(examples) => examples,
            Err(error) => {
                report.unreadable = Some(format!("expected a list of examples: {error}"));
                return;
            }
        };
        for example in &examples {
            if example.suite == SUITE {
                report.case(format!("{} example {}", file.name.display(), example.example), || {
                    example.check()
                });
            } else {
                report.skip(format!("suite {}: proposers are drawn with {SUITE}", example.suite));
            }
        }
    }
}

#[derive(Deserialize)]
struct Example {
    example: u32,
    suite: String,
    sk: String,
    pk: String,
    alpha: String,
    pi: String,
    beta: String,
}

impl Example {
    fn check(&self) -> Result<(), Mismatch> {
        let secret = SecretKey::from_seed(&array("sk", &self.sk)?);
        let key: [u8; 32] = array("pk", &self.pk)?;
        let message = bytes("alpha", &self.alpha)?;
        let proof: [u8; 80] = array("pi", &self.pi)?;
        let output: [u8; 64] = array("beta", &self.beta)?;
        expect_eq("public key", key, secret.public_key())?;
        expect_eq("proof and output", Ok((output, proof)), secret.prove(&message))?;
        expect_eq("output of the proof", Ok(output), verify(&key, &message, &proof))?;
        expect_eq(
            "other message",
            false,
            verify(&key, &[&message[..], &[0]].concat(), &proof).is_ok(),
        )?;
        for bit in 0..proof.len() * 8 {
            let mut changed = proof;
            changed[bit / 8] ^= 1 << (bit % 8);
            expect_eq("changed proof", false, verify(&key, &message, &changed).is_ok())?;
        }
        for bit in 0..key.len() * 8 {
            let mut changed = key;
            changed[bit / 8] ^= 1 << (bit % 8);
            expect_eq("changed key", false, verify(&changed, &message, &proof).is_ok())?;
        }
        Ok(())
    }
}
