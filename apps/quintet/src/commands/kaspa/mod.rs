//! `quintet kaspa`.

mod plot;
mod sim;

use crate::{
    cli::{KaspaArgs, KaspaCommand},
    exit::UsageError,
};

/// Carries out the command.
pub(super) fn run(args: KaspaArgs) -> anyhow::Result<()> {
    match args.command {
        None | Some(KaspaCommand::Run(_)) => Err(no_peers().into()),
        Some(KaspaCommand::Sim(args)) => sim::run(*args),
    }
}

/// A node was asked for.
pub(super) fn no_peers() -> UsageError {
    UsageError::new(
        "this version simulates Kaspa DAGs and does not yet connect to peers: see `quintet kaspa --help`",
    )
}
