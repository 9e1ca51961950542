//! How a node joins others.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use alloy_primitives::Address;
use clap::Args;
use quintet_rollup_node::p2p::{Multiaddr, PORT};

#[derive(Debug, Args)]
pub(crate) struct P2pArgs {
    /// Stay alone: no gossip, blocks come from L1 only.
    #[arg(long = "p2p.disable", env = "OP_NODE_P2P_DISABLE", help_heading = "Peers")]
    pub(crate) disable: bool,

    /// Address to listen on for peers.
    #[arg(
        long = "p2p.listen.ip",
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        env = "OP_NODE_P2P_LISTEN_IP",
        help_heading = "Peers"
    )]
    pub(crate) listen_ip: IpAddr,

    /// Port to listen on for peers; 0 takes one that is free.
    #[arg(
        long = "p2p.listen.tcp",
        value_name = "PORT",
        default_value_t = PORT,
        env = "OP_NODE_P2P_LISTEN_TCP_PORT",
        help_heading = "Peers"
    )]
    pub(crate) listen_tcp: u16,

    /// A node to be connected to, such as /ip4/192.0.2.1/tcp/9222/p2p/16Uiu2…; again for others.
    #[arg(
        long = "p2p.static",
        value_name = "MULTIADDR",
        env = "OP_NODE_P2P_STATIC",
        value_delimiter = ',',
        help_heading = "Peers"
    )]
    pub(crate) peers: Vec<Multiaddr>,

    /// File with the key of the node's name among peers, made if it is not there; else p2p.key in the data directory.
    #[arg(
        long = "p2p.priv.path",
        value_name = "FILE",
        env = "OP_NODE_P2P_PRIV_PATH",
        help_heading = "Peers"
    )]
    pub(crate) priv_path: Option<PathBuf>,

    /// Sign blocks with this key and tell them to peers: hexadecimal digits, or a file with them.
    #[arg(
        long = "p2p.sequencer.key",
        value_name = "KEY|FILE",
        requires = "sequencer_enabled",
        env = "OP_NODE_P2P_SEQUENCER_KEY",
        hide_env_values = true,
        help_heading = "Peers"
    )]
    pub(crate) sequencer_key: Option<String>,

    /// Believe blocks that this account signed, rather than the one that L1's system configuration names.
    #[arg(long = "p2p.unsafe.block.signer", value_name = "ADDRESS", help_heading = "Peers")]
    pub(crate) unsafe_block_signer: Option<Address>,
}

impl P2pArgs {
    /// Returns where to listen.
    pub(crate) const fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.listen_ip, self.listen_tcp)
    }
}
