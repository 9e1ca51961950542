//! `quintet rollup`.
//!
//! ```text
//!   sources   addresses, files ──► an L1, the block to begin behind
//!   open      chain, L1, directory, execution ──► a driver
//!   derive    steps the driver, printing what comes out beside a progress bar
//!   execute   recorded blocks ──► their hashes
//! ```

mod derive;
mod execute;
mod lines;
mod open;
mod sources;

use crate::{
    cli::{RollupArgs, RollupCommand},
    exit::UsageError,
};

/// Carries out the command.
pub(super) fn run(args: RollupArgs) -> anyhow::Result<()> {
    match args.command {
        None | Some(RollupCommand::Run(_)) => Err(no_node().into()),
        Some(RollupCommand::Derive(args)) => derive::run(*args),
        Some(RollupCommand::Execute(args)) => execute::run(&args),
    }
}

/// A node was asked for.
pub(super) fn no_node() -> UsageError {
    UsageError::new(
        "this version derives and executes rollup blocks and does not yet run as a node with peers: see `quintet rollup --help`",
    )
}
