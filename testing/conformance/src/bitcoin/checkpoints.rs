//! `electrum_checkpoints_*.json` and `*_targethistory.csv`: the history of difficulty, period by period.
//!
//! A row of Electrum's holds the last hash of a period and the target that follows from the period, which the next one
//! has. Where a network's targets are not recorded they are zero.

use std::path::Path;

use bitcoin::{BlockHash, CompactTarget, hashes::Hash};
use quintet_bitcoin_protocol::{header::pow, network::Params};
use ruint::aliases::U256;

use super::{display_hash, is_named};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Blocks from one row of the target history to the next.
const HISTORY_STEP: u32 = 144;

pub(super) struct Checkpoints;

impl Suite for Checkpoints {
    fn name(&self) -> &'static str {
        "checkpoints"
    }

    fn claims(&self, name: &Path) -> bool {
        is_named(name, "electrum_checkpoints_", ".json") || is_history(name)
    }

    fn run(&self, file: &File, report: &mut Report) {
        let stem = file.name.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let history = is_history(&file.name);
        let network = if history {
            stem.strip_suffix("_targethistory")
        } else {
            stem.strip_prefix("electrum_checkpoints_")
        };
        let network = network.map(|name| if name == "mainnet" { "main" } else { name });
        match network.and_then(Params::by_name) {
            None => report.unreadable = Some("expected a name with a network".to_owned()),
            Some(params) if history => run_history(file, &params, report),
            Some(params) => run_checkpoints(file, &params, report),
        }
    }
}

fn is_history(name: &Path) -> bool {
    is_named(name, "", "_targethistory.csv")
}

/// Reads a decimal number as a target that a header can hold.
fn target(text: &str, params: &Params) -> Result<CompactTarget, Mismatch> {
    let value = U256::from_str_radix(text, 10)
        .map_err(|error| Mismatch::new("target", "a decimal number", error.to_string()))?;
    let bits = pow::compact(value);
    expect_eq("target out of its compact form", Some(value), pow::target(bits, params.pow_limit))?;
    Ok(bits)
}

/// A hash as displayed, and a number too large for most readers of JSON.
type Row = (String, String);

fn run_checkpoints(file: &File, params: &Params, report: &mut Report) {
    // What genesis has is the largest target a header can hold.
    let mut bits = pow::compact(params.pow_limit);
    let mut period = 0u32;
    let rows: Vec<serde_json::Value> = match serde_json::from_slice(&targets_as_texts(&file.bytes))
    {
        Ok(rows) => rows,
        Err(error) => {
            report.unreadable = Some(format!("expected a JSON list of rows: {error}"));
            return;
        }
    };
    let mut check = |(hash, next): Row| {
        let hash = BlockHash::from_byte_array(display_hash("hash", &hash)?);
        let own = bits;
        let height = (period + 1) * params.retarget_interval();
        period += 1;
        if next == "0" {
            return expect_eq(
                "work below the limit",
                true,
                pow::check(&hash, own, params.pow_limit),
            );
        }
        bits = target(&next, params)?;
        expect_eq("work", true, pow::check(&hash, own, params.pow_limit))?;
        let permitted = pow::permitted_transition(params, height, own, bits);
        expect_eq("permitted change of difficulty", true, permitted)
    };
    for (index, row) in rows.into_iter().enumerate() {
        report.json_case(format!("{}[{index}]", file.name.display()), row, &mut check);
    }
}

/// Puts quotes around the numbers, which have more digits than a reader of JSON keeps.
fn targets_as_texts(json: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(json.len() + json.len() / 8);
    let (mut in_text, mut in_number) = (false, false);
    for &byte in json {
        in_text ^= byte == b'"';
        let is_digit = !in_text && byte.is_ascii_digit();
        if is_digit != in_number {
            quoted.push(b'"');
            in_number = is_digit;
        }
        quoted.push(byte);
    }
    quoted
}

fn run_history(file: &File, params: &Params, report: &mut Report) {
    let Ok(text) = core::str::from_utf8(&file.bytes) else {
        report.unreadable = Some("expected text".to_owned());
        return;
    };
    let mut before = (0, pow::compact(params.pow_limit));
    for (index, line) in text.lines().enumerate() {
        report.case(format!("{}[{index}]", file.name.display()), || {
            let (height, value) = line
                .split_once(',')
                .ok_or_else(|| Mismatch::new("row", "a height and a target", line))?;
            let height = height
                .parse::<u32>()
                .map_err(|error| Mismatch::new("height", "a number", error.to_string()))?;
            let bits = target(value, params)?;
            let (last_height, last_bits) = core::mem::replace(&mut before, (height, bits));
            expect_eq("height", last_height + HISTORY_STEP, height)?;
            // Where a period began since, its first block is where the change must be permitted.
            let interval = params.retarget_interval();
            let changed_at = height - height % interval;
            let at = if changed_at > last_height { changed_at } else { height | 1 };
            let permitted = pow::permitted_transition(params, at, last_bits, bits);
            expect_eq("permitted change of difficulty", true, permitted)
        });
    }
}
