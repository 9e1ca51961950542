//! The suites of Bitcoin: one file of this folder per sort of vector file.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{
    field::{array, bytes},
    file::File,
    suite::{Mismatch, Report, Suite},
};

mod alternate;
mod asmap;
mod assembler;
mod assets;
mod base58;
mod bech32;
mod bip32;
mod bip340;
mod bip39;
mod blk;
mod block_stats;
mod blocks;
mod chain;
mod checkpoints;
mod compact;
mod ellswift;
mod filters;
mod headers;
mod judge;
mod key_io;
mod merkle;
mod nist;
mod ordering;
mod prevouts;
mod psbt;
mod replay;
mod script_tests;
mod sighash;
mod siphash;
mod taproot;
mod transactions;
mod tx;
mod wycheproof;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(alternate::Alternate),
        Box::new(asmap::AsmapFiles),
        Box::new(assets::Assets),
        Box::new(base58::Base58),
        Box::new(bech32::Bech32Strings),
        Box::new(bip32::Bip32),
        Box::new(bip340::Bip340),
        Box::new(bip39::Bip39),
        Box::new(blk::Blk),
        Box::new(block_stats::BlockStats),
        Box::new(blocks::Blocks),
        Box::new(checkpoints::Checkpoints),
        Box::new(compact::Compact),
        Box::new(ellswift::EllSwift),
        Box::new(filters::Filters),
        Box::new(headers::Headers),
        Box::new(key_io::KeyIo),
        Box::new(merkle::Merkle),
        Box::new(nist::Nist),
        Box::new(ordering::Bip67),
        Box::new(ordering::Bip69),
        Box::new(prevouts::BlocksWithPrevouts),
        Box::new(psbt::Psbts),
        Box::new(replay::Replay),
        Box::new(script_tests::ScriptTests),
        Box::new(sighash::Sighash),
        Box::new(siphash::SipHash),
        Box::new(taproot::Taproot),
        Box::new(transactions::TransactionFiles),
        Box::new(tx::Transactions),
        Box::new(wycheproof::Wycheproof),
    ]
}

/// Reads a hash as people see it: hexadecimal digits of its bytes in reverse.
fn display_hash(field: &str, text: &str) -> Result<[u8; 32], Mismatch> {
    let mut hash: [u8; 32] = array(field, text)?;
    hash.reverse();
    Ok(hash)
}

/// Returns whether the file's own name begins and ends so.
fn is_named(name: &Path, begin: &str, end: &str) -> bool {
    let name = name.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(begin) && name.ends_with(end)
}

/// Returns the first digits of a file's name: the height of the block it is about.
fn digits(name: &str) -> &str {
    let start = name.find(|char: char| char.is_ascii_digit()).unwrap_or(name.len());
    let rest = &name[start..];
    &rest[..rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len())]
}

/// Returns whether a path is that of a whole block of this height.
fn is_block_of(path: &str, height: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".bin").map(|name| name.strip_suffix(".block").unwrap_or(name));
    let own = name.and_then(|name| name.rsplit('_').next());
    !height.is_empty() && own == Some(height)
}

/// Reads `file` as a JSON list of rows and runs `check` on each; a row of one text is a comment.
fn json_rows<T: DeserializeOwned>(
    file: &File,
    report: &mut Report,
    mut check: impl FnMut(T) -> Result<(), Mismatch>,
) {
    let Some(value) = report.json(file) else { return };
    let serde_json::Value::Array(rows) = value else {
        report.unreadable = Some("expected a JSON list of rows".to_owned());
        return;
    };
    for (index, row) in rows.into_iter().enumerate() {
        if row.as_array().is_some_and(|row| row.len() == 1 && row[0].is_string()) {
            continue;
        }
        report.json_case(format!("{}[{index}]", file.name.display()), row, &mut check);
    }
}

/// Reads `file` as rows of comma-separated fields under a line of `columns` and runs `check` on each.
fn csv_rows(
    file: &File,
    report: &mut Report,
    columns: &str,
    check: impl Fn(&[&str]) -> Result<(), Mismatch>,
) {
    let Ok(text) = std::str::from_utf8(&file.bytes) else {
        report.unreadable = Some("expected text".to_owned());
        return;
    };
    let mut lines = text.lines();
    if lines.next() != Some(columns) {
        report.unreadable = Some(format!("expected the columns {columns}"));
        return;
    }
    for (index, line) in lines.enumerate() {
        let row: Vec<_> = line.splitn(columns.split(',').count(), ',').collect();
        report.case(format!("{}[{index}]", file.name.display()), || check(&row));
    }
}
