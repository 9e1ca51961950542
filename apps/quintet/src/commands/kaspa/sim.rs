//! `quintet kaspa sim`.
//!
//! ```text
//!   options ──► one plan, or one for each value of a sweep ──► Network::mine, block by block ──► Outcome
//!                                       │                                                           │
//!                                       ├──► blocks into a file                        table, JSON, plot
//!                                       └──► samples of memory and disk ──► CSV, plot
//! ```

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use quintet_kaspa_node::{
    dump::Writer,
    sim::{ConsensusView, Mined, Network, Plan, Spread, Summary},
};
use quintet_kaspa_protocol::params::{self, Era, Params};
use serde::Serialize;

use super::{
    open, overrides, plot,
    samples::{Samples, Watched},
};
use crate::{
    cli::{SimArgs, SimEra},
    exit::UsageError,
    output::{self, Progress, Table, thousands},
    stop::{self, Stop},
};

/// What a simulation came to.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome {
    pub(super) bps: u64,
    pub(super) delay_seconds: f64,
    jitter_percent: u64,
    miners: u32,
    views: u32,
    tps: u64,
    seed: u64,
    /// Blocks mined, without the genesis.
    pub(super) blocks: u64,
    transactions: u64,
    /// Blocks the shape of the DAG is told from: all, or the first of very many.
    coloured: u64,
    simulated_seconds: f64,
    chain_blocks: u64,
    /// Share of merged blocks that are red, percent.
    pub(super) red_percent: f64,
    pub(super) parents: Measured,
    mergeset: Measured,
    pub(super) acceptance_millis: Measured,
    /// Seconds the node that mines nothing took for all blocks that arrived.
    processing_seconds: f64,
    /// Seconds the blocks mined took to build, signatures of their transactions included.
    building_seconds: f64,
    pub(super) blocks_per_second: f64,
    transactions_per_second: f64,
    /// Simulated seconds for each second of processing.
    pub(super) ahead: f64,
    /// Whether it was stopped before its end.
    stopped: bool,
}

/// A [`Spread`] as scripts are told.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Measured {
    pub(super) mean: f64,
    pub(super) median: f64,
    pub(super) p95: f64,
    max: f64,
}

impl From<Spread> for Measured {
    fn from(spread: Spread) -> Self {
        let Spread { mean, median, p95, max } = spread;
        Self { mean, median, p95, max }
    }
}

pub(super) fn run(args: SimArgs) -> anyhow::Result<()> {
    let json = args.json;
    let outcomes = stop::stoppable(move |stop| simulate_all(&args, stop))?;
    if json {
        return output::json(&outcomes);
    }
    let mut table = Table::new([
        "BLOCKS/S",
        "DELAY",
        "BLOCKS",
        "TX",
        "PARENTS",
        "MERGED",
        "RED",
        "ACCEPTED",
        "95 %",
        "PROCESSED/S",
        "TX/S",
        "AHEAD",
    ]);
    for outcome in &outcomes {
        table.row([
            outcome.bps.to_string(),
            format!("{} s", outcome.delay_seconds),
            thousands(outcome.blocks),
            thousands(outcome.transactions),
            format!("{:.1}", outcome.parents.mean),
            format!("{:.1}", outcome.mergeset.mean),
            format!("{:.2} %", outcome.red_percent),
            format!("{:.0} ms", outcome.acceptance_millis.median),
            format!("{:.0} ms", outcome.acceptance_millis.p95),
            format!("{:.0}", outcome.blocks_per_second),
            format!("{:.0}", outcome.transactions_per_second),
            format!("{:.1}", outcome.ahead),
        ]);
    }
    output::print(&table.render())?;
    if outcomes.iter().any(|outcome| outcome.stopped) {
        output::line("stopped before the end; the last line is of what was done")?;
    }
    Ok(())
}

fn simulate_all(args: &SimArgs, stop: &Stop) -> anyhow::Result<Vec<Outcome>> {
    if args.plot.is_some() && args.sweep.is_none() && args.samples.is_none() {
        bail!(UsageError::new(
            "expected --sweep or --samples beside --plot: it draws one or the other"
        ));
    }
    let Some(sweep) = &args.sweep else { return Ok(vec![simulate(args, "simulating", stop)?]) };
    let mut outcomes = Vec::new();
    for (value, args) in sweep.each(args) {
        let what = format!("{} {value}", sweep.name());
        outcomes.push(
            simulate(&args, &what, stop)
                .with_context(|| format!("in the simulation with {what}"))?,
        );
        if stop.is_requested() {
            break;
        }
    }
    if let Some(file) = &args.plot {
        let values: Vec<_> =
            sweep.each(args).map(|(value, _)| value.parse().unwrap_or(0.0)).collect();
        plot::sweep(file, sweep.axis(), &values, &outcomes)?;
    }
    Ok(outcomes)
}

fn simulate(args: &SimArgs, what: &str, stop: &Stop) -> anyhow::Result<Outcome> {
    let plan = plan(args)?;
    let (params, blocks) = (plan.params.clone(), plan.blocks);
    let mut progress = Progress::new(args.quiet);
    let mut file = match &args.out {
        Some(path) => Some(Writer::create(path, &params)?),
        None => None,
    };
    let disk = match &args.data_dir {
        Some(path) => Some(open::begin(&params, path, args.seed)?),
        None => None,
    };
    let ledger = disk.as_ref().map(|(ledger, _lock)| Arc::clone(ledger));
    let mut samples = Samples::begin(args)?;
    let measured = usize::try_from(plan.views)?;
    let mut network = Network::new(plan, |number| match &ledger {
        Some(ledger) if number == measured => {
            ConsensusView::over(number, &params, Arc::clone(ledger) as _)
        }
        _ => ConsensusView::new(number, &params),
    })?;
    progress.begin(blocks);
    let mut done = 0;
    let mut stopped = false;
    while let Some(mined) = network.mine()? {
        let Mined { block, .. } = &*mined;
        if let Some(file) = &mut file {
            file.write(block)?;
        }
        done += 1;
        samples.look(&network, done, ledger.as_deref())?;
        progress.update(done, || {
            format!("{what}: {} of {} blocks", thousands(done), thousands(blocks))
        });
        if stop.is_requested() {
            stopped = true;
            break;
        }
    }
    if let Some(file) = file {
        file.finish()?;
    }
    progress.finish();
    let Summary { blocks, .. } = network.figures().summary();
    if blocks == 0 {
        bail!("stopped before the first block");
    }
    if let (Some(file), None) = (&args.plot, &args.sweep) {
        plot::samples(file, &Watched::of(&params, args, &network), samples.taken())?;
    }
    if let Some(ledger) = &ledger {
        ledger.close().context("cannot close the DAG")?;
    }
    let bps = params.rules_at(0).rate.bps();
    Ok(outcome(args, bps, &network, stopped))
}

fn plan(args: &SimArgs) -> anyhow::Result<Plan> {
    const DAY_SECONDS: u64 = 86_400;
    let rules = if let Some(file) = &args.override_params_file {
        Plan::under(overrides::apply(Params::of(params::Network::Devnet), file)?)?
    } else {
        let era = match args.era {
            SimEra::Crescendo => Era::Crescendo,
            SimEra::Toccata => Era::Toccata,
        };
        Plan::at_rate(era, args.bps, args.coinbase_maturity)?.scaled(args.scale)
    };
    let plan = Plan {
        seed: args.seed,
        blocks: match args.days {
            Some(days) => days.saturating_mul(DAY_SECONDS).saturating_mul(rules.bps()),
            None => args.blocks,
        },
        delay_micros: args.delay.0,
        jitter_percent: args.jitter,
        miners: args.miners,
        views: args.views,
        transactions_per_second: args.tps,
        ..rules
    };
    plan.check()?;
    Ok(plan)
}

fn outcome(args: &SimArgs, bps: u64, network: &Network<ConsensusView>, stopped: bool) -> Outcome {
    let summary = network.figures().summary();
    let (submitting, building) = network.busy();
    let processing = submitting.as_secs_f64().max(f64::MIN_POSITIVE);
    let blocks = summary.blocks as f64;
    let merged = summary.mergeset.mean * summary.chain_blocks as f64;
    Outcome {
        bps,
        delay_seconds: Duration::from_micros(args.delay.0).as_secs_f64(),
        jitter_percent: args.jitter,
        miners: args.miners,
        views: args.views,
        tps: args.tps,
        seed: args.seed,
        blocks: summary.blocks,
        transactions: summary.transactions,
        coloured: summary.coloured,
        simulated_seconds: summary.seconds,
        chain_blocks: summary.chain_blocks,
        red_percent: 100.0 * summary.reds as f64 / merged.max(1.0),
        parents: summary.parents.into(),
        mergeset: summary.mergeset.into(),
        acceptance_millis: summary.acceptance_millis.into(),
        processing_seconds: processing,
        building_seconds: building.as_secs_f64(),
        blocks_per_second: blocks / processing,
        transactions_per_second: summary.transactions as f64 / processing,
        ahead: summary.seconds / processing,
        stopped,
    }
}
