//! What does a check cost? Bitcoin Core's kernel, this project, and libsecp256k1 alone, in one run.
//!
//! - A real block (413,567, if the vectors are there): parsing it, and checking it by itself.
//! - An input by kind, one thread: signature hash and script, and the signature alone as the limit nobody goes below.
//! - Connecting a block of about 5,000 single-signature inputs, all cores. The kernel's `process_block` also writes the
//!   block; ours here is the rules over a map of coins, so the ratio flatters: `bench_import` compares whole nodes.
//!
//! Of several rounds the fastest counts: noise only ever adds.

use std::{
    fs::File,
    hint::black_box,
    io::Read as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bench::{
    bitcoin_chain::{Made, Maker, Mix, Mode, Plan},
    process,
};
use bitcoin::{
    TxOut,
    consensus::serialize,
    secp256k1::{Keypair, Message, Secp256k1, SecretKey},
};
use bitcoinkernel::{
    BLOCK_CHECK_ALL, BlockCheckResult, ChainParams, ChainType, PrecomputedTransactionData,
    ScriptPubkey, VERIFY_ALL, prelude::*, verify,
};
use bytes::Bytes;
use clap::Parser;
use flate2::read::MultiGzDecoder;
use judge_kernel::{Chainstate, Ledger, Outcome};
use quintet_bitcoin_protocol::{
    Block, Transaction,
    network::Params,
    rules::check_block,
    script::{Immediate, ScriptFlags, TxContext, verify_input},
    transaction::Output,
};

/// Measures checks.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// The folder of vectors, for the real block.
    #[arg(long, env = "QUINTET_VECTORS")]
    vectors: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { rounds, vectors } = Arguments::parse();
    println!("{}, best of {rounds}", process::processor());
    println!("{:<36} {:>12} {:>12} {:>7}", "", "kernel", "quintet", "ratio");
    if let Some(vectors) = vectors {
        real_block(&vectors.join("bitcoin/blocks/413567.bin.gz"), rounds)?;
    }
    let (ecdsa, schnorr) = limits(rounds)?;
    for (name, mix, limit) in [
        ("an input: P2PKH", "p2pkh=1", ecdsa),
        ("an input: P2WPKH", "p2wpkh=1", ecdsa),
        ("an input: P2TR by key", "taproot-key=1", schnorr),
        ("an input: P2TR by script", "taproot-script=1", schnorr),
        ("an input: P2WSH 2 of 3", "p2wsh-multisig=1", ecdsa * 2),
    ] {
        inputs(name, mix.parse()?, limit, rounds)?;
    }
    connect(ecdsa)
}

fn best(
    rounds: u32,
    mut round: impl FnMut() -> anyhow::Result<Duration>,
) -> anyhow::Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..rounds.max(1) {
        least = least.min(round()?);
    }
    Ok(least)
}

fn line(name: &str, kernel: Duration, ours: Duration, note: &str) {
    let micros = |time: Duration| format!("{:.1} us", time.as_secs_f64() * 1e6);
    let ratio = kernel.as_secs_f64() / ours.as_secs_f64();
    println!("{name:<36} {:>12} {:>12} {ratio:>7.2} {note}", micros(kernel), micros(ours));
}

fn real_block(path: &Path, rounds: u32) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut raw = Vec::new();
    MultiGzDecoder::new(file).read_to_end(&mut raw)?;
    let bytes = Bytes::from(raw);
    let (mut parse, mut check) = ([Duration::MAX; 2], [Duration::MAX; 2]);
    let (chain, params) = (ChainParams::new(ChainType::Mainnet), Params::main());
    for _ in 0..rounds.max(1) * 10 {
        // A block the kernel has checked once is not checked again: a fresh one each time.
        let started = Instant::now();
        let block = bitcoinkernel::Block::new(&bytes)?;
        parse[0] = parse[0].min(started.elapsed());
        let started = Instant::now();
        let valid = matches!(block.check(&chain, BLOCK_CHECK_ALL), BlockCheckResult::Valid);
        check[0] = check[0].min(started.elapsed());
        ensure!(valid, "the kernel refuses the block");

        let started = Instant::now();
        let block = Block::decode(bytes.clone())?;
        parse[1] = parse[1].min(started.elapsed());
        let started = Instant::now();
        black_box(check_block(&block, &params)?);
        check[1] = check[1].min(started.elapsed());
    }
    line("block 413,567: parse, with ids", parse[0], parse[1], "");
    line("block 413,567: check", check[0], check[1], "");
    Ok(())
}

/// Returns the time of one verification by libsecp256k1, everything parsed: ECDSA, Schnorr.
fn limits(rounds: u32) -> anyhow::Result<(Duration, Duration)> {
    const SIGNATURES: u32 = 500;
    let secp = Secp256k1::new();
    let pair = Keypair::from_secret_key(&secp, &SecretKey::from_slice(&[7; 32])?);
    let (public, (x_only, _)) = (pair.public_key(), pair.x_only_public_key());
    let messages: Vec<Message> = (0..SIGNATURES)
        .map(|number| {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_le_bytes());
            Message::from_digest(digest)
        })
        .collect();
    let ecdsa: Vec<_> =
        messages.iter().map(|message| secp.sign_ecdsa(message, &pair.secret_key())).collect();
    let schnorr: Vec<_> =
        messages.iter().map(|message| secp.sign_schnorr_no_aux_rand(message, &pair)).collect();
    let by_ecdsa = best(rounds, || {
        let started = Instant::now();
        for (message, signature) in messages.iter().zip(&ecdsa) {
            secp.verify_ecdsa(message, signature, &public)?;
        }
        Ok(started.elapsed() / SIGNATURES)
    })?;
    let by_schnorr = best(rounds, || {
        let started = Instant::now();
        for (message, signature) in messages.iter().zip(&schnorr) {
            secp.verify_schnorr(signature, message, &x_only)?;
        }
        Ok(started.elapsed() / SIGNATURES)
    })?;
    line("libsecp256k1 alone: ECDSA", by_ecdsa, by_ecdsa, "the limit");
    line("libsecp256k1 alone: Schnorr", by_schnorr, by_schnorr, "the limit");
    Ok((by_ecdsa, by_schnorr))
}

fn inputs(name: &str, mix: Mix, limit: Duration, rounds: u32) -> anyhow::Result<()> {
    let plan = Plan {
        seed: 3,
        transactions: 1_200,
        block_transactions: 600,
        mode: Mode::Ecdsa,
        mix: Some(mix),
    };
    let mut maker = Maker::new(plan)?;
    let mut spends: Vec<(Vec<u8>, Vec<TxOut>)> = Vec::new();
    while let Some(Made { block, prevouts, .. }) = maker.next_block()? {
        let bytes = block.txdata.iter().skip(1).map(serialize);
        spends.extend(bytes.zip(prevouts));
    }
    let count = u32::try_from(spends.iter().map(|(_, spent)| spent.len()).sum::<usize>())?;

    let theirs = spends
        .iter()
        .map(|(bytes, spent)| {
            let outputs = spent
                .iter()
                .map(|output| {
                    let script = ScriptPubkey::new(output.script_pubkey.as_bytes())?;
                    let value = i64::try_from(output.value.to_sat())?;
                    Ok(bitcoinkernel::TxOut::new(&script, value))
                })
                .collect::<anyhow::Result<Vec<_>>>()?;
            Ok((bitcoinkernel::Transaction::new(bytes)?, outputs))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let kernel = best(rounds, || {
        let started = Instant::now();
        for (tx, spent) in &theirs {
            let data = PrecomputedTransactionData::new(tx, spent)?;
            for (input, output) in spent.iter().enumerate() {
                let (script, value) = (output.script_pubkey(), Some(output.value()));
                verify(&script, value, tx, input, Some(VERIFY_ALL), &data)?;
            }
        }
        Ok(started.elapsed() / count)
    })?;

    let parsed = spends
        .iter()
        .map(|(bytes, spent)| Ok((Transaction::decode(bytes.clone())?, spent)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let flags = ScriptFlags::from_bits_truncate(VERIFY_ALL);
    let ours = best(rounds, || {
        let started = Instant::now();
        for (tx, spent) in &parsed {
            let spent = spent.iter().map(|output| Output {
                value: i64::try_from(output.value.to_sat()).unwrap_or(i64::MAX),
                script_pubkey: output.script_pubkey.as_bytes(),
            });
            let context = TxContext::new(tx.view(), spent.collect());
            for input in 0..context.spent().len() {
                verify_input(&context, input, flags, &mut Immediate)?;
            }
        }
        Ok(started.elapsed() / count)
    })?;
    let share = 100.0 * limit.as_secs_f64() / ours.as_secs_f64();
    line(name, kernel, ours, &format!("{share:.0} % of the limit"));
    Ok(())
}

fn connect(limit: Duration) -> anyhow::Result<()> {
    let plan = Plan {
        seed: 4,
        transactions: 21_000,
        block_transactions: 3_000,
        mode: Mode::Ecdsa,
        mix: Some("p2wpkh=1".parse()?),
    };
    let cores = std::thread::available_parallelism()?.get();
    let folder = tempfile::tempdir()?;
    let kernel = Chainstate::open(folder.path(), i32::try_from(cores)? - 1, false)?;
    let mut ledger = Ledger::new();
    let mut maker = Maker::new(plan)?;
    let (mut theirs, mut ours, mut count) = (Duration::ZERO, Duration::ZERO, 0);
    while let Some(made) = maker.next_block()? {
        let bytes = made.bytes();
        let inputs = made.prevouts.iter().map(Vec::len).sum::<usize>();
        let started = Instant::now();
        ensure!(kernel.process(&bytes) == Outcome::Connected, "the kernel refuses a valid block");
        let by_kernel = started.elapsed();
        let started = Instant::now();
        ledger.check(&bytes, true).map_err(anyhow::Error::msg)?;
        let by_us = started.elapsed();
        if inputs > 4_000 {
            theirs += by_kernel;
            ours += by_us;
            count += u32::try_from(inputs)?;
        }
    }
    ensure!(count > 0, "expected a block of more than 4,000 inputs");
    let block = |time: Duration| time * 5_000 / count;
    let least = limit * 5_000 / u32::try_from(cores)?;
    let share = |time: Duration| 100.0 * least.as_secs_f64() / time.as_secs_f64();
    let (theirs, ours) = (block(theirs), block(ours));
    let note =
        format!("{:.0} and {:.0} % of the limit of {cores} cores", share(theirs), share(ours));
    line("a block of 5,000 P2WPKH inputs", theirs, ours, &note);
    Ok(())
}
