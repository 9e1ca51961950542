//! `bench_derive VECTORS`: L2 blocks a second from real channels in memory, this project and kona by turns, on one core, and this project on two.
//!
//! kona is handed transactions that are decoded, this project raw ones: it scans them for the inbox. Both derive attributes; nothing
//! is executed. One core is measured in the time the thread was on it. On two, channels are scanned for, put together and inflated by two
//! threads while a third derives, two channels ahead at most, and the time is that of the clock: it tells the truth on an idle machine alone.
//! Beside it stands half of the time all threads together were on a core, which a busy machine changes less.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Instant,
};

use anyhow::{Result, ensure};
use clap::Parser;
use differential_rollup::{
    fixture::{Fixture, singular, span},
    kona::block_on,
    memory::{OurL1, kona_once, ours_from, ours_once},
};
use nix::time::{ClockId, clock_gettime};

/// Measures derivation in memory.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of the rollup's vectors.
    vectors: PathBuf,
    /// Runs of each.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Measures this project alone: for a profiler.
    #[arg(long)]
    alone: bool,
}

/// Channels ahead of derivation, on two cores.
const AHEAD: usize = 2;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for (name, fixture) in [
        ("singular batches, 123 blocks", singular(&arguments.vectors)?),
        ("span batch, 143 blocks", span(&arguments.vectors)?),
    ] {
        let fixture = fixture.shared();
        let blocks = fixture.hashes.len();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..arguments.rounds {
            let (time, mine) = timed(|| ours_once(&fixture))?;
            ours.push(time);
            if !arguments.alone {
                let (time, other) = timed(|| block_on(kona_once(&fixture)))?;
                theirs.push(time);
                ensure!(mine == other, "{name}: {mine:?} here and {other:?} there");
            }
            ensure!(mine.0 == blocks, "{name}: expected {blocks} blocks, got {}", mine.0);
        }
        if arguments.alone {
            continue;
        }
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        let micros = |seconds: f64| seconds * 1e6 / blocks as f64;
        println!(
            "{name}: ours {:.2} us a block, {:.0} a second; kona {:.2} us, {:.0} a second; {:.2} times",
            micros(ours),
            blocks as f64 / ours,
            micros(theirs),
            blocks as f64 / theirs,
            theirs / ours
        );
        let (mut walls, mut halves) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS_ON_TWO {
            let (wall, cpu) = ours_on_two_cores(&fixture, arguments.rounds)?;
            walls.push(wall);
            halves.push(cpu / 2.0);
        }
        walls.sort_by(f64::total_cmp);
        let (wall, half) = (walls[0], median(&mut halves));
        println!(
            "  on two cores: {:.2} us a block by the clock, best of {ROUNDS_ON_TWO}, {:.2} times; half of the time on cores {:.2} us, {:.2} times",
            micros(wall),
            theirs / wall,
            micros(half),
            theirs / half,
        );
    }
    Ok(())
}

/// Times two cores are measured.
const ROUNDS_ON_TWO: usize = 7;

/// Derives a fixture several times with channels inflated ahead. Returns the time of each by the clock, and of all threads.
fn ours_on_two_cores(fixture: &Arc<Fixture>, times: usize) -> Result<(f64, f64)> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = sync_channel(AHEAD);
    let (begin, begin_cpu) = (Instant::now(), seconds(ClockId::CLOCK_PROCESS_CPUTIME_ID)?);
    thread::scope(|scope| {
        for sender in [sender.clone(), sender] {
            let next = &next;
            scope.spawn(move || {
                while next.fetch_add(1, Ordering::Relaxed) < times {
                    if sender.send(OurL1::ahead(fixture)).is_err() {
                        return;
                    }
                }
            });
        }
        for l1 in &receiver {
            let (blocks, ..) = ours_from(fixture, &l1)?;
            ensure!(blocks == fixture.hashes.len(), "{blocks} blocks");
        }
        anyhow::Ok(())
    })?;
    let cpu = seconds(ClockId::CLOCK_PROCESS_CPUTIME_ID)? - begin_cpu;
    Ok((begin.elapsed().as_secs_f64() / times as f64, cpu / times as f64))
}

/// Runs once and returns the time this thread was on a core, in seconds.
fn timed<T>(run: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let begin = seconds(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let result = run()?;
    Ok((seconds(ClockId::CLOCK_THREAD_CPUTIME_ID)? - begin, result))
}

fn seconds(clock: ClockId) -> Result<f64> {
    let time = clock_gettime(clock)?;
    Ok(time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
