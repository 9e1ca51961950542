//! A Kaspa node that runs: everything opened, wired and supervised.
//!
//! ```text
//!   ledger ─► consensus ─► pipeline ◄── clients, miner, peers
//!                │  wakes
//!                ▼
//!            follower ─► index, pool, notifications ─► gRPC, wRPC (Borsh, JSON)
//!
//!   peers ─► blocks: pipeline      transactions: pool
//!   clients, miner ─► what is taken of them is told to peers
//! ```
//!
//! # Invariants
//!
//! - What is started first ends last: clients, the miner and peers before the follower, that before the ledger is closed.
//! - After a failure of the ledger the node ends.

mod follower;
mod kind;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quintet_actor::supervisor::{ChildSpec, Fault, RestartPolicy, Supervisor};
use quintet_kaspa_protocol::{block::Block, mempool::Policy, params::Params};
use thiserror::Error;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

pub use kind::KaspaKind;

use crate::{
    consensus::{Consensus, ConsensusError, Event, Listener, Options, Outcome, VirtualState},
    index::{IndexError, UtxoIndex, WritePolicy},
    mempool::Mempool,
    mining::{CpuMiner, MinerOptions, Templates},
    p2p::{Network, NetworkError, Settings},
    pipeline::{Pipeline, PipelineOptions},
    ports::{LedgerError, TransactionPool},
    rpc::{Core, CoreOptions, Encoding, GrpcServer, Hub, NoPeers, RpcServerError, WrpcServer},
    storage::{LedgerHome, StorageError, StorageOptions},
};
use follower::{Follower, Wake};

/// Time the ledger has to be closed.
const STORAGE_GRACE: Duration = Duration::from_secs(120);

/// Time everything else has to end.
const GRACE: Duration = Duration::from_secs(10);

/// The index's folder in the node's.
const INDEX_DIRECTORY: &str = "utxo-index";

/// How a node is run.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// The network.
    pub params: Params,
    /// Where everything is kept.
    pub directory: PathBuf,
    /// Memory for coins, bytes.
    pub coins_bytes: usize,
    /// Part of the usual memory for the pool, and for what is kept at hand of blocks and scripts, in thousandths.
    pub memory_per_mille: usize,
    /// Threads that check scripts; else one for each core.
    pub threads: Option<usize>,
    /// Whether everything is kept.
    pub archival: bool,
    /// Whether unspent outputs are found by address.
    pub utxo_index: bool,
    /// Where clients that speak gRPC are served, and how many.
    pub rpc_grpc: Option<GrpcOptions>,
    /// Where clients that speak Borsh are served.
    pub rpc_borsh: Option<SocketAddr>,
    /// Where clients that speak JSON are served.
    pub rpc_json: Option<SocketAddr>,
    /// What calls may do.
    pub rpc: CoreOptions,
    /// A miner on this machine.
    pub mine: Option<MinerOptions>,
    /// The network of peers; a node by itself has none.
    pub peers: Option<Settings>,
}

/// How clients that speak gRPC are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcOptions {
    /// Where.
    pub address: SocketAddr,
    /// How many at a time.
    pub clients_max: usize,
    /// Whether the node runs without them if the address is taken: nobody asked for it.
    pub is_optional: bool,
}

impl NodeOptions {
    /// Returns the options of a node that only takes blocks.
    #[must_use]
    pub const fn new(params: Params, directory: PathBuf) -> Self {
        Self {
            params,
            directory,
            coins_bytes: 256 << 20,
            memory_per_mille: 1000,
            threads: None,
            archival: false,
            utxo_index: false,
            rpc_grpc: None,
            rpc_borsh: None,
            rpc_json: None,
            rpc: CoreOptions { unsafe_rpc: false, unsynced_mining: false, mainnet_mining: false },
            mine: None,
            peers: None,
        }
    }

    /// Returns this node's part of a bound of memory that is usual.
    const fn share_of(&self, usual: usize) -> usize {
        usual / 1000 * self.memory_per_mille
    }
}

/// Why a node does not start.
#[derive(Debug, Error)]
pub enum NodeStartError {
    /// The ledger cannot be opened.
    #[error("cannot open the DAG in {}: {source}", directory.display())]
    Storage {
        /// Its directory.
        directory: PathBuf,
        /// Why not.
        source: StorageError,
    },
    /// Consensus cannot be opened.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// The index cannot be opened.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Peers cannot be met.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Clients cannot be served.
    #[error(transparent)]
    Rpc(#[from] RpcServerError),
    /// The thread that opens ended early.
    #[error("the thread that opens the DAG ended early: report this")]
    Opening,
}

/// What is opened before anything is served.
struct Opened {
    ledger: Arc<LedgerHome>,
    core: Core,
    wake: Arc<Wake>,
    last: Arc<VirtualState>,
}

/// A node whose parts run under a supervisor.
#[derive(Debug)]
pub struct KaspaNode {
    core: Arc<Core>,
    supervisor: Supervisor,
    network: Option<Network>,
    grpc: Option<SocketAddr>,
    borsh: Option<SocketAddr>,
    json: Option<SocketAddr>,
}

impl KaspaNode {
    /// Opens everything and starts it. `shutdown` is cancelled when a client asks for the end.
    ///
    /// # Errors
    ///
    /// [`NodeStartError`].
    pub async fn start(
        options: NodeOptions,
        shutdown: CancellationToken,
    ) -> Result<Self, NodeStartError> {
        let (rpc_borsh, rpc_json) = (options.rpc_borsh, options.rpc_json);
        let rpc_grpc = options.rpc_grpc;
        let (mine, peers) = (options.mine.clone(), options.peers.clone());
        let opened = tokio::task::spawn_blocking(move || open(&options, shutdown)).await;
        let Opened { ledger, mut core, wake, last } =
            opened.map_err(|_| NodeStartError::Opening)??;
        let mut supervisor = Supervisor::new("kaspa");
        let network = match peers {
            Some(settings) => Some(meet(&mut core, settings).await?),
            None => None,
        };
        let core = Arc::new(core);
        supervise_storage(&mut supervisor, ledger);
        supervise_follower(&mut supervisor, Follower::new(Arc::clone(&core), last), wake);
        let network = network.map(|(network, end)| {
            supervise_network(&mut supervisor, network.clone(), end);
            network
        });
        let grpc = serve_grpc(&mut supervisor, rpc_grpc, &core).await?;
        let borsh = serve(&mut supervisor, "wrpc-borsh", rpc_borsh, Encoding::Borsh, &core).await?;
        let json = serve(&mut supervisor, "wrpc-json", rpc_json, Encoding::Json, &core).await?;
        if let Some(mine) = mine {
            supervise_miner(&mut supervisor, &core, mine);
        }
        Ok(Self { core, supervisor, network, grpc, borsh, json })
    }

    /// Returns the parts calls are answered with.
    #[must_use]
    pub const fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Returns where clients that speak Borsh, and those that speak JSON, are served.
    #[must_use]
    pub const fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        (self.borsh, self.json)
    }

    /// Returns where clients that speak gRPC are served.
    #[must_use]
    pub const fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc
    }

    /// Returns the network of peers, if there is one.
    #[must_use]
    pub const fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// Returns the supervisor, for whoever runs it among others.
    #[must_use]
    pub fn into_supervisor(self) -> Supervisor {
        self.supervisor
    }
}

fn open_ledger(options: &NodeOptions, directory: &Path) -> Result<LedgerHome, StorageError> {
    let genesis = options.params.genesis.header().hash();
    let mut storage = StorageOptions::new([rand::random(), rand::random()]);
    storage.coins_bytes = options.coins_bytes;
    for bytes in [&mut storage.cache_bytes, &mut storage.recent_bytes] {
        *bytes = options.share_of(*bytes);
    }
    LedgerHome::open(directory, &genesis, &storage)
}

fn open(options: &NodeOptions, shutdown: CancellationToken) -> Result<Opened, NodeStartError> {
    let directory = &options.directory;
    let storage = |source| NodeStartError::Storage { directory: directory.clone(), source };
    let ledger = Arc::new(open_ledger(options, directory).map_err(storage)?);
    let wake = Arc::new(Wake::default());
    let woken = Arc::clone(&wake);
    let mut consensus = Options { archival: options.archival, ..Options::default() };
    for usual in
        [&mut consensus.verified_bytes, &mut consensus.bodies_bytes, &mut consensus.recent_headers]
    {
        *usual = options.share_of(*usual);
    }
    consensus.listener = Listener::new(move |event| match event {
        Event::BlockAdded { block } => woken.block(*block),
        Event::VirtualResolved { .. } | Event::Succeeded { .. } => woken.virtual_block(),
        Event::VirtualChainChanged { .. } | Event::PruningPointMoved { .. } => {}
    });
    if let Some(threads) = options.threads {
        consensus.threads = threads.max(1);
    }
    let consensus = Consensus::open(options.params.clone(), consensus, Arc::clone(&ledger) as _)?;
    let consensus = Arc::new(consensus);
    let pipeline = Arc::new(Pipeline::start(Arc::clone(&consensus), &PipelineOptions::default())?);
    let era = options.params.era_at(consensus.virtual_state().daa_score);
    let policy = Policy::of(&options.params, era).scaled_by_per_mille(options.memory_per_mille);
    let mempool = Arc::new(Mempool::new(Arc::clone(&consensus), policy, rand::random()));
    let templates = Arc::new(Templates::new(Arc::clone(&consensus), Arc::clone(&mempool)));
    let index = if options.utxo_index {
        let directory = directory.join(INDEX_DIRECTORY);
        let mut policy = WritePolicy::default();
        policy.cache_bytes = options.share_of(policy.cache_bytes);
        let index = UtxoIndex::open(&directory, Arc::clone(&consensus), policy)?;
        Some(Arc::new(index))
    } else {
        None
    };
    let last = consensus.virtual_state();
    let core = Core {
        consensus,
        pipeline,
        mempool,
        templates,
        index,
        hub: Hub::default(),
        peers: Arc::new(NoPeers),
        options: options.rpc,
        shutdown,
        id: rand::random(),
        clients: 0.into(),
        submitted: 0.into(),
    };
    Ok(Opened { ledger, core, wake, last })
}

/// Starts the network of peers, and makes it the one that calls are answered with. It ends with the guard.
async fn meet(core: &mut Core, settings: Settings) -> Result<(Network, DropGuard), NodeStartError> {
    let end = CancellationToken::new();
    let pool = Arc::clone(&core.mempool) as Arc<dyn TransactionPool>;
    let pipeline = Arc::clone(&core.pipeline);
    let network = Network::start(settings, pipeline, pool, end.clone()).await?;
    core.id = network.id();
    core.peers = Arc::new(network.clone());
    Ok((network, end.drop_guard()))
}

fn supervise_network(supervisor: &mut Supervisor, network: Network, end: DropGuard) {
    let spec = ChildSpec::new("peers", RestartPolicy::Never, GRACE);
    let end = Arc::new(Mutex::new(Some(end)));
    supervisor.spawn(spec, move |stop: CancellationToken| {
        let (network, end) = (network.clone(), Arc::clone(&end));
        async move {
            let end = end.lock().unwrap_or_else(PoisonError::into_inner).take();
            stop.cancelled().await;
            drop(end);
            network.stopped().await;
            Ok(())
        }
    });
}

/// Holds the ledger until everything else has ended, then closes it.
fn supervise_storage(supervisor: &mut Supervisor, ledger: Arc<LedgerHome>) {
    let spec = ChildSpec::new("storage", RestartPolicy::Never, STORAGE_GRACE);
    supervisor.spawn(spec, move |stop: CancellationToken| {
        let ledger = Arc::clone(&ledger);
        async move {
            stop.cancelled().await;
            let closed: Result<Result<(), LedgerError>, _> =
                tokio::task::spawn_blocking(move || ledger.close()).await;
            Ok(closed??)
        }
    });
}

fn supervise_follower(supervisor: &mut Supervisor, follower: Follower, wake: Arc<Wake>) {
    let spec = ChildSpec::new("follower", RestartPolicy::Never, GRACE);
    let follower = Arc::new(Mutex::new(Some(follower)));
    supervisor.spawn(spec, move |stop: CancellationToken| {
        let (follower, wake) = (Arc::clone(&follower), Arc::clone(&wake));
        async move {
            let taken = follower.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(follower) = taken else {
                return Err(Fault::new("the follower has ended before"));
            };
            let waker = Arc::clone(&wake);
            let mut life = tokio::task::spawn_blocking(move || follower.run(&waker));
            tokio::select! {
                ended = &mut life => Ok(ended??),
                () = stop.cancelled() => {
                    wake.stop();
                    Ok(life.await??)
                }
            }
        }
    });
}

async fn serve(
    supervisor: &mut Supervisor,
    name: &'static str,
    address: Option<SocketAddr>,
    encoding: Encoding,
    core: &Arc<Core>,
) -> Result<Option<SocketAddr>, NodeStartError> {
    let Some(address) = address else { return Ok(None) };
    let server = WrpcServer::bind(address, encoding, Arc::clone(core)).await?;
    let bound = server.address();
    supervise_server(supervisor, name, move |stop| server.run(stop));
    Ok(bound)
}

async fn serve_grpc(
    supervisor: &mut Supervisor,
    options: Option<GrpcOptions>,
    core: &Arc<Core>,
) -> Result<Option<SocketAddr>, NodeStartError> {
    let Some(GrpcOptions { address, clients_max, is_optional }) = options else { return Ok(None) };
    let server = match GrpcServer::bind(address, clients_max, Arc::clone(core)).await {
        Ok(server) => server,
        Err(error) if is_optional => {
            warn!(%error, "gRPC is not served; say where else with --rpclisten, or --nogrpc");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let bound = server.address();
    supervise_server(supervisor, "grpc", move |stop| server.run(stop));
    Ok(bound)
}

/// Runs a server of clients, once.
fn supervise_server<F>(
    supervisor: &mut Supervisor,
    name: &'static str,
    run: impl FnOnce(CancellationToken) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let run = Arc::new(Mutex::new(Some(run)));
    let spec = ChildSpec::new(name, RestartPolicy::Never, GRACE);
    supervisor.spawn(spec, move |stop: CancellationToken| {
        let run = Arc::clone(&run);
        async move {
            let taken = run.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(run) = taken {
                run(stop).await;
            }
            Ok(())
        }
    });
}

fn supervise_miner(supervisor: &mut Supervisor, core: &Arc<Core>, options: MinerOptions) {
    let (sink, taker) = (Arc::clone(&core.consensus), Arc::clone(core));
    let submit = move |block: Block| {
        let hash = block.header.hash();
        let outcome = taker.pipeline.submit_attached(block).wait()?;
        if matches!(outcome, Outcome::Accepted(_)) {
            taker.peers.announce_block(hash);
        }
        Ok(outcome)
    };
    let miner = Arc::new(CpuMiner::new(
        Arc::clone(&core.templates),
        Arc::new(move || sink.sink()),
        Arc::new(submit),
        options,
    ));
    let spec = ChildSpec::new("miner", RestartPolicy::Never, GRACE);
    supervisor.spawn(spec, move |stop: CancellationToken| {
        let miner = Arc::clone(&miner);
        async move { Ok(tokio::task::spawn_blocking(move || miner.run(&stop)).await??) }
    });
}
