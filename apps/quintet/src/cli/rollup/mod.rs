//! `quintet rollup`: nodes of OP Stack chains; deriving and executing their blocks on this machine.

mod batch;
mod derive;
mod execute;
mod new;
mod p2p;
mod run;

use clap::{Args, Subcommand};

pub(crate) use self::{
    batch::{BatchArgs, BatchLimitArgs, DataAvailabilityType},
    derive::DeriveArgs,
    execute::ExecuteArgs,
    new::NewArgs as NewRollupArgs,
    p2p::P2pArgs,
    run::RunArgs as RollupRunArgs,
};

const EXAMPLES: &str = "\
Examples:
  quintet rollup derive --chain op-mainnet --l1 https://L1 --beacon https://BEACON --from 22000000 --to 22000100 --start block.json
  quintet rollup derive --chain rollup.json --l1 http://127.0.0.1:8545 --execute --genesis genesis.json --data-dir ~/l2
  quintet rollup derive --chain op-mainnet --l1 recorded.json.gz --start block.json
  quintet rollup execute block.json.gz
  quintet rollup run --rollup.config rollup.json --genesis genesis.json --l1 http://127.0.0.1:8545";

/// Run a node of an OP Stack chain; derive and execute its blocks.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RollupArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RollupCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RollupCommand {
    /// Run a node in the foreground: a verifier, or a sequencer.
    Run(Box<RollupRunArgs>),
    /// Post a node's blocks to L1.
    Batch(Box<BatchArgs>),
    /// Make a rollup on an L1: contracts there, genesis.json and rollup.json here.
    New(Box<NewRollupArgs>),
    /// Derive the safe chain from L1, printing each block as a line of JSON.
    Derive(Box<DeriveArgs>),
    /// Execute blocks on recorded witnesses of the state before them, and compare their hashes.
    Execute(ExecuteArgs),
}
