//! `quintet kaspa`: replaying DAGs on this machine.

mod replay;

use clap::{Args, Subcommand};

use super::bitcoin::AbsentRunArgs;
pub(crate) use replay::ReplayArgs;

const EXAMPLES: &str = "\
Examples:
  quintet kaspa replay blocks.json.gz                      every block through all of consensus
  quintet kaspa replay blocks.json.gz --headers-first      headers alone, then the bodies
  quintet kaspa replay blocks.json.gz --json               a JSON object at the end

This version replays DAGs; it does not connect to peers. One command at a time works on a data directory.";

/// Replay a Kaspa DAG.
//! `quintet kaspa`: simulating and replaying blockDAGs on this machine.

mod sim;

use clap::{Args, Subcommand};

pub(crate) use self::sim::{SimArgs, SimEra};

const EXAMPLES: &str = "\
Examples:
  quintet kaspa sim                                     10 blocks a second, a delay of 2 s, 1,000 blocks
  quintet kaspa sim --bps 32 --tps 1000 --blocks 5000   a faster DAG under load
  quintet kaspa sim --sweep bps=1,2,5,10,20,50,100 --plot rates.svg
  quintet kaspa sim --out dag.json.gz                   keep the blocks, in the format of rusty-kaspa's tests

This version simulates DAGs; it does not connect to peers.";

/// Simulate a Kaspa blockDAG.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KaspaArgs {
    #[command(subcommand)]
    pub(crate) command: Option<KaspaCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KaspaCommand {
    /// Not in this version.
    #[command(hide = true)]
    Run(AbsentRunArgs),
    /// Take in the blocks of files, checking every rule.
    Replay(Box<ReplayArgs>),
    /// Simulate a network of miners and measure what its DAG looks like and costs.
    Sim(Box<SimArgs>),
}

/// Whatever follows; none of it is read.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct AbsentRunArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) rest: Vec<String>,
}
