//! `quintet kaspa`.
//!
//! ```text
//!   run       a node in the foreground: wRPC, a miner for networks of one's own
//!   sources   files ──► blocks, read ahead by a thread of their own
//!   open      data directory ──► lock ──► the DAG, if it was made under these parameters
//!   replay    takes the blocks in, beside a progress bar, until done or asked to stop
//!   sim       miners in simulated time ──► figures, a plot, a file of blocks
//!   overrides a file of parameters, for run and sim
//!   samples   what memory and disk hold while it runs
//! ```

mod open;
mod overrides;
mod plot;
mod replay;
mod run;
mod samples;
mod sim;
mod sources;

use crate::{
    cli::{KaspaArgs, KaspaCommand},
    exit::UsageError,
};

/// Carries out the command.
pub(super) fn run(args: KaspaArgs) -> anyhow::Result<()> {
    match args.command {
        None => Err(which().into()),
        Some(KaspaCommand::Run(args)) => run::run(&args),
        Some(KaspaCommand::Replay(args)) => replay::run(*args),
        Some(KaspaCommand::Sim(args)) => sim::run(*args),
    }
}

/// A node was asked for.
fn which() -> UsageError {
    UsageError::new("say what to do: `quintet kaspa run` runs a node; see `quintet kaspa --help`")
}
