//! Opening what a node needs, and starting its actors in order.
//!
//! ```text
//!   start ──►  writer ─ socket ─ publisher ─ bootstrap ─ rpc  ◄── stop
//! ```
//!
//! Each actor starts after those it relies on and ends before them: when the socket actor hands over
//! the contacts, the writer is still there to write them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quintet_actor::{
    bus::EventBus,
    inbox::InboxSlot,
    supervisor::{ChildSpec, Fault, RestartPolicy, Supervisor},
};
use quintet_dht_protocol::{
    dht::Dht,
    key::Key,
    record::{Record, RecordKey},
};
use quintet_node::{
    config::Config,
    lifecycle::{Endpoint, NodeContext},
    ops::Component,
};
use quintet_rpc::RpcHandle;
use quintet_store::{EngineKind, Store, StoreError, StoreOptions};
use rand::{RngExt as _, rngs::StdRng};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info, warn};

use super::{DhtHandle, KIND, StartError};
use crate::{
    bootstrap,
    client::DhtClient,
    clock::{self, RuntimeClock},
    config::DhtConfig,
    event::DhtEvent,
    persistence::{self, Loaded, SCHEMA},
    publisher::{self, Publisher},
    rpc,
    socket::{self, Driver, Parts, Sockets},
    writer::{self, Writer, WriterClient},
};

/// The store's directory in the data directory.
const STORE_DIR: &str = "store";

/// Time the writer has to write what waits, and the socket actor to hand it over.
const WRITE_GRACE: Duration = Duration::from_secs(15);

/// Time the others have to end.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Actors that run, and what to reach them by.
pub(super) struct Started {
    pub(super) supervisor: Supervisor,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) handle: DhtHandle,
}

pub(super) struct Health {
    pub(super) store: Component,
    pub(super) sockets: Component,
}

pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) loaded: Loaded,
    pub(super) publications: Vec<(RecordKey, Record)>,
}

/// Opens the store and reads it, away from the async threads.
pub(super) async fn open(
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
pub(super) struct Actors<'a> {
    pub(super) ctx: &'a NodeContext,
    pub(super) config: DhtConfig,
    pub(super) clock: RuntimeClock,
    pub(super) events: EventBus<DhtEvent>,
    pub(super) sockets: Arc<Sockets>,
    pub(super) reloads: Option<watch::Receiver<Config>>,
}

impl Actors<'_> {
    /// Starts each actor after those it relies on; they stop in the reverse order.
    pub(super) async fn start(
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
