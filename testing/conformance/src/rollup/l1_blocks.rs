//! `l1-blocks` and hildr's blocks: what is what its hash names is taken, anything else is refused.

use std::path::Path;

use alloy_primitives::keccak256;
use quintet_rollup_protocol::verify;
use serde::Deserialize;
use serde_json::Value;

use super::{
    is_in,
    l1_json::{BlockJson, transaction},
    own_name,
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Blocks;

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    fail: bool,
}

impl Suite for Blocks {
    fn name(&self) -> &'static str {
        "l1-blocks"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "l1-blocks") || (is_in(name, "codec/hildr") && own_name(name).contains("block"))
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        let name = file.name.display().to_string();
        if let Some(stem) = name.strip_suffix("_metadata.json") {
            // What the file says is checked with the data it speaks of.
            report.case(&name, || {
                let metadata = metadata(&value)?;
                expect_eq("name", own_name(Path::new(stem)), &metadata.name)
            });
        } else if let Some(stem) = name.strip_suffix("_data.json") {
            let beside = format!("{stem}_metadata.json");
            report.case(&name, || {
                let other = file.other(|other| other == beside);
                let other = other.and_then(|file| serde_json::from_slice(&file.bytes).ok());
                let metadata = metadata(&other.unwrap_or(Value::Null))?;
                let headers_only = is_in(&file.name, "l1-blocks/headers");
                let verdict = check(&value, headers_only);
                expect_eq("refused", metadata.fail, verdict.is_err())
            });
        } else {
            let block = ["test_block_data", "result"].iter().find_map(|key| value.get(key));
            report.case(&name, || hildr(block.unwrap_or(&value)));
        }
    }
}

fn metadata(value: &Value) -> Result<Metadata, Mismatch> {
    Metadata::deserialize(value)
        .map_err(|error| Mismatch::new("metadata", "name and fail", error.to_string()))
}

/// A block of which the file holds some transactions: the header and each transaction are what their hashes name.
fn hildr(value: &Value) -> Result<(), Mismatch> {
    check(value, true)?;
    let list = value.get("transactions").and_then(Value::as_array).cloned().unwrap_or_default();
    for tx in list.iter().filter(|tx| tx.is_object()) {
        let hash = tx.get("hash").and_then(Value::as_str).unwrap_or_default();
        let encoded = transaction(tx)?;
        expect_eq("transaction", hash, &keccak256(encoded).to_string())?;
    }
    Ok(())
}

fn check(value: &Value, header_only: bool) -> Result<(), Mismatch> {
    let bad = |error: verify::VerifyError| {
        Mismatch::new("block", "what its hash names", error.to_string())
    };
    let block = BlockJson::read(value)?;
    verify::header(&block.header, block.hash).map_err(bad)?;
    if header_only {
        return Ok(());
    }
    if let Some(transactions) = &block.transactions {
        verify::transactions(transactions, block.header.transactions_root).map_err(bad)?;
        verify::withdrawals(block.withdrawals.as_deref(), block.header.withdrawals_root)
            .map_err(bad)?;
    }
    Ok(())
}
