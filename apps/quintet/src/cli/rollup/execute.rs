//! Which blocks are executed.

use std::path::PathBuf;

use clap::Args;

/// Most threads for a block.
const THREADS_MAX: u64 = 256;

/// Most times a block is executed.
const REPEAT_MAX: u64 = 1_000_000;

const EXECUTE_EXAMPLES: &str = "\
Examples:
  quintet rollup execute block.json.gz                 once, on one thread
  quintet rollup execute exec/*.json.gz --json         a line of JSON for each
  quintet rollup execute block.json.gz --repeat 20     the best time of twenty

A file holds the chain's configuration, the header before the block, the attributes it is built from, its hash, and the trie nodes, code and
headers its execution needs: { \"fixture\": { \"rollup_config\", \"parent_header\", \"executing_payload\", \"expected_block_hash\" },
\"preimages\": [ … ] }, plain or packed with gzip. Whatever is not among the preimages does not exist.

Exit status: 0 every hash came out; 1 one did not, or something went wrong; 2 the command line is wrong.";

#[derive(Debug, Args)]
#[command(after_help = EXECUTE_EXAMPLES)]
pub(crate) struct ExecuteArgs {
    /// Files of one block each.
    #[arg(value_name = "FIXTURE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Threads for the transactions of a block.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=THREADS_MAX)
    )]
    pub(crate) threads: u64,

    /// Execute each block so often, and tell the best time.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=REPEAT_MAX)
    )]
    pub(crate) repeat: u64,

    /// Print a line of JSON for each block.
    #[arg(long)]
    pub(crate) json: bool,
}
