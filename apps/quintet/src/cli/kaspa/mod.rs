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
}
