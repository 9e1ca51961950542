//! The node as a whole: execution layer, derivation, and what is asked for beside them, under one supervisor.
//!
//! ```text
//!            ┌── l1_heads ──────────┐                        ┌── rpc (optimism_*, admin_*)
//!   L1 ◄─────┼── derivation ────────┼──► Status ◄────────────┼── sequencer ──► p2p: told to peers
//!            └── sequencer's origins┘      ▲                 │
//!                     │                    │ heads           └── eth rpc (eth_*, pool)
//!                     ▼                                              │
//!    p2p ──────► EngineClient ──► engine's thread ──► Embedded ◄─────┘ reads
//! ```
//!
//! What starts later ends earlier, so that each finds what it relies on until its own end.
//!
//! # Invariants
//!
//! - Everybody who writes blocks does so through the engine's queue; everybody who reads them reads the chain beside it.
//! - The safe head is what derivation says, the unsafe head what the execution layer has; nobody keeps another copy.
//!
//! **Spec:** op-node's `node.OpNode`; ethereum-optimism/design-docs, `protocol/kona-node-arch.md`.

mod derivation;
mod l1_heads;
mod start;
pub(crate) mod status;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use quintet_eth_chain::ChainOptions;
use quintet_eth_rpc::EthNode;
use quintet_node::lifecycle::{NodeContext, NodeError, NodeKind, RunningNode};
use quintet_rollup_protocol::config::RollupConfig;
use quintet_rpc::RpcConfig;
use tracing::Instrument as _;

pub use self::status::{Heads, Status};
use crate::{
    batcher::BatcherOptions,
    derive::DriverOptions,
    engine::L2Reader,
    l1::L1Source,
    p2p::{Multiaddr, P2pOptions},
    sequencer::SequencerOptions,
    wallet::Wallet,
};

/// The kind's name.
pub(crate) const KIND: &str = "rollup";

/// What a node is made of.
#[derive(Debug, Clone)]
pub struct RollupOptions {
    /// The chain.
    pub config: Arc<RollupConfig>,
    /// Its genesis file.
    pub genesis: Vec<u8>,
    /// How the chain is kept; [`chain_options`](crate::engine::embedded::chain_options) as a rule.
    pub chain: ChainOptions,
    /// Its L1.
    pub source: Arc<dyn L1Source>,
    /// How derivation is driven.
    pub driver: DriverOptions,
    /// Time between two looks at L1's head.
    pub l1_poll: Duration,
    /// Where op-node's methods are answered, if anywhere.
    pub rpc: Option<RpcConfig>,
    /// Whether `admin_*` is among them.
    pub admin: bool,
    /// Where Ethereum's methods are answered, if anywhere.
    pub eth_rpc: Option<RpcConfig>,
    /// How blocks are made, on a sequencer.
    pub sequencer: Option<SequencerOptions>,
    /// Who posts them to L1, and how.
    pub batcher: Option<BatcherParts>,
    /// How the node joins others, if it does.
    pub p2p: Option<P2pOptions>,
}

/// A batcher of the node's own chain.
#[derive(Debug, Clone)]
pub struct BatcherParts {
    /// Its key.
    pub wallet: Wallet,
    /// The L1 node it posts to.
    pub l1: String,
    /// How it posts.
    pub options: BatcherOptions,
}

/// A rollup node, configured and ready to start.
#[derive(Debug)]
pub struct RollupNode {
    options: RollupOptions,
}

/// Where a running node answers.
#[derive(Debug, Clone)]
pub struct RollupHandle {
    pub(crate) rpc: Option<SocketAddr>,
    pub(crate) eth_rpc: Option<SocketAddr>,
    pub(crate) p2p: Option<Multiaddr>,
    pub(crate) reader: L2Reader,
    pub(crate) status: Status,
    pub(crate) eth: Arc<EthNode>,
}

impl RollupHandle {
    /// Returns the address of op-node's methods.
    #[must_use]
    pub const fn rpc(&self) -> Option<SocketAddr> {
        self.rpc
    }

    /// Returns the address of Ethereum's methods.
    #[must_use]
    pub const fn eth_rpc(&self) -> Option<SocketAddr> {
        self.eth_rpc
    }

    /// Returns where the node listens for peers, with its name at the end: what others are given to find it by.
    #[must_use]
    pub const fn p2p(&self) -> Option<&Multiaddr> {
        self.p2p.as_ref()
    }

    /// Returns what reads the node's chain: blocks with their place in both chains.
    #[must_use]
    pub const fn reader(&self) -> &L2Reader {
        &self.reader
    }

    /// Returns how far the node is, as long as it runs.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// Returns what answers Ethereum's methods: the chain and its pool.
    #[must_use]
    pub const fn eth(&self) -> &Arc<EthNode> {
        &self.eth
    }
}

impl RollupNode {
    /// Makes a node.
    #[must_use]
    pub const fn new(options: RollupOptions) -> Self {
        Self { options }
    }

    /// Starts the node. When this returns, it answers.
    ///
    /// # Errors
    ///
    /// [`NodeError::Start`] if the directory cannot be used, the genesis is another chain's, or an address is taken.
    pub async fn spawn(self, ctx: NodeContext) -> Result<(RunningNode, RollupHandle), NodeError> {
        let span = ctx.span();
        let started = start::start(self.options, &ctx).instrument(span).await;
        let (supervisor, endpoints, handle) =
            started.map_err(|error| NodeError::start(KIND, error))?;
        Ok((RunningNode::supervise(ctx, endpoints, supervisor), handle))
    }
}

impl NodeKind for RollupNode {
    fn name(&self) -> &'static str {
        KIND
    }

    fn start(
        self: Box<Self>,
        ctx: NodeContext,
    ) -> BoxFuture<'static, Result<RunningNode, NodeError>> {
        Box::pin(async move { self.spawn(ctx).await.map(|(running, _)| running) })
    }
}
