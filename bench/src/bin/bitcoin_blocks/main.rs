//! What the rules of a block cost, one core, beside Bitcoin Core: parsing, checking, connecting, scripts.
//!
//! Real blocks come from the folder of test vectors; a synthetic chain is made on the spot. Core's figures were
//! measured elsewhere on this kind of machine (its own `bench_bitcoin`) and stand here as constants. A figure is the best of
//! many rounds, in the thread's own time, since other work on the machine only ever adds; a synthetic chain is gone through once.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{collections::BTreeMap, hint::black_box, path::PathBuf, time::Duration};

use anyhow::Context as _;
use bench::{
    bitcoin_chain::{Maker, Mode, Plan},
    thread_time,
};
use bitcoin::BlockHash;
use clap::Parser;
use quintet_bitcoin_protocol::{
    block::Block,
    network::Params,
    rules::{
        Ancestors, BlockContext, ScriptJobs, check_block, check_block_in_context, connect_block,
    },
};

use crate::{
    coins::Coins,
    vectors::{Spending, read_block, read_spending},
};

mod coins;
mod vectors;

/// Core, measured elsewhere on this kind of machine, microseconds: block 413,567.
const CORE_DECODE: f64 = 1400.0;
const CORE_CHECK: f64 = 640.0;
const CORE_BLOCK: u32 = 413_567;

/// Core's whole script check, microseconds an input.
const CORE_P2WPKH: f64 = 25.1;
const CORE_P2TR: f64 = 25.2;

#[derive(Parser)]
#[command(about = "Measures the rules of blocks, one core, beside Bitcoin Core.")]
struct Arguments {
    /// The folder of test vectors; without it only the synthetic chain is measured.
    #[arg(long, env = "QUINTET_VECTORS")]
    vectors: Option<PathBuf>,
    /// Rounds per figure; the best counts.
    #[arg(long, default_value_t = 40)]
    rounds: u32,
    /// Transactions of the synthetic chain.
    #[arg(long, default_value_t = 20_000)]
    transactions: u64,
    /// What kinds of outputs it has.
    #[arg(long, value_enum, default_value_t = Mode::Mixed)]
    mode: Mode,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("Core's figures: measured elsewhere on this kind of machine.");
    if let Some(vectors) = &arguments.vectors {
        let folder = vectors.join("bitcoin");
        println!("\n{:<44} {:>10} {:>12}", "real blocks, best of rounds", "µs", "Core / ours");
        for height in [CORE_BLOCK, 481_824, 624_455, 702_861, 800_000] {
            let bytes = read_block(&folder.join(format!("blocks/{height}.bin")))?;
            whole_block(height, &bytes, arguments.rounds)?;
        }
        let folder = folder.join("blocks_with_prevouts");
        for name in ["mainnet_367891", "mainnet_403200", "testnet3_928849"] {
            spending_block(name, &read_spending(&folder, name)?, arguments.rounds)?;
        }
    }
    synthetic(&arguments)
}

/// Measures what needs the block alone.
fn whole_block(height: u32, bytes: &[u8], rounds: u32) -> anyhow::Result<()> {
    let params = Params::main();
    let shared = bytes::Bytes::copy_from_slice(bytes);
    let block = Block::decode(shared.clone())?;
    let (transactions, inputs) = (block.transactions().len(), block.transactions().input_count());
    let of_core = |figure| (height == CORE_BLOCK).then_some(figure);
    let title = format!("{height}: {transactions} transactions, {inputs} inputs");
    let decode = best(rounds, || drop(black_box(Block::decode(shared.clone()))));
    line(&format!("{title}, decode"), decode, of_core(CORE_DECODE));
    check_block(&block, &params)?;
    let check = best(rounds, || drop(black_box(check_block(&block, &params))));
    line("  check_block", check, of_core(CORE_CHECK));
    Ok(())
}

/// Measures what needs the coins, and the scripts by the kind of what they spend.
fn spending_block(name: &str, spending: &Spending, rounds: u32) -> anyhow::Result<()> {
    let params =
        Params::by_name(spending.network.trim_end_matches("net")).context("an unknown network")?;
    let block = Block::decode(spending.block.clone())?;
    let ancestors = TenMinutes { bip34: (params.bip34_height, params.bip34_hash) };
    let context = BlockContext::new(&params, block.hash(), spending.height, &ancestors);
    let mut connected = connect_block(&block, &context, &mut spending.coins(&block))?;
    let mut connect = Duration::MAX;
    for _ in 0..rounds.div_ceil(4) {
        let mut coins = spending.coins(&block);
        let start = thread_time::now();
        connected = connect_block(&block, &context, &mut coins)?;
        connect = connect.min(thread_time::now().saturating_sub(start));
    }
    let inputs = connected.spent.len();
    line(&format!("{name}: connect, {inputs} inputs"), connect, None);
    let mut scripts = Scripts::default();
    scripts.run(&ScriptJobs::new(&block, &connected.spent, context.flags), &connected.spent)?;
    scripts.print();
    Ok(())
}

/// Goes through a chain made on the spot.
fn synthetic(arguments: &Arguments) -> anyhow::Result<()> {
    let &Arguments { transactions, mode, .. } = arguments;
    let plan = Plan { seed: 1, transactions, block_transactions: 2_500, mode, mix: None };
    let mut maker = Maker::new(plan)?;
    let params = Params::regtest();
    let mut coins = Coins::default();
    let mut chain = Made::default();
    let mut scripts = Scripts::default();
    let mut spent = [Duration::ZERO; 4];
    let (mut blocks, mut inputs, mut done) = (0_u32, 0, 0);
    chain.times.push(
        params
            .genesis_header()
            .map_or(0, |header| quintet_bitcoin_protocol::block::decode_header(header).time),
    );
    while let Some(made) = maker.next_block()? {
        let bytes = bytes::Bytes::from(made.bytes());
        let start = thread_time::now();
        let block = Block::decode(bytes)?;
        spent[0] += thread_time::now().saturating_sub(start);
        let context = BlockContext::new(&params, block.hash(), made.height, &chain);
        let start = thread_time::now();
        check_block(&block, &params)?;
        spent[1] += thread_time::now().saturating_sub(start);
        let start = thread_time::now();
        check_block_in_context(&block, &context)?;
        spent[2] += thread_time::now().saturating_sub(start);
        let start = thread_time::now();
        let connected = connect_block(&block, &context, &mut coins)?;
        spent[3] += thread_time::now().saturating_sub(start);
        scripts.run(&ScriptJobs::new(&block, &connected.spent, context.flags), &connected.spent)?;
        blocks += 1;
        inputs += connected.spent.len();
        done += block.transactions().len();
        chain.times.push(block.header().time);
    }
    println!("\nsynthetic chain: {blocks} blocks, {done} transactions, {inputs} inputs");
    println!("{:<44} {:>10} {:>12}", "once through", "µs", "Core / ours");
    let names = ["decode", "check_block", "check_block_in_context", "connect_block"];
    for (name, spent) in names.into_iter().zip(spent) {
        line(&format!("{name}, a transaction"), spent.div_f64(float(done)), None);
    }
    scripts.print();
    Ok(())
}

/// Script checks by what they spend.
#[derive(Default)]
struct Scripts(BTreeMap<&'static str, (usize, Duration)>);

impl Scripts {
    fn run(
        &mut self,
        jobs: &ScriptJobs<'_>,
        spent: &quintet_bitcoin_protocol::coin::SpentCoins,
    ) -> anyhow::Result<()> {
        for (item, coin) in spent.iter().enumerate() {
            let start = thread_time::now();
            jobs.run(item)?;
            let (count, total) = self.0.entry(kind(coin.script_pubkey)).or_default();
            *count += 1;
            *total += thread_time::now().saturating_sub(start);
        }
        Ok(())
    }

    fn print(&self) {
        for (kind, (count, total)) in &self.0 {
            let core = match *kind {
                "P2WPKH" => Some(CORE_P2WPKH),
                "P2TR" => Some(CORE_P2TR),
                _ => None,
            };
            line(
                &format!("  script of {kind}, each of {count}"),
                total.div_f64(float(*count)),
                core,
            );
        }
    }
}

/// Names the kind of an output.
const fn kind(script: &[u8]) -> &'static str {
    match script {
        [0x76, 0xa9, 20, .., 0x88, 0xac] if script.len() == 25 => "P2PKH",
        [0xa9, 20, .., 0x87] if script.len() == 23 => "P2SH",
        [0, 20, ..] if script.len() == 22 => "P2WPKH",
        [0, 32, ..] if script.len() == 34 => "P2WSH",
        [0x51, 32, ..] if script.len() == 34 => "P2TR",
        _ => "another kind",
    }
}

/// The ancestors of a block whose chain is not here: ten minutes apart.
struct TenMinutes {
    bip34: (u32, BlockHash),
}

impl Ancestors for TenMinutes {
    fn hash(&self, height: u32) -> Option<BlockHash> {
        (height == self.bip34.0).then_some(self.bip34.1)
    }

    fn median_time_past(&self, height: u32) -> u32 {
        height.saturating_mul(600)
    }
}

/// The chain made so far. Its times only grow, so the median is that of the block five before.
#[derive(Default)]
struct Made {
    times: Vec<u32>,
}

impl Ancestors for Made {
    fn hash(&self, _: u32) -> Option<BlockHash> {
        None
    }

    fn median_time_past(&self, height: u32) -> u32 {
        let Ok(height) = usize::try_from(height) else { return 0 };
        // Of an even number the later middle one counts.
        let first = height.saturating_sub(10);
        self.times.get(usize::midpoint(first, height + 1)).copied().unwrap_or(0)
    }
}

fn best(rounds: u32, mut round: impl FnMut()) -> Duration {
    let rounds = (0..rounds.max(1)).map(|_| {
        let ((), took) = thread_time::of(&mut round);
        took
    });
    rounds.min().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn float(count: usize) -> f64 {
    count.max(1) as f64
}

/// Prints a figure and how many times longer Core takes.
fn line(name: &str, each: Duration, core: Option<f64>) {
    let each = each.as_secs_f64() * 1e6;
    let ratio = core.map_or(String::new(), |core| format!("{:.2}x", core / each));
    println!("{name:<44} {each:>10.2} {ratio:>12}");
}
