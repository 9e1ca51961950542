//! `quintet bitcoin`: a node, and importing, verifying and inspecting a chain on this machine.

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
  quintet bitcoin run -regtest -datadir=/tmp/b  a node, with Bitcoin Core's arguments and RPC
  quintet bitcoin import ~/.bitcoin/blocks     take over the block files of Bitcoin Core, checking every rule
  quintet bitcoin info                         how far the chain is, and what it takes on disk
  quintet bitcoin verify --blocks 100          take the last 100 blocks back and connect them again
  quintet bitcoin utxo-info                    count the coins, as gettxoutsetinfo does
  quintet bitcoin block 170 --json             one block, as getblock prints it
  quintet bitcoin import blocks --network testnet4

One command at a time works on a data directory.";

/// Run a Bitcoin node; import, verify and inspect a chain.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BitcoinArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BitcoinCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BitcoinCommand {
    /// Run a node in the foreground, with Bitcoin Core's arguments: -regtest, -datadir=DIR, -connect=HOST, …
    Run(BitcoinRunArgs),
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

/// Arguments in Bitcoin Core's spelling, which are not clap's.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct BitcoinRunArgs {
    /// -name=value, -name or -noname; see `quintet bitcoin run -help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

/// Whatever follows; none of it is read: of the kinds that have no node yet.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct AbsentRunArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) rest: Vec<String>,
}
