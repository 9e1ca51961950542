//! `quintet up`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// Nodes that fit a page and a machine.
pub(crate) const NODES_MAX: u16 = 256;

/// A record is read through a node that does not hold it: with fewer nodes than this every node
/// holds every record.
pub(crate) const NODES_MIN: u16 = 2;

const EXAMPLES: &str = "\
Examples:
  quintet up                               16 DHT nodes, 2 of Bitcoin, 2 of Kaspa, 4 LuxTensor validators, a rollup on them; open
                                           the page it prints; Ctrl-C stops
  quintet up --kinds lux                   the validators alone, with accounts and traffic
  quintet up --nodes 64 --no-traffic       more nodes, no traffic but their own
  quintet up --check                       start, prove, stop: one line a kind, status 0 or 1
  quintet up --json                        one JSON line once everything is up, for scripts";

/// Start a whole local network, with a page to watch it.
///
/// All nodes run in this process, each with its own ports on 127.0.0.1, and talk to each other as they
/// would over the internet. The first Bitcoin node answers at 127.0.0.1:18443, the first Kaspa node at
/// 127.0.0.1:17610 (Borsh) and 127.0.0.1:18610 (JSON), the first LuxTensor validator at
/// 127.0.0.1:8545, the rollup's sequencer at 127.0.0.1:8546 and, for op-node's methods, at 127.0.0.1:9545, where these
/// are free. Nothing is reachable from other machines.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpArgs {
    /// Start on free ports, wait until each kind has done its job once, print a line a kind, stop.
    ///
    /// Exit status 0 if all did within 60 seconds, else 1 with the reason.
    #[arg(long)]
    pub(crate) check: bool,

    /// Print JSON lines instead of tables.
    #[arg(long)]
    pub(crate) json: bool,

    /// Nodes of the dht, 2 to 256; of bitcoin and kaspa there are two, of lux four, of the rollup two.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(i64::from(NODES_MIN)..=i64::from(NODES_MAX))
    )]
    pub(crate) nodes: u16,

    /// Where the nodes keep their data; kept at the end.
    ///
    /// Without it, a temporary directory that is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Where the page is served; a loopback address, port 0 takes a free one.
    ///
    /// Without it 127.0.0.1:8640, or a free port where that one is taken.
    #[arg(long, value_name = "ADDR")]
    pub(crate) dashboard: Option<SocketAddr>,

    /// The kinds to start, separated by commas; a rollup brings lux along, which is its L1.
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        default_value = "dht,bitcoin,kaspa,lux,rollup"
    )]
    pub(crate) kinds: Vec<String>,

    /// Leave the network to itself: no records are put and looked up, no transactions sent.
    #[arg(long)]
    pub(crate) no_traffic: bool,

    /// Log level, for the terminal and the page, such as info or info,quintet_dht_node=debug.
    ///
    /// Without it, the page shows info and the terminal warnings.
    #[arg(long, value_name = "LEVEL", env = "QUINTET_LOG_LEVEL")]
    pub(crate) log: Option<String>,
}
