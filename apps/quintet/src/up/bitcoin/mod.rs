//! The Bitcoin nodes of a local network: two on regtest, each other's peers, with Bitcoin Core's RPC for everybody's tools.
//!
//! ```text
//!   traffic ──payments, blocks──► bitcoin-00 ◄──P2P──► bitcoin-01 ◄── blocks ── traffic
//!                                     │                    │
//!                                     └────── RPC ─────────┴──► wallets, scripts, bitcoin-cli; feed ──► Publisher ──► pages
//! ```

mod check;
mod feed;
mod purse;
mod traffic;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use quintet_bitcoin_node::{
    node::{BitcoinNode, NodeOptions},
    peers::NodeAddress,
    rpc::BitcoinRpc,
};
use quintet_bitcoin_protocol::network::Params;
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};
use quintet_rpc::{
    AuthConfig, Identity, Peer, RpcHandle,
    lenient::{Calls as _, Fault},
};
use serde::Serialize;
use serde_json::Value;

pub(super) use self::{check::prove, feed::run as feed, traffic::run as traffic};
use crate::{
    bitcoin_rpc,
    listen::{loopback, usual_or_free},
    stop::stop_all,
};

/// Nodes of the network.
const NODES: usize = 2;

/// Port of RPC on regtest that tools expect; a free one is taken where it is not free.
const RPC_PORT: u16 = 18_443;

/// Port of peers on regtest, where an address names none.
const P2P_PORT: u16 = 18_444;

/// Memory of each node for coins, for the engine of its store and for scripts known to pass, bytes: a chain to play with has few.
const COINS_BYTES: usize = 1 << 20;
const STORE_BYTES: usize = 512 << 10;
const VERIFIED_BYTES: usize = 512 << 10;

/// One node of the network.
#[derive(Debug, Clone)]
pub(super) struct LocalBitcoin {
    name: Arc<str>,
    rpc: BitcoinRpc,
    peers: SocketAddr,
    served: SocketAddr,
    cookie: PathBuf,
}

/// The nodes; those running are handed to whoever waits for the end.
#[derive(Debug, Default)]
pub(super) struct BitcoinNodes {
    pub(super) nodes: Vec<LocalBitcoin>,
    pub(super) running: Vec<RunningNode>,
    servers: Vec<RpcHandle>,
}

/// Where one is, for people and scripts.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BitcoinPlace {
    pub(super) name: String,
    pub(super) p2p: String,
    pub(super) rpc: String,
    pub(super) cookie: PathBuf,
}

/// Where the nodes are, and whose key their blocks pay.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BitcoinPlaces {
    pub(super) nodes: Vec<BitcoinPlace>,
    pub(super) address: String,
    pub(super) private_key: String,
}

impl BitcoinNodes {
    /// Starts the nodes below `home`, the first with its RPC at the port tools expect if `usual` and it is free.
    ///
    /// # Errors
    ///
    /// If one does not start; those before it are stopped by then.
    pub(super) async fn start(home: &Path, usual: bool, health: &Health) -> anyhow::Result<Self> {
        let mut started = Self::default();
        for index in 0..NODES {
            let name = format!("bitcoin-{index:02}");
            if let Err(error) = started.add(&name, home, usual && index == 0, health).await {
                started.stop().await;
                return Err(error.context(format!("{name} does not start")));
            }
        }
        Ok(started)
    }

    async fn add(
        &mut self,
        name: &str,
        home: &Path,
        usual: bool,
        health: &Health,
    ) -> anyhow::Result<()> {
        let data_dir = DataDir::open(home.join(name))?;
        let folder = data_dir.path().to_owned();
        let blocks = folder.join("blocks");
        std::fs::create_dir_all(&blocks)
            .with_context(|| format!("cannot create {}", blocks.display()))?;
        let mut options = NodeOptions::new(Params::regtest(), blocks, rand::random());
        options.state_directory.clone_from(&folder);
        options.listen = vec![loopback(0)];
        let known = |node: &LocalBitcoin| NodeAddress::new(&node.peers.to_string(), P2P_PORT);
        options.peers = self.nodes.iter().map(known).collect();
        options.chain.coins_bytes = COINS_BYTES;
        options.chain.store_bytes = STORE_BYTES;
        options.chain.verified_bytes = VERIFIED_BYTES;
        let ctx = NodeContext::new(name, data_dir, health);
        let node = BitcoinNode::start(options).await?;
        let peers = *node.addresses().first().context("it listens nowhere")?;
        // `stop` of RPC is for a node on its own: here whoever started the network ends it.
        let rpc = BitcoinRpc::new(node.kernel().clone(), ctx.shutdown.clone());
        self.running.push(RunningNode::supervise(ctx, Vec::new(), node.into_supervisor()));
        let cookie = folder.join(".cookie");
        let auth = AuthConfig { cookie_file: Some(cookie.clone()), ..AuthConfig::default() };
        let listen = usual_or_free(RPC_PORT, usual);
        let server = bitcoin_rpc::serve(rpc.clone(), listen, auth).await?;
        let served = server.local_addr();
        self.servers.push(server);
        self.nodes.push(LocalBitcoin { name: name.into(), rpc, peers, served, cookie });
        Ok(())
    }

    /// Where they are.
    ///
    /// # Errors
    ///
    /// If the key of their blocks is none.
    pub(super) fn places(&self) -> anyhow::Result<BitcoinPlaces> {
        let place = |node: &LocalBitcoin| BitcoinPlace {
            name: node.name.to_string(),
            p2p: node.peers.to_string(),
            rpc: format!("http://{}", node.served),
            cookie: node.cookie.clone(),
        };
        let purse = purse::Purse::new()?;
        Ok(BitcoinPlaces {
            nodes: self.nodes.iter().map(place).collect(),
            address: purse.address().to_string(),
            private_key: purse.private_key(),
        })
    }

    /// Stops serving; the nodes that run are somebody else's to stop.
    pub(super) async fn end_servers(&mut self) {
        for server in self.servers.drain(..) {
            server.stop().await;
        }
    }

    /// Stops everything, last started first.
    pub(super) async fn stop(&mut self) {
        self.end_servers().await;
        stop_all(&mut self.running).await;
    }
}

impl LocalBitcoin {
    /// Calls a method as a client would.
    async fn call(&self, method: &str, params: Value) -> Result<Value, Fault> {
        let peer = Peer { addr: self.served, identity: Identity::Anonymous };
        self.rpc.call(method.to_owned(), params, peer).await
    }
}
