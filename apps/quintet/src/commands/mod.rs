//! What each command does: one module each.

mod bitcoin;
mod completions;
mod config;
mod dht;
mod kaspa;
pub(crate) mod lux;
mod man;
mod openrpc;
mod rollup;

use crate::{
    cli::{Cli, Command, KINDS},
    exit::UsageError,
    up,
};

/// Carries out the command line.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Up(args) => up::run(args),
        Command::Dht(args) => dht::run(*args),
        Command::Bitcoin(args) => bitcoin::run(args),
        Command::Kaspa(args) => kaspa::run(args),
        Command::Lux(args) => lux::run(args),
        Command::Rollup(args) => rollup::run(args),
        Command::Config(args) => config::run(args.command),
        Command::Openrpc(args) => openrpc::run(&args),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { directory } => man::run(directory.as_deref()),
    }
}

/// A kind was asked for that is none.
pub(crate) fn no_such_kind(kind: &str) -> UsageError {
    let of = KINDS.join(", ");
    match kind {
        "kaspa" => UsageError::new(format!(
            "`quintet up` starts nodes of {of}, and none of {kind} yet; they run by themselves: see `quintet {kind} --help`"
        )),
        _ => UsageError::new(format!("expected a kind ({of}); found {kind:?}")),
    }
}
