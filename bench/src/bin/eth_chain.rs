//! How fast a chain mines: blocks of 5,000 transfers and of 5,000 ERC-20 transfers, with the state root and a durable commit; blocks every
//! second; a block for each transaction; what 4,000 small blocks leave on disk. Best of several runs where a run can be repeated.
//!
//! The peer is anvil 1.7.1 on two cores, whose figures are printed beside (they were taken through its RPC, from a process beside it).
//! Signatures are recovered before the clock starts where a pool would have done so, and inside it where the line says so.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use anyhow::{Context as _, ensure};
use bench::{
    eth_load::{CHAIN_ID, Key, TOKEN, TOKEN_CODE, TOKEN_GAS, TRANSFER_GAS, stranger, token_input},
    process::{cpu_seconds, peak_rss_mib},
};
use clap::Parser;
use quintet_eth::tx::{EthTransaction, TxRules, recover_senders};
use quintet_eth_chain::{Attributes, Candidate, ChainOptions, ChainSpec, EthChain, Retention};
use quintet_store::Durability;

/// Enough for every block here.
const GAS_LIMIT: u64 = 10_000_000_000;

/// Measures a chain.
#[derive(Debug, Parser)]
struct Arguments {
    /// Transactions of a block.
    #[arg(long, default_value_t = 5_000)]
    transactions: u64,
    /// Runs of each; the best counts.
    #[arg(long, default_value_t = 7)]
    runs: u64,
    /// Threads that execute.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Keys that send.
    #[arg(long, default_value_t = 5_000)]
    keys: u64,
    /// Transactions of a block every second.
    #[arg(long, default_value_t = 30_000)]
    each_second: u64,
    /// Blocks every second; 0 leaves that out.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Blocks with one transaction each.
    #[arg(long, default_value_t = 4_000)]
    small: u64,
}

fn candidate(key: &mut Key, to: Address, input: Bytes) -> anyhow::Result<Candidate> {
    let gas_limit = if input.is_empty() { TRANSFER_GAS } else { TOKEN_GAS };
    let transaction = EthTransaction::decode(&key.sign(to, gas_limit, input)?)?;
    Ok(Candidate { transaction: Arc::new(transaction), sender: key.address })
}

fn transfers(keys: &mut [Key], round: u64, count: u64) -> anyhow::Result<Vec<Candidate>> {
    let senders = keys.len() as u64;
    (0..count)
        .map(|number| {
            let at = usize::try_from(number % senders)?;
            candidate(&mut keys[at], stranger(&round.to_be_bytes(), number), Bytes::new())
        })
        .collect()
}

fn token_transfers(keys: &mut [Key], round: u64, count: u64) -> anyhow::Result<Vec<Candidate>> {
    let senders = keys.len() as u64;
    (0..count)
        .map(|number| {
            let at = usize::try_from(number % senders)?;
            let input = token_input(stranger(&round.to_be_bytes(), number));
            candidate(&mut keys[at], TOKEN, input)
        })
        .collect()
}

/// A chain at Cancun, on which every key holds money and tokens.
fn genesis(keys: &[Key]) -> anyhow::Result<ChainSpec> {
    let mut genesis: Genesis = serde_json::from_value(serde_json::json!({
        "config": {
            "chainId": CHAIN_ID, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
            "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0,
            "berlinBlock": 0, "londonBlock": 0, "terminalTotalDifficulty": 0,
            "terminalTotalDifficultyPassed": true, "shanghaiTime": 0, "cancunTime": 0
        },
        "nonce": "0x0", "timestamp": "0x64", "extraData": "0x", "difficulty": "0x0", "gasLimit": "0x0",
        "alloc": {}
    }))?;
    genesis.gas_limit = GAS_LIMIT;
    let balance = U256::from(10).pow(U256::from(24));
    let slot = |holder: Address| keccak256([holder.into_word(), B256::ZERO].concat());
    let storage = keys.iter().map(|key| (slot(key.address), B256::from(balance))).collect();
    let token = GenesisAccount {
        code: Some(Bytes::from_static(TOKEN_CODE)),
        storage: Some(storage),
        ..GenesisAccount::default()
    };
    genesis.alloc.insert(TOKEN, token);
    for key in keys {
        let rich = GenesisAccount { balance, ..GenesisAccount::default() };
        genesis.alloc.insert(key.address, rich);
    }
    Ok(ChainSpec::from_genesis(genesis)?)
}

fn open(
    directory: &Path,
    keys: &[Key],
    threads: usize,
    options: ChainOptions,
) -> anyhow::Result<EthChain> {
    let options = ChainOptions { threads, ..options };
    Ok(EthChain::open(directory, genesis(keys)?, options)?)
}

/// Builds a block and makes it head; returns what each took.
fn mine(chain: &EthChain, candidates: &[Candidate]) -> anyhow::Result<(Duration, Duration)> {
    let head = chain.head();
    let attributes = Attributes {
        timestamp: 100 + (head.number + 1) * 12,
        fee_recipient: Address::repeat_byte(0xfe),
        withdrawals: Some(Vec::new()),
        parent_beacon_block_root: Some(B256::ZERO),
        ..Attributes::default()
    };
    let start = Instant::now();
    let built = chain.build(None, &attributes, candidates)?;
    let building = start.elapsed();
    ensure!(built.block().transactions().len() == candidates.len(), "{:?}", built.refused.first());
    ensure!(
        built.receipts().iter().all(|receipt| receipt.status.coerce_status()),
        "a transfer failed"
    );
    let start = Instant::now();
    chain.adopt(&built)?;
    Ok((building, start.elapsed()))
}

fn best(
    what: &str,
    peer: &str,
    arguments: &Arguments,
    keys: &mut [Key],
    make: fn(&mut [Key], u64, u64) -> anyhow::Result<Vec<Candidate>>,
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let chain = open(directory.path(), keys, arguments.threads, ChainOptions::default())?;
    let mut fastest: Option<(Duration, Duration, f64)> = None;
    for round in 0..arguments.runs {
        let candidates = make(keys, round, arguments.transactions)?;
        let cpu = cpu_seconds()?;
        let (building, committing) = mine(&chain, &candidates)?;
        let cpu = cpu_seconds()? - cpu;
        let sum = |(building, committing, _): &(Duration, Duration, f64)| *building + *committing;
        if fastest.as_ref().is_none_or(|known| sum(known) > building + committing) {
            fastest = Some((building, committing, cpu));
        }
    }
    let (building, committing, cpu) = fastest.context("a run")?;
    println!(
        "{what:44} {:7.1} ms  ({:.1} built, root included; {:.1} durable commit; {:.0} ms CPU)   {peer}",
        (building + committing).as_secs_f64() * 1e3,
        building.as_secs_f64() * 1e3,
        committing.as_secs_f64() * 1e3,
        cpu * 1e3
    );
    keys.iter_mut().for_each(|key| key.nonce = 0);
    Ok(())
}

/// Blocks as large as a second lets them be: signatures recovered, executed, rooted, durable.
fn every_second(arguments: &Arguments, keys: &mut [Key]) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let chain = open(directory.path(), keys, arguments.threads, ChainOptions::default())?;
    let mut busy = Duration::ZERO;
    for round in 0..arguments.seconds {
        let candidates = transfers(keys, round, arguments.each_second)?;
        let asked: Vec<_> = candidates.iter().map(|one| one.transaction.as_ref().clone()).collect();
        let start = Instant::now();
        let senders = recover_senders(&asked, TxRules::Cancun);
        busy += start.elapsed();
        ensure!(
            senders.iter().zip(&candidates).all(|(sender, one)| *sender == Ok(one.sender)),
            "senders"
        );
        let (building, committing) = mine(&chain, &candidates)?;
        busy += building + committing;
    }
    let transactions = arguments.each_second * arguments.seconds;
    let rate = f64::from(u32::try_from(transactions)?) / busy.as_secs_f64();
    println!(
        "{:44} {rate:7.0} transfers/s, busy {:.2} s of each second, peak RSS {:.0} MiB (with the makers)   anvil: 12,800/s, 1.1-1.4 GB",
        format!("{} blocks of {}, senders recovered", arguments.seconds, arguments.each_second),
        busy.as_secs_f64() / f64::from(u32::try_from(arguments.seconds.max(1))?),
        peak_rss_mib()?
    );
    keys.iter_mut().for_each(|key| key.nonce = 0);
    Ok(())
}

/// A block for each transaction, and what that leaves on disk.
fn small_blocks(arguments: &Arguments, keys: &mut [Key]) -> anyhow::Result<()> {
    let kept = [("all blocks", Retention::full()), ("the last 128 blocks", Retention::pruned(128))];
    for (name, retention) in kept {
        for durability in [Durability::Sync, Durability::Buffered] {
            let directory = tempfile::tempdir()?;
            let options = ChainOptions { retention, durability, ..ChainOptions::default() };
            let chain = open(directory.path(), keys, 1, options.clone())?;
            let quarter = arguments.small / 4;
            let mut quarters = [Duration::ZERO; 4];
            for number in 0..quarter * 4 {
                let to = stranger(&[0; 8], number);
                let one = candidate(&mut keys[0], to, Bytes::new())?;
                let (building, committing) = mine(&chain, &[one])?;
                quarters[usize::try_from(number / quarter)?] += building + committing;
            }
            chain.flush()?;
            let rate = |time: Duration| {
                f64::from(u32::try_from(quarter).unwrap_or(u32::MAX)) / time.as_secs_f64()
            };
            println!(
                "{:44} {:7.0} blocks/s in the first quarter, {:.0} in the last; {:.1} MB on disk   anvil: 428 falling to 236/s, 2.0 GB",
                format!("{} blocks of one, {name}, {durability:?}", quarter * 4),
                rate(quarters[0]),
                rate(quarters[3]),
                chain.disk_bytes()? as f64 / 1e6
            );
            keys[0].nonce = 0;
        }
    }
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut keys: Vec<_> = (0..arguments.keys).map(Key::new).collect::<Result<_, _>>()?;
    println!(
        "{} keys, {} threads, best of {} runs",
        arguments.keys, arguments.threads, arguments.runs
    );
    let count = arguments.transactions;
    best(
        &format!("{count} transfers in a block"),
        "anvil: 53 ms",
        &arguments,
        &mut keys,
        transfers,
    )?;
    best(
        &format!("{count} ERC-20 transfers in a block"),
        "anvil: 62-124 ms",
        &arguments,
        &mut keys,
        token_transfers,
    )?;
    if arguments.seconds > 0 {
        every_second(&arguments, &mut keys)?;
    }
    if arguments.small > 0 {
        small_blocks(&arguments, &mut keys)?;
    }
    Ok(())
}
