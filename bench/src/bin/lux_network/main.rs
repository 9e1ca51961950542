//! Four LuxTensor validators as four processes on this machine: how many transfers a second become final, after what time, and at what cost.
//!
//! ```text
//!   signed before ──batches, JSON-RPC──► each of the validators ──gossip, blocks, votes──► blocks ──► final
//!                                                 └────────── watched at the first ──────────────────┘
//! ```
//!
//! For each length of slots: transfers at rising rates until the network keeps up no more, then as many as it takes. All go to accounts that
//! never held anything, from a thousand that do. The program shares the machine with the validators: its own processor time is stated.
//!
//! `QUINTET_BIN` names a release build.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

mod load;
mod network;
mod phase;
mod watch;

use std::{path::PathBuf, time::Duration};

use alloy_primitives::Address;
use anyhow::Context as _;
use bench::{eth_load::Key, process};
use clap::Parser;

use self::{
    load::Pace,
    network::Network,
    phase::{Outcome, Plan, complaint, count, ensure_measured, percentile, run},
};

/// Measures a network of validators.
#[derive(Debug, Parser)]
struct Arguments {
    /// Lengths of slots, milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [2_000, 1_000, 400, 100])]
    slot_millis: Vec<u64>,
    /// Rates, transactions a second; those above the first that is not kept up with are left out.
    #[arg(long, value_delimiter = ',', default_values_t = [500, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000])]
    rates: Vec<u32>,
    /// Leave the rising rates out.
    #[arg(long)]
    only_max: bool,
    /// Seconds of each rate.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds of as many as are taken; 0 leaves that out.
    #[arg(long, default_value_t = 20)]
    max_seconds: u64,
    /// Most transactions that are in no block yet, where as many are sent as are taken.
    #[arg(long, default_value_t = 12_000)]
    window: usize,
    /// Transactions signed for each second of that.
    #[arg(long, default_value_t = 10_000)]
    each_second: usize,
    /// Validators.
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// Accounts that send.
    #[arg(long, default_value_t = 1_000)]
    accounts: u64,
    /// Transactions of a request.
    #[arg(long, default_value_t = 100)]
    batch: usize,
    /// Folder for the validators' logs.
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!(
        "{}, {} threads, load {} before; {} validators, {} accounts, batches of {}",
        process::processor(),
        std::thread::available_parallelism()?,
        process::load_average(),
        arguments.validators,
        arguments.accounts,
        arguments.batch
    );
    for slot_millis in &arguments.slot_millis {
        measure(*slot_millis, &arguments)?;
    }
    println!("\nload {} after", process::load_average());
    Ok(())
}

fn measure(slot_millis: u64, arguments: &Arguments) -> anyhow::Result<()> {
    let mut keys = (0..arguments.accounts).map(Key::new).collect::<anyhow::Result<Vec<_>>>()?;
    let rich: Vec<Address> = keys.iter().map(|key| key.address).collect();
    let log = arguments.logs.as_deref();
    let network = Network::start(arguments.validators, slot_millis, &rich, log)?;
    heading(&network)?;
    let mut complaints = Vec::new();
    let rates = arguments.rates.iter().filter(|_| !arguments.only_max);
    for rate in rates {
        let time = Duration::from_secs(arguments.seconds);
        let most = usize::try_from(u64::from(*rate) * arguments.seconds)?;
        let plan = Plan { pace: Pace::Rate(*rate), time, batch: arguments.batch, most };
        let outcome = run(&network, &mut keys, plan)?;
        row(&outcome)?;
        complaints.extend(complaint(&outcome));
        if !outcome.is_kept_up(slot_millis) {
            break;
        }
    }
    // An account that lost one goes no further: its later ones would wait for it.
    if arguments.max_seconds > 0 && complaints.is_empty() {
        let time = Duration::from_secs(arguments.max_seconds);
        let most = usize::try_from(arguments.max_seconds)? * arguments.each_second;
        let plan =
            Plan { pace: Pace::Window(arguments.window), time, batch: arguments.batch, most };
        let outcome = run(&network, &mut keys, plan)?;
        row(&outcome)?;
        complaints.extend(complaint(&outcome));
    }
    let height = network.agree()?;
    println!("\nAll validators have the same final block {height}.");
    for complaint in complaints {
        println!("{complaint}");
    }
    Ok(())
}

fn heading(network: &Network) -> anyhow::Result<()> {
    let idle: Vec<String> = network
        .validators
        .iter()
        .map(|node| Ok(format!("{:.0}", node.process().own_mib()?)))
        .collect::<anyhow::Result<_>>()?;
    println!("\n### Slots of {} ms\n", network.slot_millis);
    println!("Before the first transaction each has {} MiB of its own.\n", idle.join(", "));
    println!(
        "| asked/s | sent/s | final/s | in a block, ms: p50, p99 | final, ms: p50, p99 | blocks of slots | fullest | block seen after, ms: p50, p99 \
         | CPU µs a transaction, all | cores: each, loader | resident, at most, own, MiB |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    Ok(())
}

fn row(outcome: &Outcome) -> anyhow::Result<()> {
    ensure_measured(outcome)?;
    let both =
        |times: &[f64]| format!("{:.0}, {:.0}", percentile(times, 50), percentile(times, 99));
    let asked = outcome.asked.map_or("as many as are taken".to_owned(), |rate| rate.to_string());
    let all: f64 = outcome.cpu.iter().sum();
    let each: Vec<String> =
        outcome.cpu.iter().map(|cpu| format!("{:.2}", cpu / outcome.seconds)).collect();
    let most = outcome.cpu.iter().copied().reduce(f64::max).context("validators")?;
    anyhow::ensure!(most > 0.0, "the validators did nothing");
    println!(
        "| {asked} | {:.0} | {:.0} | {} | {} | {} of {} | {} | {} | {:.0} | {}; {:.2} | {:.0}, {:.0}, {:.0} |",
        outcome.sent_a_second,
        outcome.final_a_second,
        both(&outcome.included_ms),
        both(&outcome.final_ms),
        outcome.blocks,
        outcome.slots,
        outcome.fullest,
        both(&outcome.slot_used_ms),
        all * 1e6 / count(outcome.sent.max(1)),
        each.join(" "),
        outcome.own_cpu / outcome.seconds,
        outcome.rss,
        outcome.peak,
        outcome.own
    );
    Ok(())
}
