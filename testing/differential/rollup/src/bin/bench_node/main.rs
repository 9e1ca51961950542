//! `bench_node rpc|latency|execute VECTORS`: the rollup node where it stands on others: an L1 over JSON-RPC, a slow one, and execution.
//!
//! ```text
//!   this program ──► itself as a server (real L1 blocks as JSON and raw) ◄── this project, kona with serde: by turns, in one run
//! ```

mod execute;
mod latency;
mod rpc;
mod server;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use nix::time::{ClockId, clock_gettime};

/// Measures the rollup node.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Derivation from an L1 over JSON-RPC, beside kona.
    Rpc {
        /// Folder of the rollup's vectors.
        vectors: PathBuf,
        /// Runs of each.
        #[arg(long, default_value_t = 20)]
        rounds: usize,
        /// Only those whose names hold this: for a profile of one.
        #[arg(long, default_value = "")]
        side: String,
    },
    /// Answers JSON-RPC with the recorded blocks, until its input ends.
    Serve {
        /// Folder of the rollup's vectors.
        vectors: PathBuf,
        /// Offers no raw blocks.
        #[arg(long)]
        no_raw: bool,
    },
    /// Derivation from an L1 that takes its time.
    Latency {
        /// L1 blocks at most.
        #[arg(long, default_value_t = 5_120)]
        blocks: u64,
        /// Time before each answer, in milliseconds.
        #[arg(long, default_value_t = 50)]
        latency: u64,
    },
    /// Execution of the witness blocks.
    Execute {
        /// Folder of the rollup's vectors.
        vectors: PathBuf,
        /// Runs of each block.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Threads.
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().what {
        What::Rpc { vectors, rounds, side } => rpc::run(&vectors, rounds, &side),
        What::Serve { vectors, no_raw } => server::serve(&vectors, !no_raw),
        What::Latency { blocks, latency } => latency::run(blocks, latency),
        What::Execute { vectors, rounds, threads } => execute::run(&vectors, rounds, threads),
    }
}

/// Time all threads of this process were on a core, in seconds.
fn cpu_seconds() -> Result<f64> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    Ok(time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
