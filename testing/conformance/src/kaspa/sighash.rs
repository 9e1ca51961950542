//! `sighash.json`: what Schnorr and ECDSA signatures sign, for all hash types.

use std::path::Path;

use quintet_kaspa_protocol::{
    hashing::{Sighash, SighashType},
    tx::PopulatedTransaction,
};
use serde::Deserialize;

use super::{
    hash,
    tx::{Tx, Utxo},
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Sighashes;

impl Suite for Sighashes {
    fn name(&self) -> &'static str {
        "sighash"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "sighash")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    kind: String,
    tx: Tx,
    utxos: Vec<Utxo>,
    input_index: usize,
    hash_type: u8,
    hash: String,
    #[serde(rename = "source")]
    _source: String,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let tx = self.tx.read()?;
        let entries: Vec<_> = self.utxos.iter().map(Utxo::read).collect::<Result<_, _>>()?;
        let populated = PopulatedTransaction::new(&tx, &entries)
            .map_err(|error| Mismatch::new("utxos", "one per input", error.to_string()))?;
        let hash_type = SighashType::try_from(self.hash_type)
            .map_err(|error| Mismatch::new("hash_type", "a known one", error.to_string()))?;
        let sighash = Sighash::new(populated);
        // Twice: the second time from what the first has kept.
        for _ in 0..2 {
            let actual = match self.kind.as_str() {
                "schnorr" => sighash.schnorr(self.input_index, hash_type),
                "ecdsa" => sighash.ecdsa(self.input_index, hash_type),
                other => return Err(Mismatch::new("kind", "schnorr or ecdsa", other)),
            };
            expect_eq(&self.name, Some(hash("hash", &self.hash)?), actual)?;
        }
        Ok(())
    }
}
