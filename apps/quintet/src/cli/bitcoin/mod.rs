//! `quintet bitcoin`: importing, verifying and inspecting a chain on this machine.

mod chain;
mod coins;
mod tools;

use clap::{Args, Subcommand};

pub(crate) use self::{
    chain::{BlockArgs, ChainArgs, HeaderArgs, ImportArgs, InfoArgs, VerifyArgs},
    coins::{SnapshotArgs, SnapshotCommand, SnapshotFileArgs, UtxoHash, UtxoInfoArgs},
    tools::{DecodeTxArgs, ScriptTraceArgs},
};

const EXAMPLES: &str = "\
Examples:
  quintet bitcoin import ~/.bitcoin/blocks     take over the block files of Bitcoin Core, checking every rule
  quintet bitcoin info                         how far the chain is, and what it takes on disk
  quintet bitcoin verify --blocks 100          take the last 100 blocks back and connect them again
  quintet bitcoin utxo-info                    count the coins, as gettxoutsetinfo does
  quintet bitcoin block 170 --json             one block, as getblock prints it
  quintet bitcoin import blocks --network testnet4

This version imports, verifies and inspects chains; it does not connect to peers. One command at a time works on a data
directory.";

/// Import, verify and inspect a Bitcoin chain.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BitcoinArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BitcoinCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BitcoinCommand {
    /// Not in this version.
    #[command(hide = true)]
    Run(AbsentRunArgs),
    /// Import block files as Bitcoin Core writes them, checking every rule.
    Import(Box<ImportArgs>),
    /// Verify the last blocks on disk, and the store beneath them.
    Verify(VerifyArgs),
    /// Show how far the chain is and what it takes on disk.
    Info(InfoArgs),
    /// Count the unspent outputs and hash them, as gettxoutsetinfo does.
    UtxoInfo(UtxoInfoArgs),
    /// Write the unspent outputs to a file, or begin a chain with those of one.
    Snapshot(SnapshotArgs),
    /// Show a block.
    Block(BlockArgs),
    /// Show a header.
    Header(HeaderArgs),
    /// Show what a serialised transaction says, as decoderawtransaction does.
    DecodeTx(DecodeTxArgs),
    /// Run the scripts of one input and show every step with its stack.
    ScriptTrace(ScriptTraceArgs),
}

/// Whatever follows; none of it is read.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct AbsentRunArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) rest: Vec<String>,
}
