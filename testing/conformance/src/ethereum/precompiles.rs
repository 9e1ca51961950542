//! `precompiles/`: inputs of precompiles with what they give and cost; `fail-*` names those that must be refused.

use std::path::Path;

use alloy_primitives::{Address, Bytes};
use quintet_evm::{
    precompiles,
    schedule::{Fork, Rules},
};
use serde::Deserialize;

use super::lies_in;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// More gas than any case takes.
const GAS_LIMIT: u64 = 1 << 40;

pub(super) struct Precompiles;

impl Suite for Precompiles {
    fn name(&self) -> &'static str {
        "precompiles"
    }

    fn claims(&self, name: &Path) -> bool {
        lies_in(name, "precompiles")
            && name.extension().is_some_and(|extension| extension == "json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.own_name().trim_end_matches(".json").to_owned();
        report.json_cases(file, |case: Case| case.check(&name));
    }
}

/// Returns the address and the fork that the file's name stands for.
fn precompile(name: &str) -> Option<(u16, Fork)> {
    Some(match name.trim_start_matches("fail-") {
        "ecRecover" => (1, Fork::Frontier),
        "modexp" => (5, Fork::Byzantium),
        "modexp_eip2565" => (5, Fork::Berlin),
        "modexp_eip7883" => (5, Fork::Osaka),
        "bn256Add" => (6, Fork::Istanbul),
        "bn256ScalarMul" => (7, Fork::Istanbul),
        "bn256Pairing" => (8, Fork::Istanbul),
        "blake2F" | "blake2f" => (9, Fork::Istanbul),
        "pointEvaluation" => (10, Fork::Cancun),
        "blsG1Add" => (11, Fork::Prague),
        // A product of one point is a sum of one.
        "blsG1Mul" | "blsG1MultiExp" => (12, Fork::Prague),
        "blsG2Add" => (13, Fork::Prague),
        "blsG2Mul" | "blsG2MultiExp" => (14, Fork::Prague),
        "blsPairing" => (15, Fork::Prague),
        "blsMapG1" => (16, Fork::Prague),
        "blsMapG2" => (17, Fork::Prague),
        "p256Verify" => (0x100, Fork::Osaka),
        _ => return None,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Case {
    input: Bytes,
    expected: Option<Bytes>,
    expected_error: Option<String>,
    gas: Option<u64>,
    #[serde(rename = "Name")]
    _name: String,
    #[serde(rename = "NoBenchmark", default)]
    _no_benchmark: bool,
}

impl Case {
    fn check(&self, name: &str) -> Result<(), Mismatch> {
        let (number, fork) =
            precompile(name).ok_or_else(|| Mismatch::new("precompile", "a known name", name))?;
        let mut address = Address::ZERO;
        address[18..].copy_from_slice(&number.to_be_bytes());
        let run = |gas| precompiles::run(&Rules::of(fork), address, &self.input, gas);
        match (&self.expected, &self.expected_error, run(GAS_LIMIT)) {
            (Some(expected), None, Ok(output)) => {
                expect_eq("output", expected, &output.bytes)?;
                expect_eq("gas", self.gas, Some(output.gas_used))?;
                let short = output.gas_used.checked_sub(1).map(run);
                expect_eq("with too little gas", false, short.is_some_and(|short| short.is_ok()))
            }
            (None, Some(_), Err(_)) => Ok(()),
            (expected, _, actual) => Err(Mismatch::new("outcome", expected, actual)),
        }
    }
}
