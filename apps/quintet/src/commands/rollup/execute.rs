//! `quintet rollup execute`.

use std::path::Path;

use anyhow::Context as _;
use quintet_rollup_node::{
    l1::file::read_text,
    witness::{Executed, Fixture},
};
use serde::Serialize;

use crate::{
    cli::ExecuteArgs,
    exit::AlreadyTold,
    output::{self, Table, thousands},
};

/// Gas in a million.
const MGAS: f64 = 1e6;

/// What scripts are told of a block.
#[derive(Debug, Serialize)]
struct Line {
    file: String,
    chain_id: u64,
    number: u64,
    hash: String,
    transactions: usize,
    gas_used: u64,
    milliseconds: f64,
    mgas_per_second: f64,
}

pub(super) fn run(args: &ExecuteArgs) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    let mut failed = false;
    for path in &args.files {
        match execute(path, args) {
            Ok(line) if args.json => output::json(&line)?,
            Ok(line) => lines.push(line),
            Err(error) => {
                failed = true;
                output::complain(&format!("{}: {error:#}", path.display()));
            }
        }
    }
    if !lines.is_empty() {
        tell(&lines)?;
    }
    if failed {
        return Err(AlreadyTold { usage: false }.into());
    }
    Ok(())
}

fn execute(path: &Path, args: &ExecuteArgs) -> anyhow::Result<Line> {
    let fixture = Fixture::read(&read_text(path)?)?;
    let threads = usize::try_from(args.threads)?;
    let mut best: Option<Executed> = None;
    for _ in 0..args.repeat {
        let executed = fixture.execute(threads)?;
        if best.as_ref().is_none_or(|best| executed.time < best.time) {
            best = Some(executed);
        }
    }
    let Executed { header, hash, transactions, time } = best.context("a block executed once")?;
    let seconds = time.as_secs_f64();
    Ok(Line {
        file: path.display().to_string(),
        chain_id: fixture.schedule.chain_id,
        number: header.number,
        hash: hash.to_string(),
        transactions,
        gas_used: header.gas_used,
        milliseconds: seconds * 1e3,
        mgas_per_second: header.gas_used as f64 / MGAS / seconds.max(f64::MIN_POSITIVE),
    })
}

fn tell(lines: &[Line]) -> anyhow::Result<()> {
    let mut table = Table::new(["CHAIN", "BLOCK", "TXS", "GAS", "MS", "MGAS/S", "HASH"]);
    for line in lines {
        table.row([
            line.chain_id.to_string(),
            line.number.to_string(),
            line.transactions.to_string(),
            thousands(line.gas_used),
            format!("{:.1}", line.milliseconds),
            format!("{:.0}", line.mgas_per_second),
            line.hash.clone(),
        ]);
    }
    output::print(&table.render())?;
    let gas: u64 = lines.iter().map(|line| line.gas_used).sum();
    let seconds: f64 = lines.iter().map(|line| line.milliseconds / 1e3).sum();
    output::line(format!(
        "{} with the hash they should have, {:.0} Mgas/s",
        output::count(lines.len(), "block", "blocks"),
        gas as f64 / MGAS / seconds.max(f64::MIN_POSITIVE)
    ))
}
