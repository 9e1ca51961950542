//! `quintet kaspa replay`.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_kaspa_node::{
    consensus::{Consensus, Outcome as Verdict},
    dump::DumpedBlock,
    pipeline::{Pipeline, PipelineOptions, Ticket},
    ports::BlockStatus,
};
use quintet_kaspa_protocol::validation::RuleError;
use quintet_primitives::Hash256;
use serde::Serialize;

use super::{
    open::{self, Opened},
    sources::{Blocks, Sources},
};
use crate::{
    cli::ReplayArgs,
    exit::{AlreadyTold, UsageError},
    output::{self, Progress, Refusal, Speed, duration, size, thousands},
    stop::{self, Stop},
    telemetry,
};

/// Refused blocks told one by one.
const REFUSALS_MAX: usize = 20;

/// Blocks submitted whose verdict has not been asked for, blocks: fewer than may wait for parents.
const UNDER_WAY_MAX: usize = 1024;
/// After what time without an answer it is asked whether anything is still moving.
const STILL_AFTER: Duration = Duration::from_millis(200);

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
    let mut options = PipelineOptions::default();
    if let Some(threads) = args.threads {
        options.header_threads = usize::try_from(threads)?.div_ceil(2);
        options.body_threads = usize::try_from(threads)?;
    }
    let mut work = Work {
        pipeline: Pipeline::start(Arc::clone(&consensus), &options)?,
        edge: edge_of(&consensus)?,
        stop,
        progress: &mut progress,
        speed: Speed::new(),
        bytes_before: 0,
        under_way: VecDeque::new(),
        replayed: Replayed { files: args.files.len(), ..Replayed::default() },
    };
    if args.headers_first {
        work.pass(sources.read()?, Part::Headers)?;
        work.bytes_before = sources.bytes;
    }
    if !stop.is_requested() {
        work.pass(sources.read()?, Part::Blocks)?;
    }
    let Work { replayed, pipeline, .. } = work;
    // Ends the threads.
    drop(pipeline);
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

/// Returns the blue score of the pruning point: what lies below and is not there was there before it was pruned.
fn edge_of(consensus: &Consensus) -> anyhow::Result<u64> {
    let header = consensus.header(&consensus.pruning_point())?;
    Ok(header.map_or(0, |header| header.blue_score))
}

/// What is taken of each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Headers,
    Blocks,
}

/// A block that was submitted.
struct Submitted {
    hash: Hash256,
    transactions: u64,
    ticket: Ticket,
}

/// A replay under way.
struct Work<'a> {
    pipeline: Pipeline,
    /// Blue score of the pruning point when the DAG was opened.
    edge: u64,
    stop: &'a Stop,
    progress: &'a mut Progress,
    speed: Speed<3>,
    /// Bytes read in passes before this one.
    bytes_before: u64,
    under_way: VecDeque<Submitted>,
    replayed: Replayed,
}

impl Work<'_> {
    /// Takes the blocks in once.
    fn pass(&mut self, mut blocks: Blocks, part: Part) -> anyhow::Result<()> {
        while let Some(dumped) = blocks.next() {
            let DumpedBlock { hash, block } = dumped?;
            // Asked here and not of the pipeline, where a block whose parents were pruned would wait for them.
            let low = block.header.blue_score < self.edge;
            let is_there = match self.pipeline.consensus().status(&hash) {
                None => low,
                Some(BlockStatus::HeaderOnly) => low || part == Part::Headers,
                Some(_) => true,
            };
            if is_there {
                self.replayed.already_there += u64::from(part == Part::Blocks);
            } else {
                let transactions = block.transactions.len() as u64;
                let ticket = match part {
                    Part::Headers => self.pipeline.submit_header(Arc::new(block.header)),
                    Part::Blocks => self.pipeline.submit_block(block),
                };
                self.under_way.push_back(Submitted { hash, transactions, ticket });
            }
            if self.under_way.len() >= UNDER_WAY_MAX {
                self.settle(part)?;
            }
            if !self.goes_on(&blocks) {
                break;
            }
        }
        while !self.under_way.is_empty() {
            self.settle(part)?;
        }
        Ok(())
    }

    /// Waits for the oldest block under way. If everything under way waits for parents, the files do not have them before their
    /// children, and nothing else brings them.
    fn settle(&mut self, part: Part) -> anyhow::Result<()> {
        let Some(Submitted { hash, transactions, ticket }) = self.under_way.pop_front() else {
            return Ok(());
        };
        let verdict = loop {
            if let Some(verdict) = ticket.wait_at_most(STILL_AFTER)? {
                break verdict;
            }
            let unanswered = self.under_way.iter().filter(|other| !other.ticket.is_answered());
            let (for_headers, for_bodies) = self.pipeline.waiting();
            if for_headers + for_bodies == 1 + unanswered.count() {
                self.pipeline.refuse_waiting();
            }
        };
        match (verdict, part) {
            (Verdict::Accepted(_), Part::Headers) => self.replayed.headers += 1,
            (Verdict::Accepted(_), Part::Blocks) => {
                self.replayed.blocks += 1;
                self.replayed.transactions += transactions;
            }
            (Verdict::Known(_), Part::Headers) => {}
            (Verdict::Known(_), Part::Blocks) => self.replayed.already_there += 1,
            (Verdict::Refused(error), _) => self.refuse(hash, &error),
        }
        Ok(())
    }

    fn refuse(&mut self, hash: Hash256, error: &RuleError) {
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
    output::refusals(&replayed.refusals)
}
