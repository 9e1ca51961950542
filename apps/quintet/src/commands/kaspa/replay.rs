//! `quintet kaspa replay`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_kaspa_node::consensus::{Consensus, Outcome as Verdict};
use serde::Serialize;

use super::{
    open::{self, Opened},
    sources::{Blocks, Sources},
};
use crate::{
    cli::ReplayArgs,
    exit::{AlreadyTold, UsageError},
    output::{self, Progress, Speed, Table, duration, size, thousands},
    stop::{self, Stop},
    telemetry,
};

/// Refused blocks told one by one.
const REFUSALS_MAX: usize = 20;

/// What scripts are told.
#[derive(Debug, Serialize)]
struct Outcome {
    network: &'static str,
    data_dir: String,
    /// Headers of the DAG, the genesis among them.
    headers: usize,
    sink: String,
    virtual_daa_score: u64,
    utxo_commitment: String,
    pruning_point: String,
    replayed: Replayed,
    log_bytes: u64,
    seconds: f64,
    stopped: bool,
}

/// What the files held.
#[derive(Debug, Default, Serialize)]
struct Replayed {
    files: usize,
    headers: u64,
    blocks: u64,
    transactions: u64,
    already_there: u64,
    refused: u64,
    /// The first of the refused blocks.
    refusals: Vec<Refusal>,
}

#[derive(Debug, Serialize)]
struct Refusal {
    hash: String,
    reason: String,
}

pub(super) fn run(args: ReplayArgs) -> anyhow::Result<()> {
    let sources = Sources::find(&args.files)?;
    if let Some(network) = args.network.filter(|&network| network != sources.params.network) {
        let found = sources.params.network;
        return Err(UsageError::new(format!(
            "--network: expected files of {network}, they begin with the genesis of {found}"
        ))
        .into());
    }
    let json = args.json;
    let outcome = stop::stoppable(move |stop| replay(&sources, &args, stop))?;
    if json {
        output::json(&outcome)?;
    } else {
        tell(&outcome)?;
    }
    if outcome.replayed.refused > 0 {
        return Err(AlreadyTold { usage: false }.into());
    }
    Ok(())
}

fn replay(sources: &Sources, args: &ReplayArgs, stop: &Stop) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let mut progress = Progress::new(args.quiet);
    telemetry::for_a_command(args.log.as_deref(), progress.beside())?;
    let Opened { consensus, ledger, directory, lock: _lock } =
        open::open(&sources.params, args, &mut progress)?;
    let passes = 1 + u64::from(args.headers_first);
    progress.begin(sources.bytes.saturating_mul(passes));
    let mut work = Work {
        consensus: &consensus,
        stop,
        progress: &mut progress,
        speed: Speed::new(),
        bytes_before: 0,
        replayed: Replayed { files: args.files.len(), ..Replayed::default() },
    };
    if args.headers_first {
        work.headers(sources.read()?)?;
        work.bytes_before = sources.bytes;
    }
    if !stop.is_requested() {
        work.blocks(sources.read()?, args.resolve_every)?;
    }
    let replayed = work.replayed;
    progress.busy("writing the coins");
    ledger.close()?;
    progress.finish();
    let state = consensus.virtual_state();
    Ok(Outcome {
        network: sources.params.network.name(),
        data_dir: directory.display().to_string(),
        headers: consensus.header_count(),
        sink: consensus.sink().to_string(),
        virtual_daa_score: state.daa_score,
        utxo_commitment: state.multiset.finalise().to_string(),
        pruning_point: consensus.pruning_point().to_string(),
        replayed,
        log_bytes: ledger.usage()?.log_bytes,
        seconds: begun.elapsed().as_secs_f64(),
        stopped: stop.is_requested(),
    })
}

/// A replay under way.
struct Work<'a> {
    consensus: &'a Consensus,
    stop: &'a Stop,
    progress: &'a mut Progress,
    speed: Speed<3>,
    /// Bytes read in passes before this one.
    bytes_before: u64,
    replayed: Replayed,
}

impl Work<'_> {
    fn headers(&mut self, mut blocks: Blocks) -> anyhow::Result<()> {
        while let Some(dumped) = blocks.next() {
            let header = Arc::new(dumped?.block.header);
            match self.consensus.submit_header(&header)? {
                Verdict::Accepted(_) => self.replayed.headers += 1,
                Verdict::Known(_) => {}
                Verdict::Refused(error) => self.refuse(header.hash(), &error),
            }
            if !self.goes_on(&blocks) {
                break;
            }
        }
        Ok(())
    }

    fn blocks(&mut self, mut blocks: Blocks, resolve_every: u64) -> anyhow::Result<()> {
        let mut waiting = 0;
        while let Some(dumped) = blocks.next() {
            let dumped = dumped?;
            let transactions = dumped.block.transactions.len() as u64;
            match self.consensus.submit_body(dumped.block)? {
                Verdict::Accepted(_) => {
                    self.replayed.blocks += 1;
                    self.replayed.transactions += transactions;
                    waiting += 1;
                }
                Verdict::Known(_) => self.replayed.already_there += 1,
                Verdict::Refused(error) => self.refuse(dumped.hash, &error),
            }
            if waiting >= resolve_every {
                self.consensus.resolve_virtual()?;
                waiting = 0;
            }
            if !self.goes_on(&blocks) {
                break;
            }
        }
        self.consensus.resolve_virtual()?;
        Ok(())
    }

    fn refuse(&mut self, hash: impl ToString, error: &impl ToString) {
        self.replayed.refused += 1;
        if self.replayed.refusals.len() < REFUSALS_MAX {
            let (hash, reason) = (hash.to_string(), error.to_string());
            self.replayed.refusals.push(Refusal { hash, reason });
        }
    }

    /// Shows how far it is; returns whether nobody wants an end.
    fn goes_on(&mut self, blocks: &Blocks) -> bool {
        let Replayed { headers, blocks: bodies, transactions, .. } = self.replayed;
        let done = self.bytes_before + blocks.bytes_read();
        self.speed.sample(Instant::now(), [headers, bodies, transactions]);
        let speed = &self.speed;
        self.progress.update(done, || line(speed, headers, bodies));
        if self.stop.is_requested() {
            self.progress
                .say("stopping: what was replayed is being written; a second signal stops at once");
            return false;
        }
        true
    }
}

/// Where it is and how fast, for people.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a speed is not negative, and a cast from a float saturates"
)]
fn line(speed: &Speed<3>, headers: u64, blocks: u64) -> String {
    let at = match blocks {
        0 => format!("{} headers", thousands(headers)),
        _ => format!("{} blocks", thousands(blocks)),
    };
    let Some([headers, blocks, transactions]) = speed.per_second() else { return at };
    if blocks < 1.0 {
        return format!("{at}, {} headers/s", thousands(headers as u64));
    }
    format!("{at}, {} blocks/s, {} tx/s", thousands(blocks as u64), thousands(transactions as u64))
}

fn tell(outcome: &Outcome) -> anyhow::Result<()> {
    let replayed = &outcome.replayed;
    let time = Duration::from_secs_f64(outcome.seconds);
    let mut rows = vec![
        ("DAG", format!("{} in {}", outcome.network, outcome.data_dir)),
        ("headers", thousands(outcome.headers as u64)),
        ("sink", outcome.sink.clone()),
        ("DAA score", outcome.virtual_daa_score.to_string()),
        ("UTXO set", outcome.utxo_commitment.clone()),
        (
            "replayed",
            format!(
                "{} blocks, {} transactions in {}",
                thousands(replayed.blocks),
                thousands(replayed.transactions),
                duration(time)
            ),
        ),
        ("files", size(outcome.log_bytes)),
    ];
    for (name, count, meaning) in [
        ("known", replayed.already_there, "blocks were there already"),
        ("refused", replayed.refused, "blocks break a rule"),
    ] {
        if count > 0 {
            rows.push((name, format!("{} {meaning}", thousands(count))));
        }
    }
    if outcome.stopped {
        rows.push(("stopped", "everything so far is kept; run it again to go on".to_owned()));
    }
    output::rows(rows)?;
    if replayed.refusals.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["REFUSED BLOCK", "REASON"]);
    for Refusal { hash, reason } in &replayed.refusals {
        table.row([hash.clone(), reason.clone()]);
    }
    output::print(&table.render())
}
