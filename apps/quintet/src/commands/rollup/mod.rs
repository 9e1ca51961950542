//! `quintet rollup`.
//!
//! ```text
//!   sources   addresses, files ──► an L1, the block to begin behind
//!   open      chain, L1, directory, execution ──► a driver
//!   derive    steps the driver, printing what comes out beside a progress bar
//!   execute   recorded blocks ──► their hashes
//!   run       a node, until it is told to stop
//!   batch     its blocks ──► L1
//!   new       contracts on L1, genesis.json, rollup.json
//! ```

mod batch;
mod derive;
mod execute;
mod lines;
mod new;
mod open;
mod run;
mod sources;

use crate::{
    cli::{RollupArgs, RollupCommand},
    exit::UsageError,
};

/// Carries out the command.
pub(super) fn run(args: RollupArgs) -> anyhow::Result<()> {
    match args.command {
        None => Err(which().into()),
        Some(RollupCommand::Run(args)) => run::run(*args),
        Some(RollupCommand::Batch(args)) => batch::run(*args),
        Some(RollupCommand::New(args)) => new::run(&args),
        Some(RollupCommand::Derive(args)) => derive::run(*args),
        Some(RollupCommand::Execute(args)) => execute::run(&args),
    }
}

/// A node was asked for.
fn which() -> UsageError {
    UsageError::new(
        "expected what to do: `quintet rollup run` for a node; see `quintet rollup --help`",
    )
}
