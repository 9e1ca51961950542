//! `quintet bitcoin`.
//!
//! ```text
//!   network   name or file ──► the rules
//!   open      data directory ──► lock ──► the chain
//!   run       arguments in Bitcoin Core's spelling ──► a node
//!   import · verify · info · utxo · block      work on it, beside a progress bar, until done or asked to stop
//!   decode · trace                             need no chain
//! ```

mod block;
mod decode;
mod import;
mod info;
mod network;
mod open;
mod pace;
mod run;
mod sources;
mod trace;
mod utxo;
mod verify;

use crate::{
    cli::{BitcoinArgs, BitcoinCommand},
    exit::UsageError,
};

/// Carries out the command.
pub(super) fn run(args: BitcoinArgs) -> anyhow::Result<()> {
    match args.command {
        None => Err(which().into()),
        Some(BitcoinCommand::Run(args)) => run::run(&args),
        Some(BitcoinCommand::Import(args)) => import::run(*args),
        Some(BitcoinCommand::Verify(args)) => verify::run(args),
        Some(BitcoinCommand::Info(args)) => info::run(args),
        Some(BitcoinCommand::UtxoInfo(args)) => utxo::run(args),
        Some(BitcoinCommand::Snapshot(args)) => utxo::run_snapshot(args),
        Some(BitcoinCommand::Block(args)) => block::run(args),
        Some(BitcoinCommand::Header(args)) => block::run_header(args),
        Some(BitcoinCommand::DecodeTx(args)) => decode::run(&args),
        Some(BitcoinCommand::ScriptTrace(args)) => trace::run(&args),
    }
}

/// A node was asked for.
fn which() -> UsageError {
    UsageError::new(
        "a Bitcoin node is started with `quintet bitcoin run`, in Bitcoin Core's spelling: see `quintet bitcoin --help`",
    )
}
