//! The node as a whole: opens what it needs, starts its actors, and hands out a handle.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use quintet_actor::{
    bus::{EventBus, Subscription},
    inbox::InboxSlot,
    supervisor::{ChildSpec, Fault, RestartPolicy, Supervisor},
};
use quintet_dht_protocol::{
    dht::Dht,
    key::Key,
    record::{Record, RecordKey},
};
use quintet_node::{
    config::{Config, Issues, Section as _},
    lifecycle::{Endpoint, NodeContext, NodeError, NodeKind, RunningNode},
    ops::Component,
};
use quintet_rpc::RpcHandle;
use quintet_store::{EngineKind, Store, StoreError, StoreOptions};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info, warn};

use crate::{
    bootstrap,
    client::DhtClient,
    clock::{self, RuntimeClock},
    config::DhtConfig,
    event::{self, DhtEvent},
    persistence::{self, Loaded, SCHEMA},
    publisher::{self, Publisher},
    rpc,
    socket::{self, BindError, Driver, Parts, Sockets},
    writer::{self, Writer, WriterClient},
};

/// The kind's name.
const KIND: &str = "dht";

/// The store's directory in the data directory.
const STORE_DIR: &str = "store";

/// Time the writer has to write what waits, and the socket actor to hand it over.
const WRITE_GRACE: Duration = Duration::from_secs(15);

/// Time the others have to end.
const STOP_GRACE: Duration = Duration::from_secs(5);

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

    /// Keeps its state in this store, of schema [`SCHEMA`], and not in one of its own.
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
        let opened = open(ctx, &config, store).await?;
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

struct Started {
    supervisor: Supervisor,
    endpoints: Vec<Endpoint>,
    handle: DhtHandle,
}

struct Health {
    store: Component,
    sockets: Component,
}

struct Opened {
    store: Store,
    loaded: Loaded,
    publications: Vec<(RecordKey, Record)>,
}

/// Opens the store and reads it, away from the async threads.
async fn open(
    ctx: &NodeContext,
    config: &DhtConfig,
    store: Option<Store>,
) -> Result<Opened, StartError> {
    let path = ctx.data_dir.join(STORE_DIR);
    let options =
        StoreOptions { engine: EngineKind::Redb, cache_bytes: config.storage.cache_bytes() };
    let opened = tokio::task::spawn_blocking(move || {
        let store = store.map_or_else(|| Store::open(&path, &SCHEMA, &options), Ok)?;
        let loaded = persistence::load(&store, clock::wall())?;
        let publications = persistence::load_publications(&store)?;
        Ok::<_, StoreError>(Opened { store, loaded, publications })
    });
    let opened = opened.await??;
    let Loaded { contacts, records, damaged, expired, .. } = &opened.loaded;
    info!(
        records = records.len(),
        contacts = contacts.len(),
        publications = opened.publications.len(),
        expired,
        "state read from disk"
    );
    if *damaged > 0 {
        warn!(damaged, "records were damaged on disk and are gone");
    }
    Ok(opened)
}

/// What the actors of one node share.
struct Actors<'a> {
    ctx: &'a NodeContext,
    config: DhtConfig,
    clock: RuntimeClock,
    events: EventBus<DhtEvent>,
    sockets: Arc<Sockets>,
    reloads: Option<watch::Receiver<Config>>,
}

impl Actors<'_> {
    /// Starts each actor after those it relies on; they stop in the reverse order.
    async fn start(
        self,
        opened: Opened,
        health: Health,
        rng: &mut StdRng,
    ) -> Result<Started, StartError> {
        let Opened { store, loaded, publications } = opened;
        let instance = self.ctx.instance.as_str();
        let span = self.ctx.span();
        let (writer, writer_inbox) = writer::channel(instance);
        let (socket, socket_inbox) = socket::channel(instance);
        let (publisher, publisher_inbox) = publisher::channel(instance);
        let client = DhtClient::new(instance.into(), socket.clone(), publisher);
        let rpc = self.serve(&client).await?;

        let mut supervisor = Supervisor::new(KIND);
        health.store.ready();
        let own = Writer::new(store, Arc::clone(&self.sockets), health.store, instance);
        let (own, slot) = (Arc::new(own), writer_inbox.into_slot());
        let node = span.clone();
        supervisor.spawn(never("writer", WRITE_GRACE), move |stop| {
            writer::run(Arc::clone(&own), slot.clone(), stop).instrument(node.clone())
        });

        let driver = self.driver(loaded, writer.clone(), rng);
        let (driver, slot) = (Once::new((driver, health.sockets)), socket_inbox.into_slot());
        let node = span.clone();
        supervisor.spawn(never("socket", WRITE_GRACE), move |stop| {
            run_socket(driver.clone(), slot.clone(), stop).instrument(node.clone())
        });

        let own = Once::new(Publisher {
            clock: self.clock,
            interval: self.config.republish_interval.get(),
            socket: socket.clone(),
            writer,
            rows: publications,
            seed: rng.random(),
        });
        let (slot, node) = (publisher_inbox.into_slot(), span.clone());
        supervisor.spawn(never("publisher", STOP_GRACE), move |stop| {
            let (own, slot) = (own.clone(), slot.clone());
            async move { publisher::run(own.take()?, slot, stop).await }.instrument(node.clone())
        });

        let (config, reloads) = (self.config.clone(), self.reloads.clone());
        supervisor.spawn(never("bootstrap", STOP_GRACE), move |stop| {
            bootstrap::run(config.clone(), reloads.clone(), socket.clone(), stop)
                .instrument(span.clone())
        });
        Ok(self.started(supervisor, client, rpc))
    }

    fn started(
        self,
        mut supervisor: Supervisor,
        client: DhtClient,
        rpc: Option<RpcHandle>,
    ) -> Started {
        let local_addrs = self.sockets.local_addrs();
        let mut endpoints: Vec<Endpoint> =
            local_addrs.iter().map(|addr| Endpoint::new("udp", addr)).collect();
        let rpc_addr = rpc.as_ref().map(RpcHandle::local_addr);
        if let Some(rpc) = rpc {
            endpoints.push(Endpoint::new("json-rpc", format!("http://{}", rpc.local_addr())));
            let grace = self.config.rpc.server(self.ctx.data_dir.path()).stop_grace;
            let rpc = Once::new(rpc);
            supervisor.spawn(never("rpc", grace.saturating_add(STOP_GRACE)), move |stop| {
                let rpc = rpc.clone();
                async move {
                    let rpc = rpc.take()?;
                    stop.cancelled().await;
                    rpc.stop().await;
                    Ok(())
                }
            });
        }
        let handle = DhtHandle { client, local_addrs, rpc_addr, events: self.events };
        Started { supervisor, endpoints, handle }
    }

    /// Puts the protocol's state together from what was on disk.
    fn driver(&self, loaded: Loaded, writer: WriterClient, rng: &mut StdRng) -> Driver {
        let id = loaded.identity.map_or_else(|| Key::random(rng), |identity| identity.id);
        let config = self.config.protocol(id, self.sockets.families());
        let now = self.clock.read();
        let mut dht = Dht::new(config, now, rng.random());
        for (key, record) in loaded.records {
            dht.restore_record(key, record, now);
        }
        info!(%id, addrs = ?self.sockets.local_addrs(), "dht node listens");
        Driver::new(Parts {
            node: self.ctx.instance.as_str().into(),
            dht,
            clock: self.clock,
            sockets: Arc::clone(&self.sockets),
            limits: self.config.limits.clone(),
            limiter_key: rng.random(),
            writer,
            events: self.events.clone(),
            known: loaded.contacts,
            is_new: loaded.identity.is_none(),
        })
    }

    async fn serve(&self, client: &DhtClient) -> Result<Option<RpcHandle>, StartError> {
        if !self.config.rpc.enabled {
            return Ok(None);
        }
        let settings = self.config.rpc.server(self.ctx.data_dir.path());
        // The server ends when its child of the supervisor says so, before the actors it asks.
        let never = CancellationToken::new();
        Ok(Some(rpc::server(settings, client.clone())?.start(never).await?))
    }
}

async fn run_socket(
    driver: Once<(Driver, Component)>,
    slot: InboxSlot<socket::Message>,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let (driver, health) = driver.take()?;
    health.ready();
    socket::run(driver, slot, stop).await.inspect_err(|fault| health.failed(fault.to_string()))
}

/// Nothing can replace these actors: their state is the node's, and the disk has it.
fn never(name: &'static str, grace: Duration) -> ChildSpec {
    ChildSpec::new(name, RestartPolicy::Never, grace)
}

/// What the only incarnation of an actor takes with it.
#[derive(Debug)]
struct Once<T>(Arc<Mutex<Option<T>>>);

impl<T> Once<T> {
    fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(Some(value))))
    }

    fn take(&self) -> Result<T, Fault> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| Fault::new("the actor has run already"))
    }
}

impl<T> Clone for Once<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
