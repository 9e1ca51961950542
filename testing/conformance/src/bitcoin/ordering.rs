//! `rpc_bip67*.json`, `bip69*.json`: keys, inputs and outputs in the order that gives nothing away.

use std::path::Path;

use quintet_bitcoin_protocol::address::{self, Prefixes};
use quintet_primitives::hex;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Bip67;

impl Suite for Bip67 {
    fn name(&self) -> &'static str {
        "bip67"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "rpc_bip67")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Keys| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    keys: Vec<String>,
    sorted_keys: Vec<String>,
    script: String,
    address: String,
}

impl Keys {
    fn check(&self) -> Result<(), Mismatch> {
        let mut keys: Vec<_> =
            self.keys.iter().map(|key| bytes("key", key)).collect::<Result<_, _>>()?;
        keys.sort();
        let sorted: Vec<_> = keys.iter().map(|key| hex::encode(key)).collect();
        expect_eq("sorted keys", &self.sorted_keys, &sorted)?;
        // Two signatures of as many keys as there are.
        let small = |number: usize| u8::try_from(0x50 + number).unwrap_or(0);
        let mut script = vec![small(2)];
        for key in &keys {
            script.push(u8::try_from(key.len()).unwrap_or(0));
            script.extend_from_slice(key);
        }
        script.extend_from_slice(&[small(keys.len()), 0xae]);
        expect_eq("script", &self.script, &hex::encode(&script))?;
        let hash = bitcoin::ScriptBuf::from_bytes(script).to_p2sh();
        let written = address::encode(hash.as_bytes(), &Prefixes::TEST);
        expect_eq("address", Some(&self.address), written.as_ref())
    }
}

pub(super) struct Bip69;

impl Suite for Bip69 {
    fn name(&self) -> &'static str {
        "bip69"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bip69")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        let groups: Groups = match serde_json::from_value(value) {
            Ok(groups) => groups,
            Err(error) => {
                report.unreadable = Some(format!("expected inputs and outputs: {error}"));
                return;
            }
        };
        let name = file.name.display();
        for (index, case) in groups.inputs.iter().enumerate() {
            report.case(format!("{name}: inputs[{index}]"), || {
                let key = |input: &Input| (input.tx_id.clone(), input.vout);
                expect_eq(&case.description, case.expected.clone(), order(&case.inputs, key))
            });
        }
        for (index, case) in groups.outputs.iter().enumerate() {
            report.case(format!("{name}: outputs[{index}]"), || {
                for output in &case.outputs {
                    bytes("script", &output.script)?;
                }
                let key = |output: &Output| (output.value, output.script.clone());
                expect_eq(&case.description, case.expected.clone(), order(&case.outputs, key))
            });
        }
    }
}

/// Returns the indexes of `items` in the order of their keys; equal ones stay as they are.
fn order<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> Vec<usize> {
    let mut order: Vec<_> = (0..items.len()).collect();
    order.sort_by_key(|index| key(&items[*index]));
    order
}

/// A file may leave a list out.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Groups {
    inputs: Vec<InputCase>,
    outputs: Vec<OutputCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputCase {
    description: String,
    inputs: Vec<Input>,
    expected: Vec<usize>,
}

/// Ids are ordered as they are shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(rename = "txId")]
    tx_id: String,
    vout: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputCase {
    description: String,
    outputs: Vec<Output>,
    expected: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    script: String,
    value: u64,
}
