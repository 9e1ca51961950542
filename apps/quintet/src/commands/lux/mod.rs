//! `quintet lux`.

mod dev;
mod engine;
mod import_python;
mod new;
mod run;
mod serving;

pub(crate) use self::{
    new::{GENESIS, NewNetwork, key_file, make},
    serving::{LuxServing, client_version},
};
use crate::{
    cli::{LuxArgs, LuxCommand},
    exit::UsageError,
};

/// Carries out the command.
pub(super) fn run(args: LuxArgs) -> anyhow::Result<()> {
    match args.command {
        None => Err(which().into()),
        Some(LuxCommand::Run(args)) => run::run(*args),
        Some(LuxCommand::New(args)) => new::run(&args),
        Some(LuxCommand::Dev(args)) => dev::run(*args),
        Some(LuxCommand::ImportPython(args)) => import_python::run(*args),
    }
}

/// A node was asked for, and nobody said of which network.
fn which() -> UsageError {
    UsageError::new(
        "say what to run: `quintet lux dev` for a chain of one, `quintet lux run --genesis FILE --data-dir DIRECTORY` for a node of a network; see `quintet lux --help`",
    )
}
