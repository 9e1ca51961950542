//! How many blocks a second do reachability and GHOSTDAG take, and how many bytes a block?
//!
//! One thread, headers already parsed: parents by number go in, colours and reachability come out. Two sorts of work: DAGs of the vectors (given as
//! files of `[{id, parents}]`), and synthetic ones of the width that a network of 10, 32 and 100 blocks a second has, where a block
//! knows nothing of what was made in the network delay before it. Each is built several times; the best run counts, for other
//! work on the machine only ever makes a run longer. Answers are sampled against a search of the graph, so a wrong answer is not
//! a fast one.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    collections::{HashMap, VecDeque},
    fs,
    path::PathBuf,
    time::Instant,
};

use anyhow::{Context as _, bail, ensure};
use bench::process;
use clap::Parser;
use quintet_kaspa_protocol::dag::{BlockId, Colouring, Dag, GhostdagParams};
use quintet_primitives::Hash256;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ruint::aliases::U192;
use serde::Deserialize;

/// Blocks whose pasts are searched at the end of each DAG.
const SEARCHED: usize = 16;

/// Network delay of the synthetic DAGs, in milliseconds.
const DELAY: u64 = 1_000;

/// Measures the DAG.
#[derive(Debug, Parser)]
struct Arguments {
    /// Blocks of each synthetic DAG.
    #[arg(long, default_value_t = 50_000)]
    blocks: u32,
    /// Runs of each, of which the best counts.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// DAGs as JSON lists of names and parents, decompressed; run with K 18.
    files: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    parents: Option<Vec<String>>,
}

/// A DAG to build: parents of each block by number, from the genesis (number 1) on.
struct Work {
    name: String,
    k: u16,
    parents: Vec<Vec<BlockId>>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("{}, one thread", process::processor());
    println!(
        "{:<44} {:>6} {:>8} {:>8} {:>9} {:>11} {:>9} {:>8} {:>8}",
        "dag", "K", "blocks", "parents", "mergeset", "blocks/s", "us/block", "B/block", "moved"
    );
    for path in &arguments.files {
        measure(&read(path)?, arguments.runs)?;
    }
    // K of 10 blocks a second as the network has it; of 32 and 100 computed in log space (delay 5 s, delta 0.01).
    for (rate, k, parents) in [(10, 124, 16), (32, 362, 48), (100, 1_074, 128)] {
        measure(&synthetic(rate, k, parents, arguments.blocks)?, arguments.runs)?;
    }
    Ok(())
}

fn read(path: &PathBuf) -> anyhow::Result<Work> {
    let blocks: Vec<Named> = serde_json::from_slice(&fs::read(path)?)?;
    let numbers: HashMap<&str, BlockId> =
        (1..).map(BlockId::new).zip(&blocks).map(|(number, block)| (&*block.id, number)).collect();
    let mut parents = Vec::with_capacity(blocks.len());
    for block in &blocks {
        let named = block.parents.iter().flatten();
        let known = named.map(|name| numbers.get(&**name).copied().context("an unknown parent"));
        let mut row = known.collect::<anyhow::Result<Vec<_>>>()?;
        if row.is_empty() {
            row.push(BlockId::ORIGIN);
        }
        parents.push(row);
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Work { name, k: 18, parents })
}

/// Makes a DAG of `rate` blocks a second: times at random, parents all tips that were there [`DELAY`] before, at most so many.
fn synthetic(rate: u64, k: u16, parents_max: usize, blocks: u32) -> anyhow::Result<Work> {
    let mut random = StdRng::seed_from_u64(rate);
    let mut parents = vec![vec![BlockId::ORIGIN]];
    let mut tips = vec![BlockId::new(1)];
    let mut unseen: VecDeque<(f64, BlockId)> = VecDeque::new();
    let mut now = 0.0;
    let step = 1_000.0 / f64::from(u32::try_from(rate)?);
    for number in 2..=blocks {
        now -= step * (1.0 - random.random::<f64>()).ln();
        while let Some(&(seen, block)) = unseen.front()
            && seen <= now
        {
            unseen.pop_front();
            let below: &Vec<BlockId> = &parents[block.row() - 1];
            tips.retain(|tip| !below.contains(tip));
            tips.push(block);
        }
        let newest = tips.iter().rev().take(parents_max).copied().collect();
        parents.push(newest);
        unseen.push_back((now + f64::from(u32::try_from(DELAY)?), BlockId::new(number)));
    }
    Ok(Work { name: format!("synthetic, {rate} blocks/s, {DELAY} ms delay"), k, parents })
}

fn hash_of(number: u64) -> Hash256 {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    Hash256::new(bytes)
}

fn build(work: &Work) -> anyhow::Result<Dag> {
    let mut dag = Dag::new(1);
    let mut colouring = Colouring::new();
    let params = GhostdagParams::new(work.k, usize::MAX);
    for (number, parents) in (0..).zip(&work.parents) {
        let found = colouring.run(&dag, parents, &params)?;
        dag.insert(hash_of(number), parents, U192::ONE, found)?;
    }
    Ok(dag)
}

fn measure(work: &Work, runs: u32) -> anyhow::Result<()> {
    let mut best = f64::INFINITY;
    let mut built = None;
    for _ in 0..runs {
        let start = Instant::now();
        let dag = build(work)?;
        best = best.min(start.elapsed().as_secs_f64());
        built = Some(dag);
    }
    let Some(dag) = built else { bail!("expected at least one run") };
    check(&dag)?;
    let blocks = f64::from(u32::try_from(work.parents.len())?);
    let mean = |sum: usize| -> anyhow::Result<f64> { Ok(f64::from(u32::try_from(sum)?) / blocks) };
    let rows = || (1..u32::try_from(dag.len()).unwrap_or(u32::MAX)).map(BlockId::new);
    println!(
        "{:<44} {:>6} {:>8} {:>8.2} {:>9.2} {:>11.0} {:>9.2} {:>8.0} {:>8.2}",
        work.name,
        work.k,
        work.parents.len(),
        mean(work.parents.iter().map(Vec::len).sum())?,
        mean(rows().map(|block| dag.mergeset(block).len()).sum())?,
        blocks / best,
        best / blocks * 1e6,
        mean(dag.bytes())?,
        mean(usize::try_from(dag.reachability().relabelled().1)?)?,
    );
    Ok(())
}

/// Compares some answers with those of a search.
fn check(dag: &Dag) -> anyhow::Result<()> {
    let rows = || (1..u32::try_from(dag.len()).unwrap_or(u32::MAX)).map(BlockId::new);
    for block in rows().step_by((dag.len() / SEARCHED).max(1)) {
        let mut past = vec![false; dag.len()];
        past[block.row()] = true;
        let mut open = vec![block];
        while let Some(at) = open.pop() {
            for &parent in dag.parents(at) {
                if !std::mem::replace(&mut past[parent.row()], true) {
                    open.push(parent);
                }
            }
        }
        for other in rows() {
            let answer = dag.reachability().is_dag_ancestor_of(other, block);
            ensure!(answer == past[other.row()], "wrong about {other:?} and {block:?}");
        }
    }
    Ok(())
}
