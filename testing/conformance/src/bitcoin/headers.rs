//! `*_headers_*.bin` and `*_headers_*.json`: real headers of a network, with their work, links and retargets.

use std::{path::Path, sync::Arc};

use bitcoin::CompactTarget;
use quintet_bitcoin_protocol::{
    block::{HEADER_BYTES, decode_header},
    header::{
        CheckedHeader, HeaderId, HeaderTree,
        pow::{self, Period},
        presync::{HeaderSync, MESSAGE_HEADERS_MAX, Secret},
    },
    network::Params,
};
use quintet_primitives::hex;
use serde::Deserialize;

use super::is_named;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// A time after that of every header of the vectors, Unix seconds.
const NOW: u64 = u32::MAX as u64;

pub(super) struct Headers;

impl Suite for Headers {
    fn name(&self) -> &'static str {
        "headers"
    }

    fn claims(&self, name: &Path) -> bool {
        let name_text = name.to_string_lossy();
        name_text.contains("_headers_")
            && (is_named(name, "", ".bin") || is_named(name, "", ".json"))
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some((params, heights)) = network_and_heights(&file.name) else {
            let expected = "a name that begins with a network: mainnet_headers_…";
            report.unreadable = Some(format!("expected {expected}"));
            return;
        };
        if is_named(&file.name, "", ".bin") {
            run_flat(file, &params, &heights, report);
        } else if let Some(value) = report.json(file) {
            match value {
                serde_json::Value::Array(rows) => run_list(file, rows, &params, report),
                other => report
                    .json_case(file.name.display(), other, |case: Retarget| case.check(&params)),
            }
        }
    }
}

/// Returns the network a file's name begins with, and the heights it names.
fn network_and_heights(name: &Path) -> Option<(Params, Vec<u32>)> {
    let name = name.file_stem()?.to_str()?;
    let (network, rest) = name.split_once("_headers_")?;
    let network = if network == "mainnet" { "main" } else { network };
    let heights = rest.split('_').filter_map(|part| part.parse().ok()).collect();
    Some((Params::by_name(network)?, heights))
}

/// Headers of 80 bytes one after the other. From genesis on, every rule is checked; else what needs no ancestors.
fn run_flat(file: &File, params: &Params, heights: &[u32], report: &mut Report) {
    let (chunks, rest) = file.bytes.as_chunks::<HEADER_BYTES>();
    let name = file.name.display();
    let &[first, last] = heights else {
        report.unreadable = Some("expected a name with the first and the last height".to_owned());
        return;
    };
    report.case(format!("{name}: length"), || {
        expect_eq("bytes after the last header", 0, rest.len())?;
        expect_eq("headers", u64::from(last) + 1, u64::from(first) + chunks.len() as u64)
    });
    let mut tree = HeaderTree::new(Arc::new(params.clone()), 0);
    let mut before: Option<CheckedHeader> = None;
    for (height, raw) in (first..).zip(chunks) {
        report.case(format!("{name}: height {height}"), || {
            let header = decode_header(raw);
            let checked = CheckedHeader::new(&header, params)
                .map_err(|error| Mismatch::new("work", "enough", error))?;
            let last = before.replace(checked);
            if first == 0 {
                let id = tree
                    .insert_checked(&checked, NOW)
                    .map_err(|error| Mismatch::new(error.reject_reason(), "accepted", error))?;
                return expect_eq("height", height, tree.height(id));
            }
            last.map_or(Ok(()), |last| follows(&last, &checked, height, params))
        });
    }
    if first == 0 {
        report.case(format!("{name}: synchronisation"), || synchronise(&tree, params));
    }
}

/// Sends the best chain of a tree through the protection against low work, into an empty tree.
fn synchronise(full: &HeaderTree, params: &Params) -> Result<(), Mismatch> {
    let chain: Vec<_> = (1..full.len())
        .filter_map(|index| full.id(index))
        .map(|id| CheckedHeader::trusted(&full.header(id)))
        .collect();
    let mut tree = HeaderTree::new(Arc::new(params.clone()), 1);
    let secret = Secret { offset: 77, key: [3; 16] };
    let work = full.work(full.best());
    let mut sync = HeaderSync::new(&tree, HeaderId::GENESIS, work, &secret, NOW);
    for _ in 0..2 {
        for message in chain.chunks(MESSAGE_HEADERS_MAX) {
            let progress = sync
                .process(message, true)
                .map_err(|error| Mismatch::new("synchronisation", "accepted", error))?;
            for header in &progress.ready {
                tree.insert_checked(header, NOW)
                    .map_err(|error| Mismatch::new(error.reject_reason(), "accepted", error))?;
            }
        }
    }
    expect_eq("best header", full.hash(full.best()), tree.hash(tree.best()))
}

/// Checks what one header tells of the next, without the rest of the chain.
fn follows(
    last: &CheckedHeader,
    next: &CheckedHeader,
    height: u32,
    params: &Params,
) -> Result<(), Mismatch> {
    expect_eq("parent", last.hash(), next.header().prev_blockhash)?;
    let (old, new) = (last.header().bits, next.header().bits);
    let permitted = pow::permitted_transition(params, height, old, new);
    expect_eq("permitted change of difficulty", true, permitted)
}

/// A header with where it stands and its hash.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Fact {
    /// As displayed.
    hash: String,
    height: u32,
    header: String,
}

impl Fact {
    fn check(&self, params: &Params) -> Result<CheckedHeader, Mismatch> {
        let raw = hex::decode_array(&self.header)
            .map_err(|error| Mismatch::new("header", "160 digits", error.to_string()))?;
        let checked = CheckedHeader::new(&decode_header(&raw), params)
            .map_err(|error| Mismatch::new("work", "enough", error))?;
        expect_eq("hash", &self.hash, &checked.hash().to_string())?;
        Ok(checked)
    }

    /// Checks it and that it follows the one before, if there is one.
    fn check_after(&self, before: Option<&Self>, params: &Params) -> Result<(), Mismatch> {
        let checked = self.check(params)?;
        let Some(before) = before else { return Ok(()) };
        expect_eq("height", before.height + 1, self.height)?;
        follows(&before.check(params)?, &checked, self.height, params)
    }
}

fn run_list(file: &File, rows: Vec<serde_json::Value>, params: &Params, report: &mut Report) {
    let mut before: Option<Fact> = None;
    for (index, row) in rows.into_iter().enumerate() {
        let case = format!("{}[{index}]", file.name.display());
        report.json_case(case, row, |fact: Fact| {
            let checked = fact.check_after(before.as_ref(), params);
            before = Some(fact);
            checked
        });
    }
}

/// Headers around the beginning of a period, and the first of the period before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Retarget {
    old_period_start: Fact,
    genesis: Fact,
    chain: Vec<Fact>,
}

impl Retarget {
    fn check(&self, params: &Params) -> Result<(), Mismatch> {
        let interval = params.retarget_interval();
        let start = self.old_period_start.check(params)?;
        expect_eq("place in its period", 0, self.old_period_start.height % interval)?;
        self.genesis.check(params)?;
        let mut before = &self.genesis;
        let mut retargets = 0;
        for fact in &self.chain {
            fact.check_after(Some(before), params)?;
            if fact.height.is_multiple_of(interval) {
                let start_height = fact.height - interval;
                expect_eq("start of the period", start_height, self.old_period_start.height)?;
                let expected = retarget(&start, &before.check(params)?, params);
                expect_eq("bits", expected, fact.check(params)?.header().bits)?;
                retargets += 1;
            }
            before = fact;
        }
        expect_eq("retargets", 1, retargets)
    }
}

fn retarget(first: &CheckedHeader, last: &CheckedHeader, params: &Params) -> CompactTarget {
    let period = Period {
        first_time: first.header().time,
        first_bits: first.header().bits,
        last_time: last.header().time,
        last_bits: last.header().bits,
    };
    pow::retarget(params, &period)
}
