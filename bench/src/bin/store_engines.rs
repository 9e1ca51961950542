//! Which storage engine for which load? Runs both on the same work and prints what each cost.
//!
//! Two loads, each engine on each in a process of its own, so that memory and CPU time are its alone:
//!
//! - `coins`: records of the size of unspent outputs (36-byte keys, about 60-byte values) in large buffered batches, read back, missed,
//!   spent and replaced, scanned. What a chain's state does.
//! - `peers`: a small table changed by small batches, each synced. What peer books, bans and routing tables do.
//!
//! CPU seconds are those of all threads of the process, background work included; bytes are those the process caused to be sent
//! to the disk. Every answer is checked, so a wrong engine is not a fast one. Linux only: the numbers come from `/proc`.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, bail, ensure};
use bench::process;
use clap::{Parser, ValueEnum};
use quintet_store::{Batch, Durability, EngineKind, Schema, Store, StoreOptions, Table};
use serde::{Deserialize, Serialize};

type OutPoint = ([u8; 32], u32);

const COINS: Table<OutPoint, Vec<u8>> = Table::new("coins");
const PEERS: Table<[u8; 20], Vec<u8>> = Table::new("peers");
const SCHEMA: Schema = Schema { name: "bench", version: 1, migrations: &[] };

/// Peers in the small table.
const PEER_COUNT: u64 = 2_000;
/// Synced commits to it.
const PEER_COMMITS: u64 = 1_000;
/// Peers changed by each.
const PEERS_PER_COMMIT: u64 = 8;

/// Compares the storage engines.
#[derive(Debug, Parser)]
struct Arguments {
    /// Coins inserted; the other phases follow from it.
    #[arg(long, default_value_t = 1_000_000)]
    coins: u64,
    /// Coins in one batch.
    #[arg(long, default_value_t = 10_000)]
    batch: u64,
    /// Cache of the engine, MiB. Smaller than the data by default, as it is for a full node.
    #[arg(long, default_value_t = 32)]
    cache_mib: usize,
    /// Where to put the stores; a temporary directory unless given.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
    /// Runs one engine on one load in this process and prints JSON.
    #[arg(long, hide = true, requires = "load")]
    engine: Option<EngineKind>,
    #[arg(long, hide = true)]
    load: Option<Load>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Load {
    Coins,
    Peers,
}

/// One phase of one run.
#[derive(Debug, Serialize, Deserialize)]
struct Phase {
    name: String,
    operations: u64,
    wall_seconds: f64,
    cpu_seconds: f64,
    written_mib: f64,
}

/// One engine on one load.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    engine: String,
    load: Load,
    phases: Vec<Phase>,
    disk_mib: f64,
    peak_rss_mib: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    processor: String,
    cores: usize,
    coins: u64,
    batch: u64,
    cache_mib: usize,
    runs: Vec<Run>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.coins >= 10, "expected at least 10 coins, found {}", arguments.coins);
    ensure!(arguments.batch > 0, "expected at least 1 coin in a batch");
    if let (Some(engine), Some(load)) = (arguments.engine, arguments.load) {
        let directory = arguments.directory.as_deref().context("a run needs --directory")?;
        println!("{}", serde_json::to_string(&run(&arguments, engine, load, directory)?)?);
        return Ok(());
    }

    let temporary = tempfile::tempdir().context("making a temporary directory")?;
    let place = arguments.directory.as_deref().unwrap_or(temporary.path());
    let mut runs = Vec::new();
    for load in [Load::Coins, Load::Peers] {
        for engine in [EngineKind::Fjall, EngineKind::Redb] {
            runs.push(run_apart(&arguments, engine, load, place)?);
        }
    }
    let report = Report {
        processor: process::processor(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        coins: arguments.coins,
        batch: arguments.batch,
        cache_mib: arguments.cache_mib,
        runs,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_report(&report);
    }
    Ok(())
}

/// Runs one engine on one load in a process of its own.
fn run_apart(
    arguments: &Arguments,
    engine: EngineKind,
    load: Load,
    place: &Path,
) -> anyhow::Result<Run> {
    let name = load.to_possible_value().context("a load has a name")?;
    let directory = place.join(format!("bench-{engine}-{}", name.get_name()));
    ensure!(!directory.exists(), "{} exists already: remove it", directory.display());
    let output = Command::new(std::env::current_exe()?)
        .args(["--engine", engine.name(), "--load", name.get_name()])
        .args(["--coins", &arguments.coins.to_string()])
        .args(["--batch", &arguments.batch.to_string()])
        .args(["--cache-mib", &arguments.cache_mib.to_string()])
        .arg("--directory")
        .arg(&directory)
        .output()
        .context("starting a run")?;
    let removed = fs::remove_dir_all(&directory);
    if !output.status.success() {
        bail!("{engine}: {}", String::from_utf8_lossy(&output.stderr));
    }
    removed.with_context(|| format!("removing {}", directory.display()))?;
    serde_json::from_slice(&output.stdout).context("reading what a run printed")
}

fn run(
    arguments: &Arguments,
    engine: EngineKind,
    load: Load,
    directory: &Path,
) -> anyhow::Result<Run> {
    let options = StoreOptions { engine, cache_bytes: arguments.cache_mib << 20 };
    let open = || Store::open(directory, &SCHEMA, &options);
    let store = open()?;
    let mut phases = match load {
        Load::Coins => coins(&store, arguments)?,
        Load::Peers => peers(&store)?,
    };
    drop(store);
    phases.push(measure("reopen", 1, || {
        open()?;
        Ok(())
    })?);
    Ok(Run {
        engine: engine.to_string(),
        load,
        phases,
        disk_mib: process::mib(open()?.disk_bytes()?),
        peak_rss_mib: process::peak_rss_mib()?,
    })
}

fn coins(store: &Store, arguments: &Arguments) -> anyhow::Result<Vec<Phase>> {
    let all = arguments.coins;
    let (hits, misses, spends) = (all / 5, all / 10, all / 5);
    // Later phases meet the coins in an order of their own.
    let random = |number: u64| mix(number ^ 0x5eed) % all;

    let insert = measure("insert", all, || {
        put_coins(store, 0..all, arguments.batch)?;
        Ok(store.flush()?)
    })?;
    let hit = measure("read, hit", hits, || {
        for number in (0..hits).map(random) {
            ensure!(store.get(&COINS, &outpoint(number))? == Some(coin(number)), "a wrong coin");
        }
        Ok(())
    })?;
    let miss = measure("read, miss", misses, || {
        for number in all..all + misses {
            ensure!(store.get(&COINS, &outpoint(number))?.is_none(), "a coin from nowhere");
        }
        Ok(())
    })?;
    let spend = measure("spend and insert", spends, || {
        // Coins 0, 5, 10, … are spent; as many new ones take their place.
        for first in (0..spends).step_by(usize::try_from(arguments.batch)?) {
            let mut batch = Batch::new();
            for number in first..spends.min(first + arguments.batch) {
                let spent = outpoint(number * 5);
                ensure!(store.get(&COINS, &spent)?.is_some(), "a coin was lost");
                batch.delete(&COINS, &spent);
                batch.put(&COINS, &outpoint(all + number), &coin(all + number));
            }
            store.commit(batch, Durability::Buffered)?;
        }
        Ok(store.flush()?)
    })?;
    let scan = measure("scan", all, || {
        let mut found = 0;
        for row in store.snapshot()?.range(&COINS, ..)? {
            row?;
            found += 1;
        }
        ensure!(found == all, "expected {all} coins, found {found}");
        Ok(())
    })?;
    Ok(vec![insert, hit, miss, spend, scan])
}

fn put_coins(store: &Store, range: std::ops::Range<u64>, batch_coins: u64) -> anyhow::Result<()> {
    for first in range.clone().step_by(usize::try_from(batch_coins)?) {
        let mut batch = Batch::new();
        for number in first..range.end.min(first + batch_coins) {
            batch.put(&COINS, &outpoint(number), &coin(number));
        }
        store.commit(batch, Durability::Buffered)?;
    }
    Ok(())
}

fn peers(store: &Store) -> anyhow::Result<Vec<Phase>> {
    let id = |number: u64| -> [u8; 20] {
        let (high, low) = (mix(number).to_be_bytes(), mix(!number).to_be_bytes());
        std::array::from_fn(|at| *high.iter().chain(&low).cycle().nth(at).unwrap_or(&0))
    };
    let record = |number: u64, turn: u64| -> Vec<u8> {
        mix(number ^ turn).to_be_bytes().iter().copied().cycle().take(120).collect()
    };
    let fill = measure("fill, one batch", PEER_COUNT, || {
        let mut batch = Batch::new();
        for number in 0..PEER_COUNT {
            batch.put(&PEERS, &id(number), &record(number, 0));
        }
        Ok(store.commit(batch, Durability::Sync)?)
    })?;
    let update = measure("commit 8, synced", PEER_COMMITS, || {
        for turn in 0..PEER_COMMITS {
            let mut batch = Batch::new();
            for at in 0..PEERS_PER_COMMIT {
                let number = mix(turn * PEERS_PER_COMMIT + at) % PEER_COUNT;
                batch.put(&PEERS, &id(number), &record(number, turn));
            }
            store.commit(batch, Durability::Sync)?;
        }
        Ok(())
    })?;
    let reads = PEER_COUNT * 50;
    let read = measure("read, hit", reads, || {
        for number in 0..reads {
            ensure!(store.get(&PEERS, &id(number % PEER_COUNT))?.is_some(), "a peer was lost");
        }
        Ok(())
    })?;
    Ok(vec![fill, update, read])
}

/// SplitMix64's finaliser: the same scattered numbers on every machine.
const fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn outpoint(number: u64) -> OutPoint {
    let mut hash = [0; 32];
    for (lane, part) in (0_u64..).zip(hash.chunks_exact_mut(8)) {
        part.copy_from_slice(&mix(number ^ (lane << 60)).to_be_bytes());
    }
    (hash, u32::from(hash[31] % 4))
}

/// 40 to 80 bytes that do not compress.
fn coin(number: u64) -> Vec<u8> {
    let length = usize::try_from(40 + mix(number) % 41).unwrap_or(60);
    (0..10).flat_map(|part| mix(number * 10 + part).to_be_bytes()).take(length).collect()
}

fn measure(
    name: &str,
    operations: u64,
    work: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Phase> {
    let (cpu, written) = (process::cpu_seconds()?, process::written_bytes()?);
    let started = Instant::now();
    work()?;
    Ok(Phase {
        name: name.to_owned(),
        operations,
        wall_seconds: started.elapsed().as_secs_f64(),
        cpu_seconds: process::cpu_seconds()? - cpu,
        written_mib: process::mib(process::written_bytes()? - written),
    })
}

/// Microseconds, or a dash where there is but one operation.
fn cpu_per_operation(phase: &Phase) -> String {
    match u32::try_from(phase.operations) {
        Ok(operations) if operations > 1 => {
            format!("{:.1}", phase.cpu_seconds * 1e6 / f64::from(operations))
        }
        _ => "–".to_owned(),
    }
}

fn print_report(report: &Report) {
    println!("{} cores of {}", report.cores, report.processor);
    println!(
        "{} coins in batches of {}, cache {} MiB; {PEER_COUNT} peers, {PEER_COMMITS} commits of {PEERS_PER_COMMIT}\n",
        report.coins, report.batch, report.cache_mib
    );
    println!("| load | phase | operations | engine | wall s | CPU s | µs CPU/op | written MiB |");
    println!("|---|---|---|---|---|---|---|---|");
    for load in [Load::Coins, Load::Peers] {
        let runs: Vec<&Run> = report.runs.iter().filter(|run| run.load == load).collect();
        let phases = runs.first().map_or(0, |run| run.phases.len());
        for at in 0..phases {
            for run in &runs {
                let Some(phase) = run.phases.get(at) else { continue };
                println!(
                    "| {load:?} | {} | {} | {} | {:.2} | {:.2} | {} | {:.1} |",
                    phase.name,
                    phase.operations,
                    run.engine,
                    phase.wall_seconds,
                    phase.cpu_seconds,
                    cpu_per_operation(phase),
                    phase.written_mib
                );
            }
        }
    }
    println!("\n| load | engine | CPU s in all | written MiB in all | disk MiB | peak RSS MiB |");
    println!("|---|---|---|---|---|---|");
    for run in &report.runs {
        let cpu: f64 = run.phases.iter().map(|phase| phase.cpu_seconds).sum();
        let written: f64 = run.phases.iter().map(|phase| phase.written_mib).sum();
        println!(
            "| {:?} | {} | {cpu:.2} | {written:.1} | {:.1} | {:.0} |",
            run.load, run.engine, run.disk_mib, run.peak_rss_mib
        );
    }
}
