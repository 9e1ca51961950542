//! The node as a whole: opens what it needs, starts its actors, and hands out a handle.

mod start;

use std::{net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use quintet_actor::bus::{EventBus, Subscription};
use quintet_node::{
    config::{Config, Issues, Section as _},
    lifecycle::{NodeContext, NodeError, NodeKind, RunningNode},
};
use quintet_store::{Store, StoreError};
use rand::{SeedableRng, rngs::StdRng};
use thiserror::Error;
use tokio::sync::watch;
use tracing::Instrument as _;

use self::start::{Actors, Health, Started};
use crate::{
    client::DhtClient,
    clock::RuntimeClock,
    config::DhtConfig,
    event::{self, DhtEvent},
    socket::{BindError, Sockets},
};

/// The kind's name.
const KIND: &str = "dht";

/// A DHT node, configured and ready to start.
#[derive(Debug)]
pub struct DhtNode {
    config: DhtConfig,
    events: Option<EventBus<DhtEvent>>,
    store: Option<Store>,
    reloads: Option<watch::Receiver<Config>>,
}

/// A handle on a running node.
#[derive(Debug, Clone)]
pub struct DhtHandle {
    client: DhtClient,
    local_addrs: Vec<SocketAddr>,
    rpc_addr: Option<SocketAddr>,
    events: EventBus<DhtEvent>,
}

impl DhtHandle {
    /// Returns a client of the node.
    #[must_use]
    pub fn client(&self) -> DhtClient {
        self.client.clone()
    }

    /// Returns the UDP addresses, with the ports the system chose.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// Returns the address of JSON-RPC, if it is served.
    #[must_use]
    pub const fn rpc_addr(&self) -> Option<SocketAddr> {
        self.rpc_addr
    }

    /// Listens to what happens from now on. On a shared bus, to what happens to all nodes.
    #[must_use]
    pub fn events(&self) -> Subscription<DhtEvent> {
        self.events.subscribe()
    }
}

/// The configuration contradicts itself; an application's configuration was checked before.
#[derive(Debug, Error)]
#[error("the configuration is not valid: {issues:?}")]
struct InvalidConfig {
    issues: Issues,
}

#[derive(Debug, Error)]
enum StartError {
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("reading the store did not come to an end: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error("the system gives no randomness: {0}")]
    Random(#[from] rand::rngs::SysError),
    #[error(transparent)]
    Rpc(#[from] quintet_rpc::StartError),
}

impl DhtNode {
    /// Makes a node of this configuration.
    #[must_use]
    pub const fn new(config: DhtConfig) -> Self {
        Self { config, events: None, store: None, reloads: None }
    }

    /// Publishes facts on this bus, which other nodes may share.
    #[must_use]
    pub fn with_events(self, events: EventBus<DhtEvent>) -> Self {
        Self { events: Some(events), ..self }
    }

    /// Keeps its state in this store, of schema [`SCHEMA`](crate::SCHEMA), and not in one of its own.
    #[must_use]
    pub fn with_store(self, store: Store) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Follows reloads of the configuration.
    #[must_use]
    pub fn with_reloads(self, reloads: watch::Receiver<Config>) -> Self {
        Self { reloads: Some(reloads), ..self }
    }

    /// Starts the node. When this returns, it answers.
    ///
    /// # Errors
    ///
    /// [`NodeError::Start`] if an address is taken, the store cannot be read, or the configuration is
    /// not valid.
    pub async fn spawn(self, ctx: NodeContext) -> Result<(RunningNode, DhtHandle), NodeError> {
        let span = ctx.span();
        let started = self.start_actors(&ctx).instrument(span.clone()).await;
        let Started { supervisor, endpoints, handle } =
            started.map_err(|error| NodeError::start(KIND, error))?;
        Ok((RunningNode::supervise(ctx, endpoints, supervisor), handle))
    }

    async fn start_actors(self, ctx: &NodeContext) -> Result<Started, StartError> {
        let Self { config, events, store, reloads } = self;
        let mut issues = Issues::default();
        config.validate(&mut issues);
        if !issues.is_empty() {
            return Err(InvalidConfig { issues }.into());
        }
        let clock = RuntimeClock::start();
        let health = Health {
            store: ctx.health.component("store"),
            sockets: ctx.health.component("sockets"),
        };
        let events = events.unwrap_or_else(event::bus);
        let sockets = Sockets::bind(config.listen.iter().map(|listen| listen.get()))?;
        let sockets = Arc::new(sockets);
        let opened = start::open(ctx, &config, store).await?;
        let mut rng = StdRng::try_from_rng(&mut rand::rngs::SysRng)?;
        let actors = Actors { ctx, config, clock, events, sockets, reloads };
        actors.start(opened, health, &mut rng).await
    }
}

impl NodeKind for DhtNode {
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
