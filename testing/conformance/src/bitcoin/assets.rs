//! `script_assets_test*.json`: spends of every kind of output, valid and spoiled, under all consensus rules.
//!
//! A valid spend is valid under its flags and any fewer; if it is final, under all there are. A spoiled one
//! is invalid under its flags and any more.

use std::path::Path;

use quintet_bitcoin_protocol::{
    script::{ScriptFlags, TxContext},
    transaction::{Output, Tx},
};
use serde::Deserialize;

use super::{
    assembler, bytes,
    judge::{Judge, decode, with_input},
    script_tests::names,
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, is_json_named},
};

/// The flags that soft forks have made rules.
const CONSENSUS: [ScriptFlags; 7] = [
    ScriptFlags::P2SH,
    ScriptFlags::DERSIG,
    ScriptFlags::NULLDUMMY,
    ScriptFlags::CHECKLOCKTIMEVERIFY,
    ScriptFlags::CHECKSEQUENCEVERIFY,
    ScriptFlags::WITNESS,
    ScriptFlags::TAPROOT,
];

pub(super) struct Assets;

impl Suite for Assets {
    fn name(&self) -> &'static str {
        "assets"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "script_assets_test")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "id")]
    _id: String,
    tx: String,
    prevouts: Vec<String>,
    index: usize,
    flags: String,
    #[serde(rename = "comment")]
    _comment: String,
    success: Spend,
    failure: Option<Spend>,
    #[serde(default, rename = "final")]
    is_final: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spend {
    #[serde(rename = "scriptSig")]
    script_sig: String,
    witness: Vec<String>,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let template = decode(bytes("tx", &self.tx)?)?;
        let flags = assembler::flags(&self.flags)?;
        let prevouts = self
            .prevouts
            .iter()
            .map(|prevout| bytes("prevouts", prevout))
            .collect::<Result<Vec<_>, _>>()?;
        let spent = prevouts.iter().map(|bytes| output(bytes)).collect::<Result<Vec<_>, _>>()?;
        let mut judge = Judge::default();
        self.check_spend(&mut judge, template.view(), &spent, &self.success, true, |others| {
            self.is_final || flags.contains(others)
        })?;
        match &self.failure {
            Some(failure) => {
                let is_affected = |others: ScriptFlags| others.contains(flags);
                self.check_spend(&mut judge, template.view(), &spent, failure, false, is_affected)
            }
            None => Ok(()),
        }
    }

    fn check_spend(
        &self,
        judge: &mut Judge,
        template: Tx<'_>,
        spent: &[Output<'_>],
        spend: &Spend,
        expected: bool,
        applies: impl Fn(ScriptFlags) -> bool,
    ) -> Result<(), Mismatch> {
        let script_sig = bytes("scriptSig", &spend.script_sig)?;
        let witness = spend
            .witness
            .iter()
            .map(|item| bytes("witness", item))
            .collect::<Result<Vec<_>, _>>()?;
        let transaction = with_input(template, self.index, &script_sig, &witness)?;
        let context = TxContext::new(transaction.view(), spent.to_vec());
        for flags in sets().filter(|flags| applies(*flags)) {
            let verdict = judge.verdict(&context, self.index, flags)?;
            if verdict.is_ok() != expected {
                let what = format!("spend under {}", names(flags));
                let expected = if expected { "valid" } else { "invalid" };
                return Err(Mismatch::new(what, expected, verdict));
            }
        }
        Ok(())
    }
}

/// Returns every set of consensus flags in which none lacks its condition.
fn sets() -> impl Iterator<Item = ScriptFlags> {
    let set = |bits: u32| {
        let chosen = CONSENSUS.iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1);
        chosen.map(|(_, flag)| *flag).collect::<ScriptFlags>()
    };
    let has = ScriptFlags::contains;
    (0..1 << CONSENSUS.len()).map(set).filter(move |flags| {
        (!has(flags, ScriptFlags::WITNESS) || has(flags, ScriptFlags::P2SH))
            && (!has(flags, ScriptFlags::TAPROOT) || has(flags, ScriptFlags::WITNESS))
    })
}

/// Reads an output as serialised.
fn output(bytes: &[u8]) -> Result<Output<'_>, Mismatch> {
    let read = || {
        let (value, rest) = bytes.split_first_chunk()?;
        let mut reader = quintet_bitcoin_protocol::encode::Reader::new(rest).ok()?;
        let script_pubkey = reader.sized().ok()?;
        reader.finish().ok()?;
        Some(Output { value: i64::from_le_bytes(*value), script_pubkey })
    };
    read().ok_or_else(|| Mismatch::new("prevouts", "an output", bytes))
}
