//! `util/*.hex`, `util/*.json`, `huge_witness.hex`: transactions, and what Bitcoin Core says of them.

use std::{ffi::OsStr, path::Path};

use quintet_bitcoin_protocol::{
    Transaction, Tx,
    address::{self, Prefixes},
};
use quintet_primitives::hex;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct TransactionFiles;

impl Suite for TransactionFiles {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn claims(&self, name: &Path) -> bool {
        let in_util = name.parent().and_then(Path::file_name) == Some(OsStr::new("util"));
        let described =
            ["tx", "tt-", "blanktx"].iter().any(|begin| super::is_named(name, begin, ".json"));
        in_util && (super::is_named(name, "", ".hex") || described)
            || super::is_named(name, "huge_witness", ".hex")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let case = file.name.display();
        if file.own_name().ends_with(".hex") {
            report.case(case, || check_bytes(file));
            return;
        }
        let Some(value) = report.json(file) else { return };
        report.json_case(case, value, |facts: Facts| facts.check());
    }
}

/// Like Core's tools: with witnesses, and if that cannot be, without.
fn decode(text: &str) -> Result<Transaction, Mismatch> {
    let bytes = bytes("transaction", text)?;
    Transaction::decode(bytes.clone())
        .or_else(|_| Transaction::decode_plain(bytes))
        .map_err(|error| Mismatch::new("transaction", "a transaction", error.to_string()))
}

fn check_bytes(file: &File) -> Result<(), Mismatch> {
    let text = std::str::from_utf8(&file.bytes)
        .map_err(|_| Mismatch::new("file", "hexadecimal digits", "no text"))?;
    let tx = decode(text.trim())?;
    expect_eq(
        "transaction written from its parts",
        text.trim(),
        hex::encode(&rebuild(tx.view())).as_str(),
    )?;
    check_ids(tx.view())?;
    // The same facts are told beside it under another ending.
    let described = file.name.with_extension("json");
    let Some(described) = file.other(|name| Path::new(name) == described) else { return Ok(()) };
    let Ok(facts) = serde_json::from_slice::<Facts>(&described.bytes) else { return Ok(()) };
    expect_eq("transaction of the file beside", text.trim(), &facts.hex)
}

/// Serialises anew from the views, so that each of them is read.
fn rebuild(tx: Tx<'_>) -> Vec<u8> {
    use quintet_bitcoin_protocol::encode::put_size;
    let sized = |out: &mut Vec<u8>, bytes: &[u8]| {
        put_size(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    };
    let mut out = Vec::from(tx.version().to_le_bytes());
    if tx.has_witness() {
        out.extend_from_slice(&[0, 1]);
    }
    put_size(&mut out, tx.inputs().len() as u64);
    for input in tx.inputs() {
        out.extend_from_slice(AsRef::<[u8; 32]>::as_ref(&input.previous.txid));
        out.extend_from_slice(&input.previous.vout.to_le_bytes());
        sized(&mut out, input.script_sig);
        out.extend_from_slice(&input.sequence.to_le_bytes());
    }
    put_size(&mut out, tx.outputs().len() as u64);
    for output in tx.outputs() {
        out.extend_from_slice(&output.value.to_le_bytes());
        sized(&mut out, output.script_pubkey);
    }
    if tx.has_witness() {
        for input in tx.inputs() {
            put_size(&mut out, input.witness.len() as u64);
            input.witness.iter().for_each(|item| sized(&mut out, item));
        }
    }
    out.extend_from_slice(&tx.lock_time().to_le_bytes());
    out
}

/// Ids and sizes agree with the `bitcoin` crate's, computed its own way.
fn check_ids(tx: Tx<'_>) -> Result<(), Mismatch> {
    let Ok(other) = bitcoin::consensus::deserialize::<bitcoin::Transaction>(tx.bytes()) else {
        // It refuses a transaction without inputs, which is no matter of form.
        return expect_eq("inputs of what another decoder refuses", 0, tx.inputs().len());
    };
    expect_eq("id", other.compute_txid(), tx.txid())?;
    expect_eq("id with witnesses", other.compute_wtxid(), tx.wtxid())?;
    expect_eq("size", other.total_size(), tx.total_size())?;
    expect_eq("weight", other.weight().to_wu(), tx.weight() as u64)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    txid: String,
    hash: String,
    version: u32,
    size: usize,
    vsize: usize,
    weight: usize,
    locktime: u32,
    vin: Vec<InputFacts>,
    vout: Vec<OutputFacts>,
    hex: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputFacts {
    txid: String,
    vout: u32,
    #[serde(rename = "scriptSig")]
    script_sig: ScriptFacts,
    #[serde(default)]
    txinwitness: Vec<String>,
    sequence: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputFacts {
    /// Bitcoins; a double holds every amount there can be to the satoshi.
    value: f64,
    n: usize,
    #[serde(rename = "scriptPubKey")]
    script_pubkey: ScriptFacts,
}

/// Opcodes in words, descriptor and type are what the RPC server says, not what a transaction is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFacts {
    #[serde(rename = "asm")]
    _asm: String,
    #[serde(rename = "desc")]
    _desc: Option<String>,
    hex: String,
    address: Option<String>,
    #[serde(rename = "type")]
    _type: Option<String>,
}

impl Facts {
    fn check(&self) -> Result<(), Mismatch> {
        let tx = decode(&self.hex)?;
        let tx = tx.view();
        expect_eq("transaction written from its parts", &self.hex, &hex::encode(&rebuild(tx)))?;
        check_ids(tx)?;
        expect_eq("txid", &self.txid, &tx.txid().to_string())?;
        expect_eq("hash", &self.hash, &tx.wtxid().to_string())?;
        expect_eq("version", self.version, tx.version())?;
        expect_eq("size", self.size, tx.total_size())?;
        expect_eq("weight", self.weight, tx.weight())?;
        expect_eq("vsize", self.vsize, tx.weight().div_ceil(4))?;
        expect_eq("locktime", self.locktime, tx.lock_time())?;
        expect_eq("number of inputs", self.vin.len(), tx.inputs().len())?;
        for (index, (facts, input)) in self.vin.iter().zip(tx.inputs()).enumerate() {
            let what = |field: &str| format!("vin[{index}].{field}");
            expect_eq(what("txid"), &facts.txid, &input.previous.txid.to_string())?;
            expect_eq(what("vout"), facts.vout, input.previous.vout)?;
            expect_eq(what("sequence"), facts.sequence, input.sequence)?;
            expect_eq(what("scriptSig"), &facts.script_sig.hex, &hex::encode(input.script_sig))?;
            let witness: Vec<_> = input.witness.iter().map(hex::encode).collect();
            expect_eq(what("txinwitness"), &facts.txinwitness, &witness)?;
        }
        expect_eq("number of outputs", self.vout.len(), tx.outputs().len())?;
        for (index, (facts, output)) in self.vout.iter().zip(tx.outputs()).enumerate() {
            let what = |field: &str| format!("vout[{index}].{field}");
            expect_eq(what("n"), facts.n, index)?;
            expect_eq(what("value"), format!("{:.8}", facts.value), amount(output.value))?;
            let script = &facts.script_pubkey;
            expect_eq(what("scriptPubKey"), &script.hex, &hex::encode(output.script_pubkey))?;
            let written = address::encode(output.script_pubkey, &Prefixes::MAIN);
            expect_eq(what("address"), script.address.as_ref(), written.as_ref())?;
        }
        Ok(())
    }
}

/// Satoshis as bitcoins.
fn amount(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    format!("{sign}{}.{:08}", value / 100_000_000, value % 100_000_000)
}
