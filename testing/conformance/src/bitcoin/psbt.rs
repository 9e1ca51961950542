//! `rpc_psbt*.json`, `*_psbt.json`, `rust-bitcoin-psbt/*`: partially signed transactions.
//!
//! Rows of version 2 (BIP-0370) are skipped, and so are roles that need a wallet; combining and extracting
//! need none.

use std::{ffi::OsStr, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use bitcoin::psbt::Psbt;
use quintet_bitcoin_protocol::psbt::{self, PsbtError};
use quintet_primitives::hex;
use serde_json::Value;
use thiserror::Error;

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Psbts;

impl Suite for Psbts {
    fn name(&self) -> &'static str {
        "psbt"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "rpc_psbt")
            || super::is_named(name, "", "_psbt.json")
            || in_walk_through(name)
    }

    fn run(&self, file: &File, report: &mut Report) {
        if in_walk_through(&file.name) {
            run_walk_through(file, report);
            return;
        }
        let Some(value) = report.json(file) else { return };
        let Value::Object(groups) = value else {
            report.unreadable = Some("expected an object of lists".to_owned());
            return;
        };
        for (group, rows) in &groups {
            let rows = rows.as_array().map_or(std::slice::from_ref(rows), Vec::as_slice);
            for (index, row) in rows.iter().enumerate() {
                let case = format!("{}: {group}[{index}]", file.name.display());
                run_row(report, &case, group, row);
            }
        }
    }
}

fn in_walk_through(name: &Path) -> bool {
    name.parent().and_then(Path::file_name) == Some(OsStr::new("rust-bitcoin-psbt"))
}

fn run_row(report: &mut Report, case: &str, group: &str, row: &Value) {
    match (group, row.as_str()) {
        ("valid", Some(text)) => run_valid(report, case, text),
        (_, Some(text)) if group.starts_with("psbtUnknown") => run_valid(report, case, text),
        ("invalid" | "invalid_with_msg", _) if is_version_2(invalid_text(row)) => {
            report.skip("version 2 (BIP-0370)");
        }
        ("invalid", _) => {
            report.case(case, || expect_eq("acceptance", false, decode(invalid_text(row)).is_ok()))
        }
        ("invalid_with_msg", _) => report.case(case, || {
            let message = row.get(1).and_then(Value::as_str).unwrap_or_default();
            match decode(invalid_text(row)) {
                // What the format crate finds, it says in words of its own.
                Err(Refusal::Psbt(PsbtError::Format(_))) => Ok(()),
                Err(Refusal::Psbt(error)) => expect_eq("message", message, &error.to_string()),
                Err(Refusal::Base64(error)) => Err(Mismatch::new("PSBT", "base64", error)),
                Ok(_) => Err(Mismatch::new("refusal", message, "none")),
            }
        }),
        ("combiner", _) => report.case(case, || check_combiner(row)),
        ("extractor", _) => report.case(case, || check_extractor(row)),
        _ => report.skip("a role that needs a wallet"),
    }
}

/// The text of a row that is one, or begins with one.
fn invalid_text(row: &Value) -> &str {
    row.as_str().or_else(|| row.get(0)?.as_str()).unwrap_or_default()
}

/// Why a text is no PSBT.
#[derive(Debug, Error)]
enum Refusal {
    #[error("{0}")]
    Base64(base64::DecodeError),
    #[error("{0}")]
    Psbt(PsbtError),
}

fn decode(text: &str) -> Result<Psbt, Refusal> {
    let bytes = BASE64_STANDARD.decode(text).map_err(Refusal::Base64)?;
    psbt::decode(&bytes).map_err(Refusal::Psbt)
}

/// Returns whether the global version field says 2: key `fb`, then four bytes.
fn is_version_2(text: &str) -> bool {
    let field = [1, 0xfb, 4, 2, 0, 0, 0];
    let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
    bytes.windows(field.len()).any(|window| window == field)
}

fn run_valid(report: &mut Report, case: &str, text: &str) {
    if is_version_2(text) {
        report.skip("version 2 (BIP-0370)");
        return;
    }
    report.case(case, || {
        let psbt = read("PSBT", text)?;
        let written = psbt.serialize();
        let again = psbt::decode(&written)
            .map_err(|error| Mismatch::new("written PSBT", "valid", error.to_string()))?;
        expect_eq("PSBT read again", true, again == psbt)?;
        let original = BASE64_STANDARD.decode(text).unwrap_or_default();
        expect_eq("bytes", fields(&original), fields(&written))
    });
}

/// Returns the bytes in ascending order, an explicit version of 0 left out: maps have no order, and a
/// writer may leave out what is the default.
fn fields(psbt: &[u8]) -> String {
    const VERSION_0: [u8; 7] = [1, 0xfb, 4, 0, 0, 0, 0];
    let found = psbt.windows(VERSION_0.len()).position(|window| window == VERSION_0);
    let mut bytes = psbt.to_vec();
    if let Some(at) = found {
        bytes.drain(at..at + VERSION_0.len());
    }
    bytes.sort_unstable();
    hex::encode(&bytes)
}

fn read(what: &str, text: &str) -> Result<Psbt, Mismatch> {
    decode(text).map_err(|error| Mismatch::new(what, "valid", error.to_string()))
}

fn field<'a>(row: &'a Value, name: &str) -> Result<&'a str, Mismatch> {
    row.get(name).and_then(Value::as_str).ok_or_else(|| Mismatch::new(name, "a text", row))
}

fn combine(parts: impl IntoIterator<Item = Psbt>) -> Result<Psbt, Mismatch> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().ok_or_else(|| Mismatch::new("parts", "some", 0))?;
    for part in parts {
        whole
            .combine(part)
            .map_err(|error| Mismatch::new("combination", "possible", error.to_string()))?;
    }
    Ok(whole)
}

fn check_combiner(row: &Value) -> Result<(), Mismatch> {
    let parts = row.get("combine").and_then(Value::as_array);
    let parts = parts.ok_or_else(|| Mismatch::new("combine", "a list", row))?;
    let parts: Vec<_> = parts
        .iter()
        .map(|part| read("part", part.as_str().unwrap_or_default()))
        .collect::<Result<_, _>>()?;
    let expected = read("result", field(row, "result")?)?;
    expect_eq("combination", true, combine(parts.clone())? == expected)?;
    expect_eq("combination in reverse", true, combine(parts.into_iter().rev())? == expected)
}

fn check_extractor(row: &Value) -> Result<(), Mismatch> {
    let psbt = read("PSBT", field(row, "extract")?)?;
    expect_eq("transaction", field(row, "result")?, extract(psbt).as_str())
}

fn extract(psbt: Psbt) -> String {
    hex::encode(&bitcoin::consensus::serialize(&psbt.extract_tx_unchecked_fee_rate()))
}

/// Steps of the walk-through that can be taken without a key: what they are made from, and how.
const STEPS: [(&str, &[&str]); 4] = [
    ("combine_psbt_hex", &["sign_1_psbt_hex", "sign_2_psbt_hex"]),
    ("lex_combine_psbt_hex", &["lex_psbt_1_hex", "lex_psbt_2_hex"]),
    ("psbt_combined.hex", &["psbt1.hex", "psbt2.hex"]),
    ("extract_tx_hex", &["finalize_psbt_hex"]),
];

fn from_hex(file: &File) -> Result<Vec<u8>, Mismatch> {
    let text = std::str::from_utf8(&file.bytes).unwrap_or_default();
    super::bytes("file", text.trim())
}

fn psbt_of(file: &File) -> Result<Psbt, Mismatch> {
    psbt::decode(&from_hex(file)?)
        .map_err(|error| Mismatch::new("PSBT", "valid", error.to_string()))
}

fn run_walk_through(file: &File, report: &mut Report) {
    let (case, name) = (file.name.display(), file.own_name());
    if name.contains("fuzz") {
        // Found by a fuzzer: all that is asked is an answer.
        report.case(case, || from_hex(file).map(|bytes| drop(psbt::decode(&bytes))));
        return;
    }
    if name.contains("_tx_") {
        report.case(&case, || {
            let bytes = from_hex(file)?;
            let decoded = quintet_bitcoin_protocol::Transaction::decode(bytes)
                .map_err(|error| Mismatch::new("transaction", "valid", error.to_string()));
            decoded.map(drop)
        });
    } else {
        report.case(&case, || {
            expect_eq("PSBT written", fields(&from_hex(file)?), fields(&psbt_of(file)?.serialize()))
        });
    }
    let Some((_, sources)) = STEPS.iter().find(|(step, _)| *step == name) else { return };
    report.case(format!("{case}: step"), || {
        let source = |source: &&str| {
            let path = file.name.with_file_name(source);
            let found = file.other(|name| Path::new(name) == path);
            found.ok_or_else(|| Mismatch::new("file beside", source, "none"))
        };
        let sources: Vec<_> = sources.iter().map(source).collect::<Result<_, _>>()?;
        let psbts: Vec<_> = sources.iter().map(psbt_of).collect::<Result<_, _>>()?;
        let made = combine(psbts)?;
        if name.contains("_tx_") {
            return expect_eq("transaction", hex::encode(&from_hex(file)?), extract(made));
        }
        expect_eq("what the step makes", true, psbt_of(file)? == made)
    });
}
