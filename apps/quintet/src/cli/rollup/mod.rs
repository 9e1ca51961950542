//! `quintet rollup`: deriving and executing the blocks of OP Stack chains on this machine.

mod derive;
mod execute;

use clap::{Args, Subcommand};

pub(crate) use self::{derive::DeriveArgs, execute::ExecuteArgs};
use super::bitcoin::AbsentRunArgs;

const EXAMPLES: &str = "\
Examples:
  quintet rollup derive --chain op-mainnet --l1 https://L1 --beacon https://BEACON --from 22000000 --to 22000100 --start block.json
  quintet rollup derive --chain rollup.json --l1 http://127.0.0.1:8545 --execute --genesis genesis.json --data-dir ~/l2
  quintet rollup derive --chain op-mainnet --l1 recorded.json.gz --start block.json
  quintet rollup execute block.json.gz

This version derives and executes; it has no gossip, no sequencer and no RPC of its own.";

/// Derive and execute the blocks of an OP Stack chain.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RollupArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RollupCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RollupCommand {
    /// Not in this version.
    #[command(hide = true)]
    Run(AbsentRunArgs),
    /// Derive the safe chain from L1, printing each block as a line of JSON.
    Derive(Box<DeriveArgs>),
    /// Execute blocks on recorded witnesses of the state before them, and compare their hashes.
    Execute(ExecuteArgs),
}
