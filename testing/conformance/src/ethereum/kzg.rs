//! `kzg/verify_kzg_proof.json`: proofs that a committed polynomial has a value at a point.
//!
//! Each case is put to the library and to the precompile that contracts reach it by, which adds the hash of the commitment. What is not
//! as long as it must be, or no point of the curve, or no number of the field, must be refused by both.
//!
//! **Spec:** EIP-4844, "Point evaluation precompile"; consensus-specs, `deneb/polynomial-commitments.md`, `verify_kzg_proof`.

use std::path::Path;

use alloy_eips::eip4844::{
    VERSIONED_HASH_VERSION_KZG as VERSION, c_kzg, env_settings::EnvKzgSettings,
};
use alloy_primitives::{Address, Bytes, b256};
use quintet_crypto::digest::sha256;
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

/// Price of the precompile.
const GAS: u64 = 50_000;

/// What the precompile returns for a proof that holds: how many numbers a blob has, and the field's modulus.
const HOLDS: [alloy_primitives::B256; 2] = [
    b256!("0000000000000000000000000000000000000000000000000000000000001000"),
    b256!("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001"),
];

pub(super) struct Kzg;

impl Suite for Kzg {
    fn name(&self) -> &'static str {
        "kzg"
    }

    fn claims(&self, name: &Path) -> bool {
        lies_in(name, "kzg") && name.file_name().is_some_and(|own| own == "verify_kzg_proof.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "name")]
    _name: String,
    input: Input,
    /// Whether the proof holds; nothing if the input is none.
    output: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    commitment: Bytes,
    z: Bytes,
    y: Bytes,
    proof: Bytes,
}

impl Input {
    /// Asks the library.
    fn verify(&self) -> Result<bool, c_kzg::Error> {
        let commitment = c_kzg::Bytes48::from_bytes(&self.commitment)?;
        let z = c_kzg::Bytes32::from_bytes(&self.z)?;
        let y = c_kzg::Bytes32::from_bytes(&self.y)?;
        let proof = c_kzg::Bytes48::from_bytes(&self.proof)?;
        EnvKzgSettings::Default.get().verify_kzg_proof(&commitment, &z, &y, &proof)
    }

    /// Asks the precompile; `None` if it refuses.
    fn evaluate(&self) -> Option<Bytes> {
        let mut hash = sha256(&[&self.commitment]).into_bytes();
        hash[0] = VERSION;
        let parts = [hash.as_slice(), &self.z, &self.y, &self.commitment, &self.proof];
        let rules = Rules::of(Fork::Cancun);
        let mut address = Address::ZERO;
        address[19] = 10;
        let output = precompiles::run(&rules, address, &parts.concat(), GAS);
        output.ok().map(|output| output.bytes)
    }
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        expect_eq("library", self.output, self.input.verify().ok())?;
        let holds = (self.output == Some(true)).then(|| HOLDS.concat().into());
        expect_eq("precompile", holds, self.input.evaluate())
    }
}
