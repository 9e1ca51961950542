//! `quintet kaspa run`: kaspad's flags where they mean the same.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use quintet_kaspa_node::{
    p2p::{INBOUND_MAX, OUTBOUND},
    rpc::GRPC_CLIENTS_MAX,
};

const RUN_EXAMPLES: &str = "\
Examples:
  quintet kaspa run --devnet --utxoindex --rpclisten-borsh --rpclisten-json --mine kaspadev:q…   a network of one
  quintet kaspa run --simnet --mine kaspasim:q… --mine-rate 10                                    ten blocks a second
  quintet kaspa run --simnet --listen 127.0.0.1 --utxoindex                                       takes connections of peers
  quintet kaspa run --testnet --utxoindex --appdir /data/kaspa --addpeer 192.0.2.7                   follows a peer

Flags that kaspad has mean here what they mean there. Addresses may be a port, an IP address, or both; without --listen no connections of
peers are taken, and there are no seeders: the first peers are named with --addpeer or --connect. gRPC is served unless --nogrpc is given;
--rpclisten, --rpclisten-borsh and --rpclisten-json without an address listen on 127.0.0.1 and the network's port. Ctrl-C or SIGTERM stops in order.";

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct KaspaRunArgs {
    /// The test network with --netsuffix, 10.
    #[arg(long, group = "network", help_heading = "Network")]
    pub(crate) testnet: bool,

    /// Which test network.
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Network")]
    pub(crate) netsuffix: u32,

    /// A network for simulations: proof of work is not checked.
    #[arg(long, group = "network", help_heading = "Network")]
    pub(crate) simnet: bool,

    /// A network for development.
    #[arg(long, group = "network", help_heading = "Network")]
    pub(crate) devnet: bool,

    /// Change the network's parameters: JSON with the reference's names; not of the main network.
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(crate) override_params_file: Option<PathBuf>,

    /// Where data are kept, in a folder for each network.
    #[arg(
        long,
        short = 'b',
        visible_alias = "data-dir",
        value_name = "DIR",
        env = "QUINTET_DATA_DIR",
        help_heading = "Data"
    )]
    pub(crate) appdir: Option<PathBuf>,

    /// Find unspent outputs by address.
    #[arg(long, help_heading = "Data")]
    pub(crate) utxoindex: bool,

    /// Keep everything.
    #[arg(long, help_heading = "Data")]
    pub(crate) archival: bool,

    /// Scale memory down.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, help_heading = "Data")]
    pub(crate) ram_scale: f64,

    /// Threads for script checks; else as many as there are cores.
    #[arg(long, visible_alias = "async-threads", value_name = "N", help_heading = "Data")]
    pub(crate) threads: Option<usize>,

    /// Take connections of peers; by default on every address of this machine and the network's port.
    #[arg(long, value_name = "IP[:PORT]", num_args = 0..=1, default_missing_value = "public", help_heading = "Peers")]
    pub(crate) listen: Option<String>,

    /// Be connected to this peer and to no others; may be given often.
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Peers")]
    pub(crate) connect: Vec<String>,

    /// Be connected to this peer besides others; may be given often.
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Peers")]
    pub(crate) addpeer: Vec<String>,

    /// Connections to open to peers that were heard of.
    #[arg(long, visible_alias = "outbound-target", value_name = "N", default_value_t = OUTBOUND, help_heading = "Peers")]
    pub(crate) outpeers: usize,

    /// Connections of peers to take.
    #[arg(long, visible_alias = "inbound-limit", value_name = "N", default_value_t = INBOUND_MAX, help_heading = "Peers")]
    pub(crate) maxinpeers: usize,

    /// The address that peers are told to reach this node at.
    #[arg(long, value_name = "IP[:PORT]", help_heading = "Peers")]
    pub(crate) externalip: Option<String>,

    /// Say this of the node to peers, in brackets; may be given often.
    #[arg(long, value_name = "TEXT", help_heading = "Peers")]
    pub(crate) uacomment: Vec<String>,

    /// Serve gRPC clients here; else on 127.0.0.1 and the network's port.
    #[arg(long, value_name = "IP[:PORT]", num_args = 0..=1, default_missing_value = "default", help_heading = "Clients")]
    pub(crate) rpclisten: Option<String>,

    /// Serve no gRPC clients.
    #[arg(long, conflicts_with = "rpclisten", help_heading = "Clients")]
    pub(crate) nogrpc: bool,

    /// gRPC clients to serve at a time.
    #[arg(long, value_name = "N", default_value_t = GRPC_CLIENTS_MAX, help_heading = "Clients")]
    pub(crate) rpcmaxclients: usize,

    /// Serve wRPC clients that speak Borsh.
    #[arg(long, value_name = "IP[:PORT]", num_args = 0..=1, default_missing_value = "default", help_heading = "Clients")]
    pub(crate) rpclisten_borsh: Option<String>,

    /// Serve wRPC clients that speak JSON.
    #[arg(long, value_name = "IP[:PORT]", num_args = 0..=1, default_missing_value = "default", help_heading = "Clients")]
    pub(crate) rpclisten_json: Option<String>,

    /// Answer calls that change the node.
    #[arg(long, help_heading = "Clients")]
    pub(crate) unsaferpc: bool,

    /// Make and take blocks while the node is not synced; always so on simnet and devnet.
    #[arg(long, help_heading = "Mining")]
    pub(crate) enable_unsynced_mining: bool,

    /// Make blocks for the main network.
    #[arg(long, help_heading = "Mining")]
    pub(crate) enable_mainnet_mining: bool,

    /// Mine on this machine's processor for this address: on simnet and devnet.
    #[arg(long, value_name = "ADDRESS", help_heading = "Mining")]
    pub(crate) mine: Option<String>,

    /// Blocks a second to mine on average; else as fast as it goes.
    #[arg(long, value_name = "RATE", requires = "mine", help_heading = "Mining")]
    pub(crate) mine_rate: Option<f64>,

    /// Log level on standard error, such as info or info,quintet_kaspa_node=debug; else warnings.
    #[arg(
        long,
        visible_alias = "log",
        short = 'd',
        value_name = "LEVEL",
        env = "QUINTET_LOG_LEVEL"
    )]
    pub(crate) loglevel: Option<String>,

    /// Print endpoints as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl KaspaRunArgs {
    /// Reads where to listen: a port, an IP address, both, or the default.
    pub(crate) fn listen(text: &str, port: u16) -> Option<SocketAddr> {
        let local = std::net::Ipv4Addr::LOCALHOST.into();
        if matches!(text, "default" | "public") {
            let ip = if text == "public" { std::net::Ipv4Addr::UNSPECIFIED.into() } else { local };
            return Some(SocketAddr::new(ip, port));
        }
        let bare = || text.parse().ok().map(|ip| SocketAddr::new(ip, port));
        let only_port = || text.parse().ok().map(|port| SocketAddr::new(local, port));
        text.parse().ok().or_else(bare).or_else(only_port)
    }
}
