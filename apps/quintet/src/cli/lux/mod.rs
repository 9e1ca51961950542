//! `quintet lux`: LuxTensor on this machine.

mod dev;
mod import_python;
mod network;

use clap::{Args, Subcommand};

pub(crate) use self::{
    dev::LuxDevArgs,
    import_python::ImportPythonArgs,
    network::{LuxNewArgs, LuxRunArgs},
};

const EXAMPLES: &str = "\
Examples:
  quintet lux dev                            ten accounts with 10,000 ETH each, a block for each transaction, port 8545
  quintet lux dev --block-time 1             a block every second
  quintet lux dev --data-dir ./chain         a chain that is there the next time too
  quintet lux import-python blocks.json --began-from genesis.json --out lux.json
  quintet lux new net                        a network of four validators: its genesis and their keys
  quintet lux run --genesis net/genesis.json --validator-key net/validator-1.key --data-dir one --peers …";

/// Run a LuxTensor chain for development, or a node of a network.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LuxArgs {
    #[command(subcommand)]
    pub(crate) command: Option<LuxCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LuxCommand {
    /// Run a node of a network: a validator with a key, or one that follows.
    Run(Box<LuxRunArgs>),
    /// Make a network: a genesis file, and a key for each validator.
    New(LuxNewArgs),
    /// Run a chain of one node that mines what it is sent: Foundry's and Hardhat's tools work on it.
    Dev(Box<LuxDevArgs>),
    /// Verify a chain of the old Python node and carry its state into a genesis file.
    ImportPython(Box<ImportPythonArgs>),
}
