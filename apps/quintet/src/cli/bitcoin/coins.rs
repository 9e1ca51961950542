//! What can be done with the coins as a whole.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ChainArgs;

/// Which hash of the set of coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UtxoHash {
    /// Does not depend on the order of the coins.
    #[value(name = "muhash")]
    MuHash,
    /// Of all coins in order: what snapshots are compared with.
    #[value(name = "hash_serialized_3")]
    Serialized,
    /// None: only count.
    #[value(name = "none")]
    None,
}

const UTXO_EXAMPLES: &str = "\
Examples:
  quintet bitcoin utxo-info
  quintet bitcoin utxo-info --hash muhash --json

The fields are those of Bitcoin Core's gettxoutsetinfo; bitcoin-cli gettxoutsetinfo muhash at the same height prints the same
hash.";

#[derive(Debug, Args)]
#[command(after_help = UTXO_EXAMPLES)]
pub(crate) struct UtxoInfoArgs {
    /// The hash to compute.
    #[arg(long, value_name = "HASH", default_value = "hash_serialized_3")]
    pub(crate) hash: UtxoHash,

    #[command(flatten)]
    pub(crate) chain: ChainArgs,
}

const SNAPSHOT_EXAMPLES: &str = "\
Examples:
  quintet bitcoin snapshot dump coins.dat              as dumptxoutset: the coins of the tip
  quintet bitcoin snapshot load coins.dat --data-dir new

Only snapshots are loaded whose block and hash this version knows, into a chain that has its header and no block but genesis
connected. What lies below them is taken on trust in that hash.";

#[derive(Debug, Args)]
#[command(after_help = SNAPSHOT_EXAMPLES)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    pub(crate) command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Write the coins of the tip to a file that must not exist, as dumptxoutset does.
    Dump(SnapshotFileArgs),
    /// Begin a chain with the coins of a file, as loadtxoutset does.
    Load(SnapshotFileArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotFileArgs {
    /// The snapshot.
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) chain: ChainArgs,
}
