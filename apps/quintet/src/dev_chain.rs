//! A LuxTensor chain of one node in this process: what `quintet lux dev` and `quintet up` run.
//!
//! ```text
//!   EthChain ─► DevNode ─┬─► HTTP and WebSocket, GraphQL
//!                        └─► Miner
//! ```

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::Address;
use quintet_eth_chain::EthChain;
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::{EthRpcConfig, graphql::GraphQl, look_ahead};
use quintet_lux_node::{
    dev::{DevAccount, DevNode, DevOptions, DevParts, Miner},
    rpc,
};
use quintet_rpc::{RpcHandle, RpcServer};
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::listen;

/// Wei of an ether.
pub(crate) const ETHER: u64 = 1_000_000_000_000_000_000;

/// Where GraphQL is served.
pub(crate) const GRAPHQL_PATH: &str = "/graphql";

/// Time a block in the making has to be finished at the end.
const MINER_GRACE: Duration = Duration::from_secs(5);

/// Whether what was sent and waits is there again the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// As the chain itself.
    Stays,
    /// It goes with the process.
    Goes,
}

/// Where a chain is, for people and scripts.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChainPlaces {
    pub(crate) http: String,
    pub(crate) ws: String,
    pub(crate) graphql: String,
    pub(crate) chain_id: u64,
    pub(crate) accounts: Vec<OpenAccount>,
}

/// An account with money, whose key everybody knows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OpenAccount {
    pub(crate) address: Address,
    pub(crate) private_key: String,
}

impl From<&DevAccount> for OpenAccount {
    fn from(account: &DevAccount) -> Self {
        Self { address: account.address, private_key: account.key().to_string() }
    }
}

/// A chain that is served and mined.
#[derive(Debug)]
pub(crate) struct DevServing {
    pub(crate) dev: DevNode,
    chain: EthChain,
    server: RpcHandle,
    miner: JoinHandle<()>,
    stop: CancellationToken,
}

impl DevServing {
    /// Serves a chain on an address, and mines it.
    pub(crate) async fn start(
        chain: EthChain,
        options: DevOptions,
        listen: SocketAddr,
        lasting: Lasting,
    ) -> anyhow::Result<Self> {
        let parts = DevParts {
            chain: chain.clone(),
            options,
            rpc: EthRpcConfig::default(),
            pool: PoolConfig::default(),
            keeps_waiting: lasting == Lasting::Stays,
            client_version: format!("quintet/v{}", env!("CARGO_PKG_VERSION")),
        };
        let dev = DevNode::new(parts, Arc::new(clock))?;
        let config = listen::for_the_owner(listen);
        let stop = CancellationToken::new();
        let ahead = Arc::clone(&dev.node);
        let server = RpcServer::builder(config, rpc::registry())
            .ahead(move |coming| look_ahead(&ahead, coming))
            .module(rpc::module(&dev)?);
        let graphql = GraphQl::new(Arc::clone(&dev.node)).router();
        let server = server.mount(GRAPHQL_PATH, graphql).start(stop.clone()).await?;
        let miner = tokio::spawn(Miner::new(dev.dev.clone()).run(stop.clone()));
        Ok(Self { dev, chain, server, miner, stop })
    }

    /// Where it is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Where it is, with the accounts whose keys it has.
    pub(crate) fn places(&self) -> ChainPlaces {
        let at = self.address();
        ChainPlaces {
            http: format!("http://{at}"),
            ws: format!("ws://{at}"),
            graphql: format!("http://{at}{GRAPHQL_PATH}"),
            chain_id: self.chain.spec().chain_id(),
            accounts: self.dev.dev.accounts().iter().map(OpenAccount::from).collect(),
        }
    }

    /// What ends when the chain does.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Answers what was asked, finishes the block in the making, and brings everything to the disk.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self { chain, server, miner, stop, dev } = self;
        server.stop().await;
        stop.cancel();
        let _ended = tokio::time::timeout(MINER_GRACE, miner).await;
        chain.flush()?;
        drop(dev);
        Ok(())
    }
}

/// The time, in seconds since 1970.
pub(crate) fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
