//! `quintet lux import-python`: a chain of the old Python node, as a genesis file.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

const EXAMPLES: &str = "\
Examples:
  quintet lux import-python blocks.json --began-from genesis.json --out lux.json
  quintet lux import-python blocks-1.json blocks-2.json --state state.json --out lux.json
  quintet lux import-python blocks.json --state state.json --leave-behind --json --out lux.json
  quintet lux dev --genesis lux.json --data-dir ./chain

How to write blocks and a state out of a Python node is told in docs/operations/lux.md.";

/// What `quintet lux import-python` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("books").required(true).args(["began_from", "state"])))]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line, each on its own")]
pub(crate) struct ImportPythonArgs {
    /// Files of blocks, from the first block to the last, in this order: JSON objects one after the other, or lists of them.
    #[arg(required = true, value_name = "BLOCKS")]
    pub(crate) blocks: Vec<PathBuf>,

    /// The file the Python node's chain began from (its genesis.json): the state is replayed from there and compared with every block.
    #[arg(long, value_name = "FILE")]
    pub(crate) began_from: Option<PathBuf>,

    /// The Python node's state after the last block: it must have the root that block names.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// Where the genesis file goes.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,

    /// Number that transactions of the new chain sign; without it the old chain's.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) chain_id: Option<u64>,

    /// List what cannot be carried and leave it behind, in place of stopping at it.
    #[arg(long)]
    pub(crate) leave_behind: bool,

    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// Tell what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
