//! `quintet dht`: running a node, and asking one that runs.

mod client;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(crate) use self::client::{
    AnnounceArgs, ConnectionArgs, GetArgs, KeygenArgs, LookupArgs, PeersArgs, PingArgs, PutArgs,
    StatusArgs, TableArgs, UnpublishArgs,
};
use crate::settings::{ConfigArgs, KeyFlags};

const EXAMPLES: &str = "\
Examples:
  quintet dht --bootstrap router.example.org:6881
  quintet dht --listen 127.0.0.1:0 --rpc-listen 127.0.0.1:0 --allow-local --bootstrap= --json
  quintet dht put 'hello'                  store a text; prints its key
  quintet dht get KEY                      read it, through this node or any other
  quintet dht keygen me.key                a key for records that can be changed
  quintet dht put --mutable --key-file me.key 'version 2'
  quintet dht table                        who this node knows

The commands find the node of this machine by its data directory (--data-dir), or ask the one at --rpc.
`quintet dht -h` shows the options people use first, `quintet dht --help` all of them.";

/// Run a DHT node in the foreground, or ask one that runs.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct DhtArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DhtCommand>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DhtCommand {
    /// Run a node in the foreground; the same as `quintet dht` alone.
    Run(Box<RunArgs>),
    /// Store a record at the nodes closest to its key.
    Put(PutArgs),
    /// Read a record.
    Get(GetArgs),
    /// Ask a node whether it is there.
    Ping(PingArgs),
    /// Find the nodes closest to a key.
    Lookup(LookupArgs),
    /// Show the routing table.
    Table(TableArgs),
    /// Announce a peer for an info-hash.
    Announce(AnnounceArgs),
    /// Find the peers of an info-hash.
    Peers(PeersArgs),
    /// Keep a record published no longer; it expires by itself.
    Unpublish(UnpublishArgs),
    /// Show how the node fares.
    Status(StatusArgs),
    /// Make a key for records that can be changed.
    Keygen(KeygenArgs),
}

/// How to run one node. Port 0 takes a free port everywhere.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where the node keeps its data; one node at a time.
    ///
    /// Without it $XDG_DATA_HOME/quintet/dht/main, as a rule ~/.local/share/quintet/dht/main.
    #[arg(long, value_name = "DIR", env = "QUINTET_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Print one JSON line on standard output once the node is up.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) flags: KeyFlags,
}
