//! How fast does consensus take a DAG in, beside rusty-kaspa's, in one run?
//!
//! A DAG is made once by the reference with a fixed seed, then taken in three ways by both sides, each time from an empty
//! state, on the same cores:
//!
//! - **headers**: headers alone, as at the beginning of a sync;
//! - **light**: blocks with a transaction or two, where everything but signatures counts;
//! - **heavy**: full blocks of signed transactions of one input each.
//!
//! Both begin with fields as they come from a decoded message: hashes and ids are computed within the measured time. Both keep
//! their data in a temporary folder (the reference in RocksDB) and are fed as the reference's own simulator feeds it, in chunks of
//! a thousand blocks of which two are under way. Ours is stopped within the measured time, when everything is on disk for good; the
//! reference is not.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, ensure};
use clap::Parser;
use indicatif::ProgressBar;
use judge_kaspa_consensus::{
    network::{self, Limits},
    ours::Ours,
    plan::{Plan, Shape},
    reference::{Reference, wait},
    wallet,
};
use judge_kaspa_rules::{
    convert,
    random::SplitMix,
    spend::{KEYS, Push, Recipe, sign},
};
use kaspa_consensus_core::{
    api::ConsensusApi as _,
    block::{Block, MutableBlock},
    config::params::Params,
    header::Header,
    mass::MassCalculator,
    subnets::SubnetworkId,
    tx::{
        ComputeCommit, PopulatedTransaction, Transaction, TransactionInput, TransactionOutpoint,
        TransactionOutput, UtxoEntry,
    },
};
use kaspa_hashes::Hash;
use nix::sys::resource::{UsageWho, getrusage};
use quintet_kaspa_node::pipeline::{Pipeline, PipelineOptions, Ticket};
use quintet_kaspa_protocol::block::Block as OurBlock;
use quintet_primitives::Hash256;

/// Blocks handed over at a time.
const CHUNK: usize = 1_000;
/// Sompi a transaction pays.
const FEE: u64 = 20_000;

/// Measures how fast blocks are taken in, beside rusty-kaspa's consensus.
#[derive(Debug, Parser)]
struct Command {
    /// Blocks of the DAG of headers and light blocks.
    #[arg(long, default_value_t = 4_000)]
    light: usize,
    /// Blocks of the DAG of full blocks.
    #[arg(long, default_value_t = 400)]
    heavy: usize,
    /// Transactions in a full block.
    #[arg(long, default_value_t = 155)]
    transactions: usize,
    /// Runs of each; the best counts.
    #[arg(long, default_value_t = 2)]
    runs: usize,
    /// Where randomness begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A DAG of ten blocks a second with a delay of about a second.
const SHAPE: Shape = Shape {
    name: "ten blocks a second",
    limits: Limits::TEN,
    lag: 12,
    stray: 500,
    stray_age: 10,
    secret: 0,
    secret_depth: 0,
    secret_len: 0,
    transactions: 1,
};

fn main() -> anyhow::Result<()> {
    let command = Command::parse();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!(
        "cores {cores}; CPU is that of all threads of the process, the reference's and ours measured one after the other"
    );
    let light = make(command.light, 1, command.seed)?;
    report("headers", &light, headers, command.runs)?;
    report("light", &light, blocks, command.runs)?;
    let heavy = make(command.heavy, command.transactions, command.seed)?;
    report("heavy", &heavy, blocks, command.runs)
}

/// Blocks of both sides.
struct Dag {
    theirs: Vec<Block>,
    ours: Vec<OurBlock>,
    transactions: usize,
    sink: Hash,
}

/// Builds a DAG with the reference.
fn make(blocks: usize, transactions: usize, seed: u64) -> anyhow::Result<Dag> {
    let params = network::theirs(&SHAPE.limits);
    let reference = Reference::start(params.clone());
    let mut random = SplitMix::of_case(seed, blocks as u64);
    let mut plan = Plan::new(SHAPE, params.genesis.hash);
    let mut purse = Purse::default();
    let mut clock = params.genesis.timestamp;
    let mut dag =
        Dag { theirs: Vec::new(), ours: Vec::new(), transactions: 0, sink: Hash::default() };
    let bar = ProgressBar::new(blocks as u64).with_message("making");
    for _ in 0..blocks {
        let (parents, secret) = plan.parents(&mut random);
        let mut block =
            reference.build(parents, wallet::script(1 + 3 * random.index(KEYS / 3)), Vec::new());
        let daa_score = block.header.daa_score;
        block.transactions.extend(purse.spend(
            &reference,
            &params,
            transactions,
            daa_score,
            &mut random,
        ));
        dag.transactions += block.transactions.len() - 1;
        clock += random.below(2 * SHAPE.limits.target_time);
        block.header.timestamp = clock.max(params.genesis.timestamp + 1);
        block.header.nonce = random.next();
        judge_kaspa_consensus::breaking::seal(&mut block, false);
        let named = block.header.direct_parents().to_vec();
        plan.add(block.header.hash, &named, secret);
        dag.ours.push(convert::block(&block.header, &block.transactions)?);
        let block = MutableBlock::to_immutable(block);
        dag.theirs.push(block.clone());
        wait(reference.inner().validate_and_insert_block(block).virtual_state_task)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    dag.sink = reference.inner().get_sink();
    reference.stop();
    println!(
        "\nDAG of {blocks} blocks, {:.1} transactions and {:.1} parents each",
        dag.transactions as f64 / blocks as f64,
        dag.theirs.iter().map(|block| block.header.direct_parents().len()).sum::<usize>() as f64
            / blocks as f64,
    );
    Ok(dag)
}

/// What may be spent and was not.
#[derive(Default)]
struct Purse {
    used: HashSet<TransactionOutpoint>,
}

impl Purse {
    fn spend(
        &mut self,
        reference: &Reference,
        params: &Params,
        count: usize,
        daa_score: u64,
        random: &mut SplitMix,
    ) -> Vec<Transaction> {
        let mut made = Vec::new();
        // The set is sorted by outpoint: a random one is a fair place to begin.
        for _ in 0..4 {
            let from = TransactionOutpoint::new(Hash::from_bytes(random.array()), 0);
            for (outpoint, entry) in reference.utxos(from, 2 * count + 20) {
                let mature = !entry.is_coinbase
                    || entry.block_daa_score + params.coinbase_maturity() <= daa_score;
                if made.len() < count
                    && mature
                    && entry.amount > 4 * FEE
                    && self.used.insert(outpoint)
                {
                    made.extend(transaction(params, outpoint, &entry, random));
                }
            }
        }
        made
    }
}

/// Makes a transaction of one input and one or two outputs.
fn transaction(
    params: &Params,
    outpoint: TransactionOutpoint,
    entry: &UtxoEntry,
    random: &mut SplitMix,
) -> Option<Transaction> {
    let key = (0..KEYS).find(|&key| wallet::script(key) == entry.script_public_key)?;
    let output = |value, random: &mut SplitMix| {
        TransactionOutput::new(value, wallet::script(1 + 3 * random.index(KEYS / 3)))
    };
    let left = entry.amount - FEE;
    let outputs = if left > 400_000_000 {
        vec![output(left / 2, random), output(left - left / 2, random)]
    } else {
        vec![output(left, random)]
    };
    let commit = ComputeCommit::SigopCount(1.into());
    let input = TransactionInput::new_with_mass(outpoint, Vec::new(), 0, commit);
    let mut tx =
        Transaction::new(0, vec![input], outputs, 0, SubnetworkId::default(), 0, Vec::new());
    let entries = vec![entry.clone()];
    let recipe = Recipe {
        category: "one key",
        pushes: vec![Push::Schnorr(key, 1)],
        script: entry.script_public_key.script().to_vec(),
        hashed: false,
        loose: false,
    };
    let populated = PopulatedTransaction::new(&tx, entries.clone());
    let mass =
        MassCalculator::new_with_consensus_params(params).calc_contextual_masses(&populated)?;
    tx.set_storage_mass(mass.storage_mass);
    sign(&mut tx, &entries, &[recipe], random);
    tx.finalize();
    Some(tx)
}

/// What a run took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    seconds: f64,
    cpu: f64,
    /// Bytes by which the highest resident size rose above that before.
    memory: u64,
    /// Bytes of files at the end, if that is known.
    disk: Option<u64>,
}

fn measure(run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Cost> {
    // Makes the kernel count the highest resident size anew.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let resident = status("VmRSS:");
    let (started, cpu) = (Instant::now(), cpu()?);
    run()?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = self::cpu()? - cpu;
    Ok(Cost { seconds, cpu, memory: status("VmHWM:").saturating_sub(resident), disk: None })
}

fn cpu() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

type Both = fn(&Dag) -> anyhow::Result<(Cost, Cost)>;

fn report(name: &str, dag: &Dag, both: Both, runs: usize) -> anyhow::Result<()> {
    let mut best: Option<(Cost, Cost)> = None;
    for _ in 0..runs {
        let (theirs, ours) = both(dag)?;
        let better = |old: Cost, new: Cost| Cost {
            seconds: old.seconds.min(new.seconds),
            cpu: old.cpu.min(new.cpu),
            memory: old.memory.min(new.memory),
            disk: new.disk,
        };
        best = Some(best.map_or((theirs, ours), |(a, b)| (better(a, theirs), better(b, ours))));
    }
    let (theirs, ours) = best.context("expected at least one run")?;
    let count = dag.theirs.len() as f64;
    let line = |side: &str, cost: Cost| {
        let per_tx = cost.cpu * 1e6 / dag.transactions.max(1) as f64;
        println!(
            "{name:<8} {side:<10} {:>9.0} blocks/s {:>9.0} tx/s {:>8.1} us CPU/block {:>7.1} us CPU/tx {:>6.0} MB",
            count / cost.seconds,
            if name == "headers" { 0.0 } else { dag.transactions as f64 / cost.seconds },
            cost.cpu * 1e6 / count,
            if name == "headers" { 0.0 } else { per_tx },
            cost.memory as f64 / 1e6,
        );
        if let Some(bytes) = cost.disk {
            println!("{name:<8} {side:<10} {:>9.0} bytes of files a block", bytes as f64 / count);
        }
    };
    line("reference", theirs);
    line("quintet", ours);
    println!(
        "{name:<8} ratio      {:.2} x in time, {:.2} x in CPU, {:.2} x in memory",
        theirs.seconds / ours.seconds,
        theirs.cpu / ours.cpu,
        theirs.memory as f64 / ours.memory.max(1) as f64
    );
    Ok(())
}

/// Feeds the reference chunk by chunk, two under way.
fn feed(reference: &Reference, blocks: impl Iterator<Item = Block>) -> anyhow::Result<()> {
    let mut under_way = VecDeque::new();
    for block in blocks {
        under_way.push_back(reference.inner().validate_and_insert_block(block).virtual_state_task);
        if under_way.len() >= 2 * CHUNK {
            for task in under_way.drain(..CHUNK) {
                wait(task)?;
            }
        }
    }
    under_way.into_iter().try_for_each(|task| wait(task).map(drop))?;
    Ok(())
}

fn again(header: &Header) -> Header {
    let mut header = header.clone();
    header.finalize();
    header
}

fn headers(dag: &Dag) -> anyhow::Result<(Cost, Cost)> {
    let reference = Reference::start(network::theirs(&SHAPE.limits));
    let theirs = measure(|| {
        feed(&reference, dag.theirs.iter().map(|block| Block::from_header(again(&block.header))))
    })?;
    reference.stop();
    let headers = dag.ours.iter().map(|block| Arc::new(block.header.clone())).collect();
    let (cost, _) = take_in(headers, Pipeline::submit_header)?;
    Ok((theirs, cost))
}

fn blocks(dag: &Dag) -> anyhow::Result<(Cost, Cost)> {
    let reference = Reference::start(network::theirs(&SHAPE.limits));
    let theirs = measure(|| {
        let whole = |block: &Block| {
            let mut transactions = block.transactions.to_vec();
            transactions.iter_mut().for_each(Transaction::finalize);
            Block::new(again(&block.header), transactions)
        };
        feed(&reference, dag.theirs.iter().map(whole))
    })?;
    ensure!(reference.inner().get_sink() == dag.sink, "expected the sink of the making");
    reference.stop();
    let (cost, sink) = take_in(dag.ours.clone(), Pipeline::submit_block)?;
    ensure!(sink == convert::hash(&dag.sink), "expected the same sink");
    Ok((theirs, cost))
}

/// Takes blocks or headers in, from an empty folder to a closed one. Returns the cost and the sink.
fn take_in<T>(list: Vec<T>, submit: fn(&Pipeline, T) -> Ticket) -> anyhow::Result<(Cost, Hash256)> {
    let folder = tempfile::tempdir()?;
    let (ours, ledger) = Ours::on_disk(network::ours(&SHAPE.limits), folder.path())?;
    let mut cost = measure(|| {
        let pipeline = Pipeline::start(Arc::clone(ours.inner()), &PipelineOptions::default())?;
        let mut under_way = VecDeque::new();
        for one in list {
            under_way.push_back(submit(&pipeline, one));
            if under_way.len() >= 2 * CHUNK {
                under_way.drain(..CHUNK).try_for_each(settle)?;
            }
        }
        under_way.into_iter().try_for_each(settle)?;
        drop(pipeline);
        Ok(ledger.close()?)
    })?;
    let usage = ledger.usage()?;
    cost.disk = Some(usage.log_bytes + usage.store_bytes);
    Ok((cost, ours.inner().sink()))
}

fn settle(ticket: Ticket) -> anyhow::Result<()> {
    let outcome = ticket.wait()?;
    ensure!(outcome.is_present(), "expected a valid block, {outcome:?}");
    Ok(())
}
