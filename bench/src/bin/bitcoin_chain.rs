//! Writes a synthetic regtest chain as the block files of Bitcoin Core: the load of the Bitcoin benchmarks.
//!
//! The same arguments give the same bytes on every machine. Other implementations read them too: put them into the
//! `regtest/blocks` folder of an empty data directory and start with `-reindex`.

#![expect(clippy::print_stdout, reason = "a program that prints what it wrote")]

use std::{path::PathBuf, time::Instant};

use bench::bitcoin_chain::{BlockFiles, Maker, Mix, Mode, Plan, SplitMix, genesis};
use bitcoin::consensus;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

/// Makes a synthetic regtest chain.
#[derive(Debug, Parser)]
struct Arguments {
    /// An empty folder for blk00000.dat and on.
    directory: PathBuf,
    /// Transactions, coinbases not counted.
    #[arg(long, default_value_t = 300_000)]
    transactions: u64,
    /// Transactions of a block at most.
    #[arg(long, default_value_t = 2_500)]
    block_transactions: u64,
    /// What kinds of outputs there are.
    #[arg(long, value_enum, default_value_t = Mode::Mixed)]
    mode: Mode,
    /// Weights of kinds in place of the mode's: p2wpkh=60,taproot-key=40.
    #[arg(long)]
    mix: Option<Mix>,
    /// Where randomness begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Obfuscates the files with a key drawn from the seed, kept in xor.dat.
    #[arg(long)]
    xor: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Arguments { transactions, block_transactions, mode, mix, seed, .. } = arguments;
    let started = Instant::now();
    let mut maker = Maker::new(Plan { seed, transactions, block_transactions, mode, mix })?;
    let key = arguments.xor.then(|| SplitMix::new(!seed).next().to_le_bytes());
    let mut files = BlockFiles::create(&arguments.directory, key)?;
    files.append(&consensus::serialize(&genesis()))?;

    let style = "{bar:30} {pos}/{len} transactions, {per_sec}, {eta} left, {msg}";
    let bar = ProgressBar::new(transactions).with_style(ProgressStyle::with_template(style)?);
    let mut tip = genesis().block_hash();
    let mut height = 0;
    while let Some(made) = maker.next_block()? {
        files.append(&made.bytes())?;
        (tip, height) = (made.block.block_hash(), made.height);
        bar.set_message(format!("height {height}"));
        bar.set_position(transactions - maker.left());
    }
    bar.finish_and_clear();
    let written = files.finish()?;
    println!(
        "{transactions} transactions in {height} blocks, {} files, {:.1} MiB, {:.1} s; tip {tip}",
        written.files,
        bench::process::mib(written.bytes),
        started.elapsed().as_secs_f64(),
    );
    Ok(())
}
