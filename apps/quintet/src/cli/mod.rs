//! The command line: what can be said. What it does is in [`crate::commands`].

mod bitcoin;
mod config;
mod dht;
mod kaspa;
mod kinds;
mod lux;
mod openrpc;
mod rollup;
mod up;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::{
    bitcoin::{
        BitcoinArgs, BitcoinCommand, BitcoinRunArgs, BlockArgs, ChainArgs, DecodeTxArgs,
        HeaderArgs, ImportArgs, InfoArgs, ScriptTraceArgs, SnapshotArgs, SnapshotCommand,
        SnapshotFileArgs, UtxoHash, UtxoInfoArgs, VerifyArgs,
    },
    config::{ConfigArgs, ConfigCommand, SourceArgs},
    dht::{
        AnnounceArgs, ConnectionArgs, DhtArgs, DhtCommand, GetArgs, KeygenArgs, LookupArgs,
        PeersArgs, PingArgs, PutArgs, RunArgs, StatusArgs, TableArgs, UnpublishArgs,
    },
    kaspa::{KaspaArgs, KaspaCommand, KaspaRunArgs, ReplayArgs, SimArgs, SimEra},
    kinds::KINDS,
    lux::{ImportPythonArgs, LuxArgs, LuxCommand, LuxDevArgs, LuxNewArgs, LuxRunArgs},
    openrpc::{Api, OpenRpcArgs},
    rollup::{
        BatchArgs, BatchLimitArgs, DataAvailabilityType, DeriveArgs, ExecuteArgs, NewRollupArgs,
        RollupArgs, RollupCommand, RollupRunArgs,
    },
    up::UpArgs,
};

const EXAMPLES: &str = "\
Examples:
  quintet up                               a local network of 16 DHT nodes, with a page to watch it
  quintet up --check                       start it, let it prove itself, stop; status 0 if all is well
  quintet dht --bootstrap HOST:6881        one node, in the foreground
  quintet dht put 'hello'                  store a text through the node on this machine
  quintet bitcoin import ~/.bitcoin/blocks take over a Bitcoin chain, checking every rule
  quintet kaspa replay blocks.json.gz      take in a simulated Kaspa DAG, checking every rule
  quintet kaspa sim --bps 10 --tps 1000    a simulated network of miners, through the whole of consensus
  quintet lux dev                          an EVM chain for development on port 8545, ten funded accounts
  quintet rollup derive --chain op-mainnet --l1 URL …   the blocks of an OP Stack chain out of its L1
  quintet config show --origin             what is in effect, and where each value was set

Exit status: 0 done; 1 something went wrong; 2 the command line or the configuration is wrong.";

/// Nodes for several kinds of peer-to-peer network in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "quintet",
    version,
    about,
    after_help = EXAMPLES,
    max_term_width = 110,
    arg_required_else_help = true,
    subcommand_required = true,
    propagate_version = false
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a whole local network, with a page to watch it.
    Up(UpArgs),
    /// Run a DHT node, or ask one that runs.
    Dht(Box<DhtArgs>),
    /// Run a Bitcoin node; import, verify and inspect a chain.
    Bitcoin(BitcoinArgs),
    /// Simulate and replay a Kaspa blockDAG.
    Kaspa(KaspaArgs),
    /// Run a LuxTensor chain for development.
    Lux(LuxArgs),
    /// Derive and execute the blocks of an OP Stack chain.
    Rollup(RollupArgs),
    /// Show, check and start a configuration.
    Config(ConfigArgs),
    /// Print the methods that nodes answer, as an OpenRPC document or for people.
    Openrpc(OpenRpcArgs),
    /// Print completions for a shell.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write one page a command into a directory.
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Directory for the pages; it is created if need be.
        directory: Option<PathBuf>,
    },
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  quintet completions bash > ~/.local/share/bash-completion/completions/quintet
  quintet completions zsh > ~/.zfunc/_quintet
  quintet completions fish > ~/.config/fish/completions/quintet.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  quintet man | man -l -
  quintet man ~/.local/share/man/man1";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
