//! `quintet kaspa`: a node, and replaying and simulating blockDAGs on this machine.

mod replay;
mod run;
mod sim;

use clap::{Args, Subcommand};

pub(crate) use self::{
    replay::ReplayArgs,
    run::KaspaRunArgs,
    sim::{SimArgs, SimEra},
};

const EXAMPLES: &str = "\
Examples:
  quintet kaspa run --devnet --utxoindex --rpclisten-borsh --mine kaspadev:q…
  quintet kaspa sim                                     10 blocks a second, a delay of 2 s, 1,000 blocks
  quintet kaspa sim --bps 32 --tps 1000 --blocks 5000   a faster DAG under load
  quintet kaspa sim --sweep bps=1,2,5,10,20,50,100 --plot rates.svg
  quintet kaspa sim --out dag.json.gz                   keep the blocks, in the format of rusty-kaspa's tests
  quintet kaspa replay dag.json.gz                      every block through all of consensus, onto the disk
  quintet kaspa replay dag.json.gz --headers-first      headers alone, then the bodies

A node of this version serves clients and mines; it does not connect to peers. One command at a time works on a data directory.";

/// Run a Kaspa node; simulate and replay a blockDAG.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KaspaArgs {
    #[command(subcommand)]
    pub(crate) command: Option<KaspaCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KaspaCommand {
    /// Run a node in the foreground.
    Run(Box<KaspaRunArgs>),
    /// Take in the blocks of files, checking every rule.
    Replay(Box<ReplayArgs>),
    /// Simulate a network of miners and measure what its DAG looks like and costs.
    Sim(Box<SimArgs>),
}
