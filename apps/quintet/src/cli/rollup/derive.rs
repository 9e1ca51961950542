//! What is derived, from which L1, and where it is kept.

use std::path::PathBuf;

use clap::Args;

const DERIVE_EXAMPLES: &str = "\
Examples:
  quintet rollup derive --chain op-mainnet --l1 https://L1 --beacon https://BEACON \\
      --start block.json --to 22000100            behind an L2 block, up to an L1 block
  quintet rollup derive --chain rollup.json --l1 http://127.0.0.1:8545 --beacon http://127.0.0.1:8545 \\
      --execute --genesis genesis.json --data-dir ~/l2 --follow
                                                  a whole chain, executed; run it again to go on
  quintet rollup derive --chain op-mainnet --l1 recorded.json.gz --start block.json | jq .transactions
                                                  from recorded L1 blocks, without any node

Each line of standard output is a JSON object; \"event\" says what it is: block (a block of the safe chain), invalid (one that cannot be, and is
replaced), reset (L1 was reorganised: blocks above \"safe\" are taken back), finalized, end. Progress goes to standard error.

Without --execute or --engine nothing is executed: block hashes are then what the batches say of their parents, or null, and a batch whose
block would be invalid is not noticed. Everything L1 nodes say is checked against hashes; that the hashes are those of the canonical L1 is
believed, or asked of --quorum nodes.

Derivation begins behind --start (an L2 block as eth_getBlockByNumber gives it, with transactions), else at genesis; with --data-dir where the last
run stopped. Ctrl-C or SIGTERM stops in order; a process that is killed loses nothing but time.

Exit status: 0 done or stopped; 1 something went wrong; 2 the command line is wrong.";

/// Most L1 blocks in flight.
const IN_FLIGHT_MAX: u64 = 256;

/// Most requests a second to one node.
const RATE_MAX: u64 = 1_000_000;

/// Most nodes that must agree.
const QUORUM_MAX: u64 = 16;

#[derive(Debug, Args)]
#[command(after_help = DERIVE_EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct DeriveArgs {
    /// The chain: a name, a rollup.json, or a TOML file of the superchain registry.
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) chain: String,

    /// L1: the address of a node, again for others to fall back to; or a file of recorded blocks.
    #[arg(long, value_name = "URL|FILE", required = true, help_heading = "L1")]
    pub(crate) l1: Vec<String>,

    /// A beacon node, for blobs; again for others to fall back to.
    #[arg(long, value_name = "URL", help_heading = "L1")]
    pub(crate) beacon: Vec<String>,

    /// The first L1 block to read; else the origin of --start, or the chain's first.
    #[arg(long, value_name = "NUMBER", help_heading = "What is derived")]
    pub(crate) from: Option<u64>,

    /// The last L1 block to read; else the newest there is when this begins.
    #[arg(long, value_name = "NUMBER", help_heading = "What is derived")]
    pub(crate) to: Option<u64>,

    /// Go on with every new L1 block, until stopped.
    #[arg(long, conflicts_with = "to", help_heading = "What is derived")]
    pub(crate) follow: bool,

    /// The L2 block to begin behind: a file with the block and its transactions.
    #[arg(long, value_name = "FILE", help_heading = "What is derived")]
    pub(crate) start: Option<PathBuf>,

    /// Print each block's transactions, not only how many there are.
    #[arg(long)]
    pub(crate) transactions: bool,

    /// Execute what is derived, in this process.
    #[arg(long, requires = "genesis", help_heading = "Execution")]
    pub(crate) execute: bool,

    /// Genesis file of the L2 chain.
    #[arg(long, value_name = "FILE", requires = "execute", help_heading = "Execution")]
    pub(crate) genesis: Option<PathBuf>,

    /// Let another execution client execute it: the address of its Engine API.
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "execute",
        requires = "jwt_secret",
        help_heading = "Execution"
    )]
    pub(crate) engine: Option<String>,

    /// File with the secret shared with that client.
    #[arg(long, value_name = "FILE", requires = "engine", help_heading = "Execution")]
    pub(crate) jwt_secret: Option<PathBuf>,

    /// Keep safe heads, and with --execute the chain, in this directory; else nothing is kept.
    #[arg(long, value_name = "DIR", env = "QUINTET_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Believe L1 nodes to give all transactions of a block: saves decoding those that are not for this chain.
    #[arg(long, help_heading = "L1", hide_short_help = true)]
    pub(crate) trust_l1: bool,

    /// L1 nodes that must agree about each block's hash.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=QUORUM_MAX),
        help_heading = "L1",
        hide_short_help = true
    )]
    pub(crate) quorum: u64,

    /// L1 blocks fetched at once.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 32,
        value_parser = clap::value_parser!(u64).range(1..=IN_FLIGHT_MAX),
        help_heading = "L1",
        hide_short_help = true
    )]
    pub(crate) in_flight: u64,

    /// Requests a second to each L1 node at most; else as many as it answers.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=RATE_MAX),
        help_heading = "L1",
        hide_short_help = true
    )]
    pub(crate) rate: Option<u64>,

    /// Blocks to stay behind L1's newest.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        help_heading = "L1",
        hide_short_help = true
    )]
    pub(crate) confirmations: u64,

    /// Milliseconds between two looks at L1's newest block.
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 4_000,
        value_parser = clap::value_parser!(u64).range(1..=3_600_000),
        help_heading = "L1",
        hide_short_help = true
    )]
    pub(crate) poll: u64,

    /// Seconds of a slot, where the beacon node does not say.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=3_600),
        help_heading = "L1",
        hide_short_help = true
    )]
    pub(crate) slot_seconds: Option<u64>,

    /// Log level on standard error, such as info or info,quintet_rollup_node=debug; else errors.
    #[arg(long, value_name = "LEVEL", env = "QUINTET_LOG_LEVEL", hide_short_help = true)]
    pub(crate) log: Option<String>,

    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
