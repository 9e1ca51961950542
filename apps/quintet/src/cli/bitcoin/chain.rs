//! What can be done with a chain on disk.

use std::path::PathBuf;

use bitcoin::BlockHash;
use clap::Args;
use quintet_bitcoin_node::chain::VerifyLevel;

/// Least memory for coins, MiB; Bitcoin Core's as well.
const CACHE_MIB_MIN: u64 = 4;

/// Most memory for coins, MiB: 1 TiB.
const CACHE_MIB_MAX: u64 = 1 << 20;

/// Most threads for script checks.
const THREADS_MAX: u64 = 256;

/// Which chain, where it lies and what it may take.
#[derive(Debug, Args)]
pub(crate) struct ChainArgs {
    /// main, testnet3, testnet4, signet, regtest, or a file that describes a chain of one's own (NAME.toml).
    #[arg(long, value_name = "NETWORK", default_value = "main", help_heading = "Chain")]
    pub(crate) network: String,

    /// Where chains are kept: main in the directory itself, others in a folder named as Bitcoin Core names it.
    ///
    /// Without it $XDG_DATA_HOME/quintet/bitcoin/NETWORK, as a rule ~/.local/share/quintet/bitcoin/main.
    #[arg(long, value_name = "DIR", env = "QUINTET_DATA_DIR", help_heading = "Chain")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Memory for coins, MiB, 4 at least; the more, the seldomer the disk is asked.
    ///
    /// Without it 450, or a quarter of the memory there is if that is less.
    #[arg(
        long,
        value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(CACHE_MIB_MIN..=CACHE_MIB_MAX),
        help_heading = "Chain",
        hide_short_help = true
    )]
    pub(crate) cache: Option<u64>,

    /// Threads for script checks; else as many as there are cores.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=THREADS_MAX),
        help_heading = "Chain",
        hide_short_help = true
    )]
    pub(crate) threads: Option<u64>,

    /// A block whose ancestors' scripts are taken to be valid; 0 checks every script.
    ///
    /// Without it the block this version knows for the network, as in Bitcoin Core. Everything but scripts is checked
    /// in any case, and scripts too unless two weeks' worth of work lies above them.
    #[arg(
        long,
        value_name = "HASH",
        value_parser = assume_valid,
        help_heading = "Chain",
        hide_short_help = true
    )]
    pub(crate) assume_valid: Option<AssumeValid>,

    /// Memory for coins at which they are written out, bytes: for tests of crashes.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub(crate) coins_bytes: Option<usize>,

    /// Log level on standard error, such as info or info,quintet_bitcoin_node=debug; else warnings.
    #[arg(long, value_name = "LEVEL", env = "QUINTET_LOG_LEVEL", hide_short_help = true)]
    pub(crate) log: Option<String>,

    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Up to where scripts are taken to be valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AssumeValid(pub(crate) Option<BlockHash>);

fn assume_valid(text: &str) -> Result<AssumeValid, String> {
    if text == "0" {
        return Ok(AssumeValid(None));
    }
    text.parse()
        .map(|hash| AssumeValid(Some(hash)))
        .map_err(|_| "expected a block's hash (64 hexadecimal digits) or 0".to_owned())
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  quintet bitcoin import ~/.bitcoin/blocks               a directory of Bitcoin Core's, with its xor.dat
  quintet bitcoin import blk00000.dat blk00001.dat       these files, in this order
  quintet bitcoin import blocks --assume-valid 0         check every script from genesis
  quintet bitcoin import blocks --cache 4000 --json      more memory; a JSON object at the end
  quintet bitcoin import --reindex                       build the index and the coins anew from our own files

Blocks may lie in any order. Those that are there already are passed over, so an import that was stopped is taken up by running
it again. Ctrl-C or SIGTERM stops in order and keeps everything imported; a second one stops at once, which costs time at
the next start and nothing else.

Exit status: 0 done or stopped; 1 a block was refused, or something went wrong; 2 the command line is wrong.";

#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct ImportArgs {
    /// Block files, or the directories that hold them.
    #[arg(value_name = "FILE|DIR", required_unless_present_any = ["reindex", "reindex_chainstate"])]
    pub(crate) paths: Vec<PathBuf>,

    /// First build the index and the coins anew from the block files in the data directory.
    #[arg(long)]
    pub(crate) reindex: bool,

    /// First build the coins anew from the index and the block files in the data directory.
    #[arg(long, conflicts_with = "reindex")]
    pub(crate) reindex_chainstate: bool,

    /// Stop once the chain has this height.
    #[arg(long, value_name = "HEIGHT")]
    pub(crate) stop_at_height: Option<u32>,

    #[command(flatten)]
    pub(crate) chain: ChainArgs,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  quintet bitcoin verify                               the last 6 blocks, as thoroughly as can be
  quintet bitcoin verify --level check --blocks 0      every block against the rules that need no coins
  quintet bitcoin verify --level read --blocks 0 --store
                                                       that every byte on disk can be read and is the one written

Levels, each with those before it:
  0 read        the block is on disk, whole, and the one the index names
  1 check       it satisfies the rules that need no coins
  2 undo        what takes it back is on disk and whole
  3 disconnect  taking it back finds the coins it made
  4 connect     connecting it again succeeds, scripts included

The chain is the same afterwards. Exit status 1 if something is not as it should be.";

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// How thoroughly: 0 to 4, or read, check, undo, disconnect, connect.
    #[arg(long, value_name = "LEVEL", default_value = "connect", value_parser = level)]
    pub(crate) level: VerifyLevel,

    /// How many blocks, from the tip down; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(crate) blocks: u32,

    /// Read every record of the store as well, and compare its checksum.
    #[arg(long)]
    pub(crate) store: bool,

    #[command(flatten)]
    pub(crate) chain: ChainArgs,
}

fn level(text: &str) -> Result<VerifyLevel, String> {
    match text {
        "0" | "read" => Ok(VerifyLevel::Read),
        "1" | "check" => Ok(VerifyLevel::Check),
        "2" | "undo" => Ok(VerifyLevel::Undo),
        "3" | "disconnect" => Ok(VerifyLevel::Disconnect),
        "4" | "connect" => Ok(VerifyLevel::Connect),
        _ => Err("expected 0 to 4, or read, check, undo, disconnect, connect".to_owned()),
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quintet bitcoin info\n  quintet bitcoin info --network signet --json"
)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    pub(crate) chain: ChainArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quintet bitcoin block 170\n  quintet bitcoin block 00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee --json\n  quintet bitcoin block 0 --raw"
)]
pub(crate) struct BlockArgs {
    /// The block's hash, or its height in the chain.
    #[arg(value_name = "HASH|HEIGHT")]
    pub(crate) block: String,

    /// Print the serialised block, hexadecimal.
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,

    #[command(flatten)]
    pub(crate) chain: ChainArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  quintet bitcoin header 599\n  quintet bitcoin header 0 --raw")]
pub(crate) struct HeaderArgs {
    /// The block's hash, or its height in the chain.
    #[arg(value_name = "HASH|HEIGHT")]
    pub(crate) block: String,

    /// Print the serialised header, hexadecimal.
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,

    #[command(flatten)]
    pub(crate) chain: ChainArgs,
}
