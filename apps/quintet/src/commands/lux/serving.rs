//! A node of a network, served to clients: what `quintet lux run` and `quintet up` have in common.
//!
//! ```text
//!   ValidatorNode ─► HTTP and WebSocket: Ethereum's methods, lux_*; GraphQL
//! ```

use std::{net::SocketAddr, sync::Arc};

use quintet_eth_rpc::{graphql::GraphQl, look_ahead};
use quintet_lux_node::validator::{ValidatorNode, ValidatorOptions, rpc};
use quintet_rpc::{RpcHandle, RpcServer};
use tokio_util::sync::CancellationToken;

use crate::{dev_chain::GRAPHQL_PATH, listen};

/// Name and version, as clients are told.
pub(crate) fn client_version() -> String {
    format!("quintet/v{}", env!("CARGO_PKG_VERSION"))
}

/// A node that runs and answers.
#[derive(Debug)]
pub(crate) struct LuxServing {
    pub(crate) node: ValidatorNode,
    server: RpcHandle,
    stop: CancellationToken,
}

impl LuxServing {
    /// Starts a node, and serves it on an address.
    pub(crate) async fn start(
        options: ValidatorOptions,
        listen: SocketAddr,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let node = ValidatorNode::start(options, stop.clone()).await?;
        let config = listen::for_the_owner(listen);
        let graphql = GraphQl::new(Arc::clone(&node.node)).router();
        let ahead = Arc::clone(&node.node);
        let server = RpcServer::builder(config, rpc::registry())
            .ahead(move |coming| look_ahead(&ahead, coming))
            .module(rpc::module(&node)?)
            .mount(GRAPHQL_PATH, graphql)
            .start(CancellationToken::new())
            .await?;
        Ok(Self { node, server, stop })
    }

    /// Where clients are answered.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Answers what was asked, ends the step under way, and brings everything to the disk.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.server.stop().await;
        self.stop.cancel();
        Ok(self.node.stop().await?)
    }
}
