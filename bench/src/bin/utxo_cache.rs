//! What does the cache of unspent outputs save? The same blocks through the cache, and straight into the engine it lies over.
//!
//! Each contender runs in a process of its own on the same work: blocks of coins made and spent, most of them soon after they were made, as on
//! Bitcoin's main chain, with values of the size of compressed coins. CPU seconds are those of all threads, background work included.
//! What is on disk at the end is counted and sampled, so a wrong contender is not a fast one. Linux only: the numbers come from `/proc`.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{path::PathBuf, process::Command, time::Instant};

use anyhow::{Context as _, bail, ensure};
use bench::process;
use clap::{Parser, ValueEnum};
use quintet_store::{Batch, Durability, Schema, Store, StoreOptions, Table};
use quintet_utxo::{
    After, Cache, CacheOptions, CoinBytes, CoinTable, HeadTable, Key, Overwrite, Tables,
};
use serde::{Deserialize, Serialize};

const COINS: CoinTable = Table::new("coins");
const HEAD: HeadTable = Table::new("head");
const SCHEMA: Schema = Schema { name: "bench", version: 1, migrations: &[] };

/// Coins one block makes.
const BLOCK_COINS: u64 = 5_000;
/// Coins looked up at the end, to see that they are what they should be.
const SAMPLES: u64 = 1_000;

/// Measures the coins cache.
#[derive(Debug, Parser)]
struct Arguments {
    /// Coins made and spent, together.
    #[arg(long, default_value_t = 5_000_000)]
    operations: u64,
    /// Memory of the coins cache, MiB.
    #[arg(long, default_value_t = 16)]
    cache_mib: usize,
    /// Cache of the engine, MiB. The contender without a coins cache gets both.
    #[arg(long, default_value_t = 16)]
    engine_mib: usize,
    /// Runs one contender in this process and prints JSON.
    #[arg(long, hide = true)]
    contender: Option<Contender>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Contender {
    /// The cache, flushed when it asks for it.
    Cache,
    /// The cache, with each block's coins read ahead.
    Prefetch,
    /// The engine alone, a batch for each block.
    Raw,
}

/// What one run cost.
#[derive(Debug, Serialize, Deserialize)]
struct Cost {
    wall_seconds: f64,
    cpu_seconds: f64,
    written_mib: f64,
    disk_mib: f64,
    peak_rss_mib: f64,
    flushes: u64,
    /// Most bytes a coin took in the cache, when it was full.
    cache_bytes_per_coin: f64,
    coins: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(contender) = arguments.contender {
        println!("{}", serde_json::to_string(&run(&arguments, contender)?)?);
        return Ok(());
    }
    println!("{} operations on {}", arguments.operations, process::processor());
    println!(
        "contender    wall s    CPU s  written MiB  disk MiB  peak MiB  flushes  cache B/coin"
    );
    for contender in [Contender::Cache, Contender::Prefetch, Contender::Raw] {
        let cost = measured(&arguments, contender)?;
        println!(
            "{:<9} {:>9.1} {:>8.1} {:>12.0} {:>9.0} {:>9.0} {:>8} {:>13.1} {:>8}",
            format!("{contender:?}").to_lowercase(),
            cost.wall_seconds,
            cost.cpu_seconds,
            cost.written_mib,
            cost.disk_mib,
            cost.peak_rss_mib,
            cost.flushes,
            cost.cache_bytes_per_coin,
            cost.coins,
        );
    }
    Ok(())
}

fn measured(arguments: &Arguments, contender: Contender) -> anyhow::Result<Cost> {
    let name = contender.to_possible_value().context("a contender without a name")?;
    let output = Command::new(std::env::current_exe()?)
        .args(["--contender", name.get_name()])
        .args(["--operations", &arguments.operations.to_string()])
        .args(["--cache-mib", &arguments.cache_mib.to_string()])
        .args(["--engine-mib", &arguments.engine_mib.to_string()])
        .output()?;
    if !output.status.success() {
        bail!("{name:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// SplitMix64: the same work for everybody.
const fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The coin of a number: two to a transaction.
fn coin(number: u64, value: &mut Vec<u8>) -> Key {
    let mut key = [0; 36];
    for (at, word) in (0..).zip(key[..32].chunks_exact_mut(8)) {
        word.copy_from_slice(&mix((number / 2) * 4 + at + 1).to_le_bytes());
    }
    key[32] = u8::from(number % 2 == 1);
    value.clear();
    // Key and script hashes, and a third with 32-byte witness programs.
    let length = if number.is_multiple_of(3) { 42 } else { 28 + number % 3 };
    value.extend((0..length).map(|at| mix(number + at).to_le_bytes()[0]));
    key
}

/// Blocks, one after the other.
struct Work {
    alive: Vec<bool>,
    draws: u64,
}

/// What one block does: coins from `first` on are made, `spent` are spent.
struct Block {
    first: u64,
    spent: Vec<u64>,
}

impl Work {
    /// A block makes coins and spends seven for each eight of them: five of eight among the last blocks, the others anywhere.
    fn next(&mut self) -> anyhow::Result<Block> {
        let first = self.alive.len() as u64;
        let mut spent = Vec::new();
        for n in 0..BLOCK_COINS {
            let reach = match n % 8 {
                _ if first == 0 => break,
                0 => continue,
                1..=5 => first.min(4 * BLOCK_COINS),
                6 => first.min(100 * BLOCK_COINS),
                _ => first,
            };
            self.draws += 1;
            let mut at = first - 1 - mix(self.draws) % reach;
            while at > 0 && !self.alive[usize::try_from(at)?] {
                at -= 1;
            }
            if std::mem::replace(&mut self.alive[usize::try_from(at)?], false) {
                spent.push(at);
            }
        }
        self.alive.resize(self.alive.len() + usize::try_from(BLOCK_COINS)?, true);
        Ok(Block { first, spent })
    }
}

fn run(arguments: &Arguments, contender: Contender) -> anyhow::Result<Cost> {
    let directory = tempfile::tempdir()?;
    let path: PathBuf = directory.path().join("store");
    let raw = contender == Contender::Raw;
    let engine_mib = arguments.engine_mib + if raw { arguments.cache_mib } else { 0 };
    let store = Store::open(&path, &SCHEMA, &StoreOptions::for_state(engine_mib << 20))?;
    let mut options = CacheOptions::new(arguments.cache_mib << 20, [mix(1), mix(2)]);
    options.batch_bytes = 16 << 20;
    let tables = Tables { coins: COINS, head: HEAD };
    let mut cache = Cache::open(store.clone(), tables, options)?;

    let mut work = Work { alive: Vec::new(), draws: 0 };
    let (mut operations, mut flushes, mut per_coin) = (0, 0, 0.0_f64);
    let started = Instant::now();
    while operations < arguments.operations {
        let block = work.next()?;
        operations += BLOCK_COINS + block.spent.len() as u64;
        if raw {
            connect_raw(&store, &block)?;
            continue;
        }
        if contender == Contender::Prefetch {
            let mut value = Vec::new();
            let keys: Vec<Key> = block.spent.iter().map(|&n| coin(n, &mut value)).collect();
            cache.prefetch(&keys)?;
        }
        connect(&mut cache, &block)?;
        if cache.should_flush() {
            per_coin = per_coin.max(cache.memory_bytes() as f64 / cache.len() as f64);
            cache.flush([1; 32], |_| (), After::Drop)?;
            flushes += 1;
        }
    }
    if !raw {
        cache.flush([2; 32], |_| (), After::Drop)?;
        flushes += 1;
    }
    store.flush()?;
    let wall_seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = process::cpu_seconds()?;
    let peak_rss_mib = process::peak_rss_mib()?;
    let written_mib = process::mib(process::written_bytes()?);
    let coins = check(&store, &work)?;
    store.compact()?;
    let disk_mib = process::mib(store.disk_bytes()?);
    Ok(Cost {
        wall_seconds,
        cpu_seconds,
        written_mib,
        disk_mib,
        peak_rss_mib,
        flushes,
        cache_bytes_per_coin: per_coin,
        coins,
    })
}

fn connect(cache: &mut Cache, block: &Block) -> anyhow::Result<()> {
    let mut value = Vec::new();
    cache.begin()?;
    for &spent in &block.spent {
        let key = coin(spent, &mut value);
        ensure!(cache.spend(&key)? == Some(&value[..]), "coin {spent} is not what it was");
    }
    for made in block.first..block.first + BLOCK_COINS {
        let key = coin(made, &mut value);
        cache.create(&key, &value, Overwrite::Never)?;
    }
    cache.commit()?;
    Ok(())
}

fn connect_raw(store: &Store, block: &Block) -> anyhow::Result<()> {
    let mut value = Vec::new();
    let mut batch = Batch::new();
    for &spent in &block.spent {
        let key = coin(spent, &mut value);
        let found = store.get(&COINS, &key)?;
        ensure!(found == Some(CoinBytes(value.clone())), "coin {spent} is not what it was");
        batch.delete(&COINS, &key);
    }
    for made in block.first..block.first + BLOCK_COINS {
        let key = coin(made, &mut value);
        batch.put_encoded(&COINS, &key, &value);
    }
    store.commit(batch, Durability::Buffered)?;
    Ok(())
}

/// Counts what is on disk and looks at a sample; returns how many coins there are.
fn check(store: &Store, work: &Work) -> anyhow::Result<u64> {
    let expected = work.alive.iter().filter(|alive| **alive).count();
    let coins = store.snapshot()?.range(&COINS, ..)?.filter(Result::is_ok).count();
    ensure!(coins == expected, "expected {expected} coins, found {coins}");
    let mut value = Vec::new();
    for sample in 0..SAMPLES {
        let number = mix(sample) % work.alive.len() as u64;
        let key = coin(number, &mut value);
        let alive = work.alive[usize::try_from(number)?];
        let found = store.get(&COINS, &key)?.map(|coin| coin.0);
        ensure!(found == alive.then(|| value.clone()), "coin {number} is not what it was");
    }
    Ok(coins as u64)
}
