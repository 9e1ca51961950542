//! `beacon`: replies of a beacon node: real blobs with their proofs, genesis and configuration.

use std::path::Path;

use alloy_eips::eip4844::kzg_to_versioned_hash;
use quintet_rollup_protocol::inbox::kzg;
use serde::Deserialize;
use serde_json::Value;

use super::{is_in, own_name};
use crate::{
    field::{array, bytes},
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Replies;

#[derive(Deserialize)]
struct Sidecar {
    blob: String,
    kzg_commitment: String,
    kzg_proof: String,
}

impl Suite for Replies {
    fn name(&self) -> &'static str {
        "beacon"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "beacon")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(mut value) = report.json(file) else { return };
        let data = value.get_mut("data").map(Value::take).unwrap_or_default();
        let name = own_name(&file.name).to_owned();
        match data {
            Value::Array(sidecars) => {
                for (index, sidecar) in sidecars.into_iter().enumerate() {
                    report
                        .json_case(format!("{name}[{index}]"), sidecar, |sidecar| check(&sidecar));
                }
            }
            data => report.case(name, || {
                let number = |key: &str| data.get(key)?.as_str()?.parse::<u64>().ok();
                let found = number("genesis_time").or_else(|| number("SECONDS_PER_SLOT"));
                expect_eq("genesis time or slot length", true, found.is_some_and(|found| found > 0))
            }),
        }
    }
}

fn check(sidecar: &Sidecar) -> Result<(), Mismatch> {
    let hexadecimal = |field, text: &str| bytes(field, text.trim_start_matches("0x"));
    let blob = hexadecimal("blob", &sidecar.blob)?;
    let commitment = array("kzg_commitment", sidecar.kzg_commitment.trim_start_matches("0x"))?;
    let proof = array("kzg_proof", sidecar.kzg_proof.trim_start_matches("0x"))?;
    let hash = kzg_to_versioned_hash(&commitment);
    expect_eq("with its proof", Ok(()), kzg::verify(&blob, &commitment, &proof, hash))?;
    expect_eq("alone", Ok(()), kzg::verify_alone(&blob, hash))?;
    let mut other = blob;
    other[1_000] ^= 1;
    expect_eq("one bit changed", true, kzg::verify(&other, &commitment, &proof, hash).is_err())
}
