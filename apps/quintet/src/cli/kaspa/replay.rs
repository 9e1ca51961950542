//! What is replayed, and where it is kept.

use std::path::PathBuf;

use clap::Args;
use quintet_kaspa_protocol::params::Network;

/// Least memory for coins, MiB.
const CACHE_MIB_MIN: u64 = 4;

/// Most memory for coins, MiB: 1 TiB.
const CACHE_MIB_MAX: u64 = 1 << 20;

/// Most threads for script checks.
const THREADS_MAX: u64 = 256;

const REPLAY_EXAMPLES: &str = "\
Examples:
  quintet kaspa replay blocks.json.gz                      into the data directory; run it again to go on
  quintet kaspa replay blocks.json.gz --data-dir /tmp/dag  into another one
  quintet kaspa replay blocks.json.gz --headers-first      headers alone, then the bodies
  quintet kaspa replay first.json.gz second.json.gz        files of one DAG, in this order

Files hold a block a line, as simulations of the Go and the Rust node write them, compressed or not: parameters on the first line, then the
genesis, then blocks after their parents. A DAG is kept with the parameters it was made under, and takes no blocks made under
others. Blocks that are there already are passed over, so a replay that was stopped is taken up by running it again. Ctrl-C or SIGTERM
stops in order; a second one stops at once, which costs time at the next start and nothing else.

Exit status: 0 done or stopped; 1 a block was refused, or something went wrong; 2 the command line is wrong.";

#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct ReplayArgs {
    /// Files of blocks.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The network the files must be of: mainnet, testnet-10, simnet or devnet. Without it whichever they are of.
    #[arg(long, value_name = "NETWORK", help_heading = "DAG")]
    pub(crate) network: Option<Network>,

    /// Where the DAG is kept.
    ///
    /// Without it $XDG_DATA_HOME/quintet/kaspa/NETWORK-replay, as a rule ~/.local/share/quintet/kaspa/simnet-replay.
    #[arg(long, value_name = "DIR", env = "QUINTET_DATA_DIR", help_heading = "DAG")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Take in all headers first, then the bodies.
    #[arg(long)]
    pub(crate) headers_first: bool,

    /// Memory for coins, MiB, 4 at least; the more, the seldomer the disk is asked.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 256,
        value_parser = clap::value_parser!(u64).range(CACHE_MIB_MIN..=CACHE_MIB_MAX),
        help_heading = "DAG",
        hide_short_help = true
    )]
    pub(crate) cache: u64,

    /// Threads for script checks; else as many as there are cores.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=THREADS_MAX),
        help_heading = "DAG",
        hide_short_help = true
    )]
    pub(crate) threads: Option<u64>,

    /// Memory for coins at which they are written out, bytes: for tests of crashes.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub(crate) coins_bytes: Option<usize>,

    /// Log level on standard error, such as info or info,quintet_kaspa_node=debug; else warnings.
    #[arg(long, value_name = "LEVEL", env = "QUINTET_LOG_LEVEL", hide_short_help = true)]
    pub(crate) log: Option<String>,

    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
