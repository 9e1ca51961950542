//! Opening what a node needs, and starting its parts in order.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use quintet_actor::supervisor::{ChildSpec, Fault, RestartPolicy, Supervisor};
use quintet_eth_chain::ChainOptions;
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::{EthError, EthNode, EthRpcConfig, NodeParts, look_ahead};
use quintet_node::lifecycle::{Endpoint, NodeContext};
use quintet_rollup_protocol::{config::RollupConfig, gossip::Gate, refs::L2Ref};
use quintet_rpc::{RpcConfig, RpcHandle, RpcServer};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinError,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    BatcherParts, KIND, RollupHandle, RollupOptions, Status, derivation::Derivation, l1_heads,
};
use crate::{
    batcher::{Batcher, blocks::OwnBlocks},
    derive::{DriveError, SafeHeads},
    engine::{self, Embedded, EngineClient, EngineError, L2Reader},
    l1::{L1Error, account::L1Writer, transport::Transport},
    p2p::{self, Follower, Judge, Multiaddr, P2pError, Publisher, Server, Signers},
    rpc,
    sequencer::{self, Sequencer, SequencerControl},
};

/// Folder of the safe heads in the data directory: that of `quintet rollup derive`.
const HEADS: &str = "safe-heads";
/// Folder of the executed chain in the data directory: that of `quintet rollup derive`.
const CHAIN: &str = "chain";

/// The key of the node's name among peers in the data directory, where no other file is named.
const P2P_KEY: &str = "p2p.key";

/// Blocks of our own that may wait to be told of.
const MADE_MAX: usize = 64;

/// Time derivation has to end: one block executed, and what is known written.
const DERIVATION_GRACE: Duration = Duration::from_secs(15);
/// Time the others have to end.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Drive(#[from] DriveError),
    #[error("opening did not come to an end: {0}")]
    Task(#[from] JoinError),
    #[error("{0}")]
    Eth(#[from] EthError),
    #[error(transparent)]
    L1(#[from] L1Error),
    #[error(transparent)]
    Rpc(#[from] quintet_rpc::StartError),
    #[error(transparent)]
    P2p(#[from] P2pError),
}

/// A value that the first incarnation of a child takes; there is no second.
struct Once<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Once<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Once<T> {
    fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(Some(value))))
    }

    fn take(&self) -> Result<T, Fault> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| Fault::new("started twice"))
    }
}

/// Nothing can replace these parts: what they know is the node's, and the disk has it.
fn never(name: &'static str, grace: Duration) -> ChildSpec {
    ChildSpec::new(name, RestartPolicy::Never, grace)
}

/// The execution layer, opened.
struct Opened {
    engine: EngineClient,
    reader: L2Reader,
    record: SafeHeads,
    eth: Arc<EthNode>,
    /// Where the network tells how many peers there are; closed on a node that has none.
    peers: Option<watch::Sender<usize>>,
}

fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn open(
    root: &Path,
    genesis: &[u8],
    config: &Arc<RollupConfig>,
    chain: ChainOptions,
) -> Result<Opened, StartError> {
    let spec = Embedded::spec(genesis, config)?;
    let embedded = Embedded::open_with(&root.join(CHAIN), spec, Arc::clone(config), chain)?;
    let record = SafeHeads::open(&root.join(HEADS), config)?;
    let (peers, known) = watch::channel(0);
    let eth = EthNode::new(NodeParts {
        chain: embedded.chain().clone(),
        config: EthRpcConfig::default(),
        pool: PoolConfig::default(),
        clock: Arc::new(clock),
        client_version: format!("quintet/v{}", env!("CARGO_PKG_VERSION")),
        peers: Arc::new(move || known.has_changed().is_ok().then(|| *known.borrow())),
    })?;
    let restored = eth.pool().keep_waiting()?;
    tracing::debug!(?restored, "transactions that waited");
    let embedded = embedded.with_pool(Arc::clone(eth.pool()));
    let reader = embedded.reader();
    Ok(Opened { engine: engine::actor::start(embedded)?, reader, record, eth, peers: Some(peers) })
}

/// Opens and starts everything.
pub(super) async fn start(
    options: RollupOptions,
    ctx: &NodeContext,
) -> Result<(Supervisor, Vec<Endpoint>, RollupHandle), StartError> {
    let root = ctx.data_dir.path().to_owned();
    let (genesis, config) = (options.genesis.clone(), Arc::clone(&options.config));
    let chain = options.chain.clone();
    let opening = tokio::task::spawn_blocking(move || open(&root, &genesis, &config, chain));
    let opened = opening.await??;
    let control = options.sequencer.map(|sequencer| SequencerControl::new(!sequencer.is_stopped));
    let mut parts = Parts {
        supervisor: Supervisor::new(KIND),
        span: ctx.span(),
        status: Status::default(),
        endpoints: Vec::new(),
        options,
        opened,
        control,
        published: None,
    };
    parts.derivation();
    let p2p = parts.p2p(ctx.data_dir.path()).await?;
    parts.sequencer();
    parts.batcher()?;
    let rpc = parts.rpc().await?;
    let eth_rpc = parts.eth_rpc().await?;
    let handle = RollupHandle {
        rpc: rpc.as_ref().map(RpcHandle::local_addr),
        eth_rpc: eth_rpc.as_ref().map(RpcHandle::local_addr),
        p2p,
        reader: parts.opened.reader.clone(),
        status: parts.status.clone(),
        eth: Arc::clone(&parts.opened.eth),
    };
    parts.serve("rpc", rpc);
    parts.serve("eth-rpc", eth_rpc);
    Ok((parts.supervisor, parts.endpoints, handle))
}

/// What is being started.
struct Parts {
    supervisor: Supervisor,
    span: tracing::Span,
    status: Status,
    endpoints: Vec<Endpoint>,
    options: RollupOptions,
    opened: Opened,
    control: Option<SequencerControl>,
    /// Where the sequencer's blocks go that others should have.
    published: Option<mpsc::Sender<L2Ref>>,
}

impl Parts {
    fn derivation(&mut self) {
        let span = self.span.clone();
        let (source, status, poll) =
            (Arc::clone(&self.options.source), self.status.clone(), self.options.l1_poll);
        self.supervisor.spawn(never("l1-heads", GRACE), move |stop| {
            let looking = l1_heads::run(Arc::clone(&source), status.clone(), poll, stop);
            async move {
                looking.await;
                Ok(())
            }
            .instrument(span.clone())
        });
        let span = self.span.clone();
        let derivation = Derivation {
            config: Arc::clone(&self.options.config),
            source: Arc::clone(&self.options.source),
            engine: self.opened.engine.clone(),
            reader: self.opened.reader.clone(),
            record: self.opened.record.clone(),
            options: self.options.driver,
            status: self.status.clone(),
        };
        self.supervisor.spawn(never("derivation", DERIVATION_GRACE), move |stop| {
            let (derivation, thread, runtime) =
                (derivation.clone(), span.clone(), Handle::current());
            async move {
                let work = move || thread.in_scope(|| derivation.run(&runtime, &stop));
                Ok(tokio::task::spawn_blocking(work).await??)
            }
        });
    }

    /// Joins the others, and returns where they find this node.
    async fn p2p(&mut self, root: &Path) -> Result<Option<Multiaddr>, StartError> {
        let peers = self.opened.peers.take();
        let (Some(options), Some(peers)) = (self.options.p2p.clone(), peers) else {
            return Ok(None);
        };
        let file = options.identity.unwrap_or_else(|| root.join(P2P_KEY));
        let identity = p2p::identity(&file)?;
        let config = Arc::clone(&self.options.config);
        let started = p2p::start(&config, options.listen, identity, options.peers, peers).await?;
        let (address, client) = (started.address, started.client);
        tracing::info!(%address, "listening for peers");
        self.endpoints.push(Endpoint::new("p2p", address.to_string()));
        let task = started.task;
        self.child("p2p", move |stop| async move {
            task.run(stop).await;
            Ok(())
        });
        let signers = self.signers(options.signer);
        let (accept, accepted) = mpsc::channel(p2p::ACCEPTED_MAX);
        let follower = Follower {
            config: Arc::clone(&config),
            engine: self.opened.engine.clone(),
            reader: self.opened.reader.clone(),
            status: self.status.clone(),
            sequencer: self.control.clone(),
            client: client.clone(),
            accepted,
        };
        self.child("p2p-follower", move |stop| async move { Ok(follower.run(stop).await?) });
        let reader = self.opened.reader.clone();
        let server = Server::new(Arc::clone(&config), reader.clone(), client.clone());
        let heard = (client.clone(), started.events);
        let judge = Judge::new(Gate::new(&config), signers.clone(), heard, accept, server);
        self.child("p2p-judge", move |stop| async move { Ok(judge.run(stop).await?) });
        if let Some(wallet) = options.sequencer {
            let (publish, made) = mpsc::channel(MADE_MAX);
            self.published = Some(publish);
            let publisher = Publisher { config, reader, wallet, signers, client, made };
            self.child("p2p-publisher", move |stop| async move { Ok(publisher.run(stop).await?) });
        }
        Ok(Some(address))
    }

    /// Begins to follow who signs blocks, unless somebody has said it.
    fn signers(&mut self, named: Option<alloy_primitives::Address>) -> Signers {
        let (tell, signers) = watch::channel(named);
        if named.is_none() {
            let (source, config) =
                (Arc::clone(&self.options.source), Arc::clone(&self.options.config));
            self.child("p2p-signer", move |stop| async move {
                p2p::follow_signer(source, config, tell, stop).await;
                Ok(())
            });
        }
        signers
    }

    /// Starts a child that is started once.
    fn child<L>(
        &mut self,
        name: &'static str,
        life: impl FnOnce(CancellationToken) -> L + Send + 'static,
    ) where
        L: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let (own, span) = (Once::new(life), self.span.clone());
        self.supervisor.spawn(never(name, GRACE), move |stop| {
            let own = own.clone();
            async move { own.take()?(stop).await }.instrument(span.clone())
        });
    }

    fn sequencer(&mut self) {
        let (Some(options), Some(control)) = (self.options.sequencer, self.control.clone()) else {
            return;
        };
        let own = Once::new(Sequencer {
            config: Arc::clone(&self.options.config),
            source: Arc::clone(&self.options.source),
            engine: self.opened.engine.clone(),
            reader: self.opened.reader.clone(),
            status: self.status.clone(),
            control,
            options,
            published: self.published.take(),
        });
        let span = self.span.clone();
        self.supervisor.spawn(never("sequencer", GRACE), move |stop| {
            let own = own.clone();
            async move { Ok(sequencer::run(own.take()?, stop).await?) }.instrument(span.clone())
        });
    }

    fn batcher(&mut self) -> Result<(), StartError> {
        let Some(BatcherParts { wallet, l1, options }) = self.options.batcher.clone() else {
            return Ok(());
        };
        let writer = L1Writer::new(&l1, &Transport::default())?;
        let blocks = OwnBlocks::new(self.opened.reader.clone(), self.status.clone());
        let config = Arc::clone(&self.options.config);
        let own = Once::new(Batcher::new(config, wallet, writer, Box::new(blocks), options));
        let span = self.span.clone();
        self.supervisor.spawn(never("batcher", GRACE), move |stop| {
            let own = own.clone();
            async move {
                own.take()?.run(stop).await;
                Ok(())
            }
            .instrument(span.clone())
        });
        Ok(())
    }

    async fn rpc(&mut self) -> Result<Option<RpcHandle>, StartError> {
        let Some(config) = self.options.rpc.clone() else { return Ok(None) };
        let context = rpc::Context {
            config: Arc::clone(&self.options.config),
            reader: self.opened.reader.clone(),
            engine: self.opened.engine.clone(),
            status: self.status.clone(),
            record: self.opened.record.clone(),
            sequencer: self.control.clone(),
        };
        let modules = rpc::modules(&Arc::new(context), self.options.admin)?;
        let server = RpcServer::builder(config, rpc::registry(self.options.admin)).module(modules);
        self.listen("rollup-rpc", server).await.map(Some)
    }

    async fn eth_rpc(&mut self) -> Result<Option<RpcHandle>, StartError> {
        let Some(config): Option<RpcConfig> = self.options.eth_rpc.clone() else { return Ok(None) };
        let module = quintet_eth_rpc::module(Arc::clone(&self.opened.eth))?;
        let ahead = Arc::clone(&self.opened.eth);
        let server = RpcServer::builder(config, quintet_eth_rpc::registry())
            .ahead(move |coming| look_ahead(&ahead, coming))
            .module(module);
        self.listen("eth-rpc", server).await.map(Some)
    }

    async fn listen(
        &mut self,
        label: &'static str,
        server: quintet_rpc::RpcServerBuilder,
    ) -> Result<RpcHandle, StartError> {
        // It ends when its child of the supervisor says so, before what it asks.
        let served = server.start(CancellationToken::new()).await?;
        self.endpoints.push(Endpoint::new(label, format!("http://{}", served.local_addr())));
        Ok(served)
    }

    fn serve(&mut self, name: &'static str, served: Option<RpcHandle>) {
        let Some(served) = served else { return };
        let served = Once::new(served);
        self.supervisor.spawn(never(name, GRACE), move |stop| {
            let served = served.clone();
            async move {
                let served = served.take()?;
                stop.cancelled().await;
                served.stop().await;
                Ok(())
            }
        });
    }
}
