//! The node as a kind among others.

use futures_util::future::BoxFuture;
use quintet_node::lifecycle::{Endpoint, NodeContext, NodeError, NodeKind, RunningNode};

use super::{KaspaNode, NodeOptions};
use crate::p2p::Network;

/// The kind's name.
const NAME: &str = "kaspa";

/// A Kaspa node, configured and ready to start. Its data lie in the context's directory.
#[derive(Debug)]
pub struct KaspaKind {
    options: NodeOptions,
}

impl KaspaKind {
    /// Makes a node with these options.
    #[must_use]
    pub const fn new(options: NodeOptions) -> Self {
        Self { options }
    }
}

impl NodeKind for KaspaKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(
        self: Box<Self>,
        ctx: NodeContext,
    ) -> BoxFuture<'static, Result<RunningNode, NodeError>> {
        Box::pin(async move {
            let node = KaspaNode::start(self.options, ctx.shutdown.clone()).await;
            let node = node.map_err(|error| NodeError::start(NAME, error))?;
            let (borsh, json) = node.addresses();
            let mut endpoints = Vec::new();
            let url = |address| format!("ws://{address}");
            let met_at = node.network().and_then(Network::local_address);
            endpoints.extend(met_at.map(|at| Endpoint::new("p2p", at)));
            endpoints.extend(
                node.grpc_address().map(|at| Endpoint::new("grpc", format!("grpc://{at}"))),
            );
            endpoints.extend(borsh.map(|at| Endpoint::new("wrpc-borsh", url(at))));
            endpoints.extend(json.map(|at| Endpoint::new("wrpc-json", url(at))));
            Ok(RunningNode::supervise(ctx, endpoints, node.into_supervisor()))
        })
    }
}
