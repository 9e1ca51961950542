//! `quintet lux`.

mod dev;
mod engine;
mod import_python;

use crate::{
    cli::{LuxArgs, LuxCommand},
    exit::UsageError,
};

/// Carries out the command.
pub(super) fn run(args: LuxArgs) -> anyhow::Result<()> {
    match args.command {
        None | Some(LuxCommand::Run(_)) => Err(no_peers().into()),
        Some(LuxCommand::Dev(args)) => dev::run(*args),
        Some(LuxCommand::ImportPython(args)) => import_python::run(*args),
    }
}

/// A node was asked for.
pub(super) fn no_peers() -> UsageError {
    UsageError::new(
        "this version runs LuxTensor chains for development and does not yet connect to peers: see `quintet lux --help`",
    )
}
