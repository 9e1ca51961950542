//! What each part of Kaspa's consensus takes: GHOSTDAG, reachability, windows, the virtual block, pruning, an import headers first.
//!
//! One DAG is made by the simulator, the same for the same options; each part then does its own work on it, alone. The parts on the DAG's columns
//! are timed on the processor clock of their one thread, so that other work on the machine counts little; those that use several threads or the
//! disk say wall and processor time of the whole process. Every part ends where the simulation ended, or the program fails.
//!
//! ```text
//!   ghostdag, reachability, windows   headers ─► columns
//!   virtual                           bodies there ─► resolve_virtual, one block at a time
//!   pruning                           a chain whose depths are a hundredth ─► advance_pruning_point
//!   import                            headers, then bodies ─► pipeline ─► disk
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use bench::{process, thread_time};
use clap::{Parser, ValueEnum};
use quintet_kaspa_node::{
    consensus::{Consensus, MemoryLedger, Options, Outcome},
    pipeline::{Pipeline, PipelineOptions},
    ports::Ledger,
    sim::{ConsensusView, Network, Plan},
    storage::{DiskLedger, StorageOptions},
};
use quintet_kaspa_protocol::{
    block::Block,
    dag::{
        BlockId, Colouring, Dag, Ghostdag, GhostdagParams, Reachability, Sampling, WindowRules,
        WindowSize, Windows,
    },
    params::{Era, Params},
    target::{TARGET_MAX, work},
};

/// Headers or blocks on their way in the pipeline.
const UNDER_WAY: usize = 512;

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Colours.
    Ghostdag,
    /// Intervals and covering sets.
    Reachability,
    /// Difficulty and median time.
    Windows,
    /// The virtual block.
    Virtual,
    /// Pruning.
    Pruning,
    /// Headers first, then bodies, onto the disk.
    Import,
}

/// Measures the parts of consensus.
#[derive(Debug, Parser)]
struct Arguments {
    /// One part, or all of them.
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// Blocks a second.
    #[arg(long, default_value_t = 10)]
    bps: u64,
    /// Transactions a second.
    #[arg(long, default_value_t = 100)]
    tps: u64,
    /// Blocks of the DAG.
    #[arg(long, default_value_t = 4_000)]
    blocks: u64,
    /// Runs of each part, of which the best counts.
    #[arg(long, default_value_t = 3)]
    runs: u32,
}

/// What a part took.
struct Took {
    wall: Duration,
    /// Processor time: of the thread, or of the process where there are several.
    cpu: Duration,
    note: String,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let parts = match &arguments.part {
        Some(part) => vec![*part],
        None => Part::value_variants().to_vec(),
    };
    println!("{}; {} blocks at {} a second", process::processor(), arguments.blocks, arguments.bps);
    println!("{:<14} {:>11} {:>11} {:>9}  note", "part", "blocks/s", "us CPU/block", "wall s");
    let plain = simulate(&arguments, false)?;
    let shallow = match parts.contains(&Part::Pruning) {
        true => Some(simulate(&arguments, true)?),
        false => None,
    };
    for part in parts {
        let made = shallow.as_ref().filter(|_| part == Part::Pruning).unwrap_or(&plain);
        let mut best: Option<Took> = None;
        for _ in 0..arguments.runs {
            let took = run(part, made)?;
            if best.as_ref().is_none_or(|best| took.cpu < best.cpu) {
                best = Some(took);
            }
        }
        let best = best.context("expected at least one run")?;
        let blocks = f64::from(u32::try_from(made.blocks.len())?);
        let name = part.to_possible_value().map(|value| value.get_name().to_owned());
        println!(
            "{:<14} {:>11.0} {:>11.2} {:>9.2}  {}",
            name.unwrap_or_default(),
            blocks / best.wall.as_secs_f64(),
            best.cpu.as_secs_f64() / blocks * 1e6,
            best.wall.as_secs_f64(),
            best.note
        );
    }
    Ok(())
}

/// A simulated DAG.
struct Made {
    params: Params,
    blocks: Vec<Block>,
    /// The parents of the virtual block in the end.
    tips: Vec<quintet_primitives::Hash256>,
}

fn simulate(arguments: &Arguments, shallow: bool) -> anyhow::Result<Made> {
    let mut plan = Plan {
        blocks: arguments.blocks,
        delay_micros: 1_000_000,
        miners: 8,
        views: 0,
        transactions_per_second: arguments.tps,
        ..Plan::at_rate(Era::Toccata, arguments.bps, 100)?
    };
    if shallow {
        for rules in [&mut plan.params.crescendo, &mut plan.params.toccata] {
            rules.rate.merge_depth = 300;
            rules.rate.finality_depth = 600;
            rules.rate.pruning_depth = 1_500;
        }
        plan.params.pruning_proof_m = 20;
    }
    let params = plan.params.clone();
    let mut network = Network::new(plan, |number| ConsensusView::new(number, &params))?;
    let mut blocks = Vec::new();
    while let Some(mined) = network.mine()? {
        blocks.push(mined.block.clone());
    }
    let view = network.views().next_back().context("expected a view")?;
    let tips = view.consensus()?.virtual_state().parent_hashes.clone();
    Ok(Made { params, blocks, tips })
}

fn run(part: Part, made: &Made) -> anyhow::Result<Took> {
    match part {
        Part::Ghostdag | Part::Reachability | Part::Windows => columns(part, made),
        Part::Virtual => resolve(made),
        Part::Pruning => prune(made),
        Part::Import => import(made),
    }
}

fn window_rules(params: &Params) -> WindowRules {
    let rules = params.rules_at(0);
    let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    let rate = &rules.rate;
    WindowRules {
        difficulty: WindowSize {
            size: size(rules.difficulty_window_size),
            rate: rate.difficulty_sample_rate,
        },
        median: WindowSize {
            size: size(rules.past_median_time_window_size),
            rate: rate.past_median_time_sample_rate,
        },
        difficulty_min: size(params.min_difficulty_window_size),
        target_time: rate.target_time_per_block,
        max_target: TARGET_MAX,
        sampling: Sampling::Sampled { since: 0, earlier_target_time: rate.target_time_per_block },
    }
}

/// Builds the columns from the headers and adds up what one part of it takes.
fn columns(part: Part, made: &Made) -> anyhow::Result<Took> {
    let rate = made.params.rules_at(0).rate;
    let limit = usize::try_from(rate.mergeset_size_limit)? + 1;
    let ghostdag = GhostdagParams::new(rate.ghostdag_k, limit);
    let rules = window_rules(&made.params);
    let genesis = made.params.genesis.header();
    let (mut dag, mut colouring) = (Dag::new(1), Colouring::new());
    let mut reachability = Reachability::new();
    let mut windows = Windows::new(genesis.timestamp, genesis.bits, genesis.daa_score);
    let first = colouring.run(&dag, &[BlockId::ORIGIN], &ghostdag)?.clone();
    dag.insert(genesis.hash(), &[BlockId::ORIGIN], work(genesis.bits), &first)?;
    reachability.add(first.selected_parent, first.merged())?;
    let mut spent = [Duration::ZERO; 3];
    for block in &made.blocks {
        let header = &block.header;
        let parents: Vec<_> =
            header.direct_parents().iter().filter_map(|hash| dag.find(hash)).collect();
        let (found, colours) = thread_time::of(|| -> anyhow::Result<Ghostdag> {
            Ok(colouring.run(&dag, &parents, &ghostdag)?.clone())
        });
        let found = found?;
        let (added, labels) =
            thread_time::of(|| reachability.add(found.selected_parent, found.merged()));
        added?;
        let (expected, sampled) = thread_time::of(|| -> anyhow::Result<_> {
            let expected = windows.expect(&dag, &found, &rules)?;
            let (time, bits) = (header.timestamp, header.bits);
            windows.push(&found, &expected, rules.sampling, time, bits)?;
            Ok(expected)
        });
        let expected = expected?;
        ensure!(expected.daa_score == header.daa_score, "another DAA score");
        ensure!(expected.bits == header.bits, "another difficulty");
        ensure!(found.blue_score == header.blue_score, "another blue score");
        dag.insert(header.hash(), &parents, work(header.bits), &found)?;
        for (sum, took) in spent.iter_mut().zip([colours, labels, sampled]) {
            *sum += took;
        }
    }
    let [colours, labels, sampled] = spent;
    let cpu = match part {
        Part::Reachability => labels,
        Part::Windows => sampled,
        _ => colours,
    };
    Ok(Took { wall: cpu, cpu, note: "time of the one thread, its clock's included".to_owned() })
}

fn open(params: &Params, ledger: Arc<dyn Ledger>) -> anyhow::Result<Consensus> {
    let options = Options { clock: Arc::new(|| u64::MAX / 2), ..Options::default() };
    Ok(Consensus::open(params.clone(), options, ledger)?)
}

/// Measures something by the clock on the wall and the processor time of the process.
struct Watch {
    wall: Duration,
    cpu: f64,
}

impl Watch {
    const fn new() -> Self {
        Self { wall: Duration::ZERO, cpu: 0.0 }
    }

    fn during<T>(&mut self, run: impl FnOnce() -> T) -> anyhow::Result<T> {
        let (started, cpu) = (Instant::now(), process::cpu_seconds()?);
        let result = run();
        self.wall += started.elapsed();
        self.cpu += process::cpu_seconds()? - cpu;
        Ok(result)
    }

    fn took(self, note: String) -> Took {
        Took { wall: self.wall, cpu: Duration::from_secs_f64(self.cpu), note }
    }
}

fn check_end(consensus: &Consensus, made: &Made) -> anyhow::Result<()> {
    let found = &consensus.virtual_state().parent_hashes;
    ensure!(
        *found == made.tips,
        "expected the virtual block on {:?}, found it on {found:?}",
        made.tips
    );
    Ok(())
}

fn submit(consensus: &Consensus, block: &Block) -> anyhow::Result<()> {
    match consensus.submit_body(block.clone())? {
        Outcome::Accepted(_) => Ok(()),
        other => bail!("block {} was not taken in: {other:?}", block.header.hash()),
    }
}

fn resolve(made: &Made) -> anyhow::Result<Took> {
    let consensus = open(&made.params, Arc::new(MemoryLedger::new()))?;
    let (mut wall, mut cpu) = (Duration::ZERO, Duration::ZERO);
    for block in &made.blocks {
        submit(&consensus, block)?;
        let started = Instant::now();
        let (state, took) = thread_time::of(|| consensus.resolve_virtual());
        state?;
        wall += started.elapsed();
        cpu += took;
    }
    check_end(&consensus, made)?;
    let transactions: usize = made.blocks.iter().map(|block| block.transactions.len() - 1).sum();
    let note = format!("{transactions} transactions; threads that check scripts are not counted");
    Ok(Took { wall, cpu, note })
}

fn prune(made: &Made) -> anyhow::Result<Took> {
    let ledger = Arc::new(MemoryLedger::new());
    let consensus = open(&made.params, Arc::clone(&ledger) as _)?;
    let (mut wall, mut cpu, mut moves) = (Duration::ZERO, Duration::ZERO, 0_u32);
    for block in &made.blocks {
        submit(&consensus, block)?;
        consensus.resolve_virtual()?;
        let started = Instant::now();
        let (moved, took) = thread_time::of(|| consensus.advance_pruning_point());
        wall += started.elapsed();
        cpu += took;
        moves += u32::from(moved?.is_some());
    }
    check_end(&consensus, made)?;
    let (headers, bodies) = ledger.counts();
    ensure!(moves > 0 && bodies < made.blocks.len(), "expected something to be pruned");
    let each = wall.checked_div(moves).unwrap_or_default();
    let note =
        format!("{moves} moves of {each:.1?} each; {headers} headers, {bodies} bodies are left");
    Ok(Took { wall, cpu, note })
}

fn import(made: &Made) -> anyhow::Result<Took> {
    let directory = tempfile::tempdir()?;
    let genesis = made.params.genesis.header().hash();
    let ledger = DiskLedger::open(directory.path(), &genesis, &StorageOptions::new([1, 2]))?;
    let ledger = Arc::new(ledger);
    let consensus = Arc::new(open(&made.params, Arc::clone(&ledger) as _)?);
    let pipeline = Pipeline::start(Arc::clone(&consensus), &PipelineOptions::default())?;
    let (mut headers, mut bodies) = (Watch::new(), Watch::new());
    headers.during(|| -> anyhow::Result<()> {
        for blocks in made.blocks.chunks(UNDER_WAY) {
            let submit = |block: &Block| pipeline.submit_header(Arc::new(block.header.clone()));
            let tickets: Vec<_> = blocks.iter().map(submit).collect();
            for ticket in tickets {
                ensure!(ticket.wait()?.is_present(), "a header was refused");
            }
        }
        Ok(())
    })??;
    bodies.during(|| -> anyhow::Result<()> {
        for blocks in made.blocks.chunks(UNDER_WAY) {
            let submit = |block: &Block| pipeline.submit_block(block.clone());
            let tickets: Vec<_> = blocks.iter().map(submit).collect();
            for ticket in tickets {
                ensure!(ticket.wait()?.is_present(), "a block was refused");
            }
        }
        Ok(ledger.close()?)
    })??;
    check_end(&consensus, made)?;
    let blocks = f64::from(u32::try_from(made.blocks.len())?);
    let note = format!(
        "headers {:.0}/s, then bodies {:.0}/s, durable in the end",
        blocks / headers.wall.as_secs_f64(),
        blocks / bodies.wall.as_secs_f64()
    );
    bodies.wall += headers.wall;
    bodies.cpu += headers.cpu;
    Ok(bodies.took(note))
}
