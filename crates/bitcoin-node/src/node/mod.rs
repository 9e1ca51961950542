//! A node: its parts started in order, and stopped in the reverse one.
//!
//! ```text
//!   open the chain ──► kernel (a thread) ──► kept mempool ──► sockets ──► dials
//!   stop:  sockets ──► kernel: everything on disk
//! ```
//!
//! # Invariants
//!
//! - When [`BitcoinNode::start`] returns, peers can connect and questions are answered.
//! - An error of the disk ends the node; its supervisor tells which.

use std::{
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quintet_actor::{
    inbox,
    supervisor::{ChildSpec, Escalation, Fault, RestartPolicy, ShutdownReport, Supervisor},
};
use quintet_bitcoin_protocol::network::Params;
use quintet_store::StoreError;
use thiserror::Error;
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{
    chain::{Chain, ChainError, ChainOptions, Pruning},
    connections::Connections,
    kernel::{Clock, Kernel, KernelClient, KernelError, KernelOptions, Life, Tip},
    mempool::MempoolOptions,
    peers::{Grants, NodeAddress, Permissions, WhiteBind},
    txindex::{Indexer, TxIndex},
};

/// Inputs that wait for the kernel, inputs: two messages of each connection, and room for questions.
const INBOX: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");
/// Connections that wait to be made, connections.
const DIALS_MAX: usize = 256;
/// Time the kernel has to put everything on disk.
const KERNEL_GRACE: Duration = Duration::from_secs(600);
/// Time the connections have to end.
const CONNECTIONS_GRACE: Duration = Duration::from_secs(5);
/// Time the index of transactions has to write what it is at.
const INDEXER_GRACE: Duration = Duration::from_secs(60);

/// How a node is run.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// The network.
    pub params: Arc<Params>,
    /// How the chain is opened.
    pub chain: ChainOptions,
    /// Where everything else is kept: `mempool.dat`.
    pub state_directory: PathBuf,
    /// Where peers may connect; none for nowhere.
    pub listen: Vec<SocketAddr>,
    /// Where peers may connect that are granted something.
    pub listen_white: Vec<WhiteBind>,
    /// What peers are granted by their address.
    pub grants: Grants,
    /// Peers to stay connected with.
    pub peers: Vec<NodeAddress>,
    /// What this node calls itself.
    pub user_agent: String,
    /// Most connections in all.
    pub connections_max: usize,
    /// Time for a handshake, seconds.
    pub peer_timeout: u64,
    /// Age of the tip beyond which the chain counts as far behind, seconds.
    pub tip_age_max: u64,
    /// The pool.
    pub mempool: MempoolOptions,
    /// Whether the pool is kept between runs.
    pub keep_mempool: bool,
    /// Whether transactions are neither wanted nor relayed.
    pub blocks_only: bool,
    /// Whether every transaction can be asked for by its id.
    pub txindex: bool,
    /// A time at which the clock stands, Unix seconds; 0 for the machine's.
    pub mock_time: u64,
}

impl NodeOptions {
    /// Options of a node whose chain lies in `directory`, with Bitcoin Core's defaults and nobody to talk to. `salt` is random.
    #[must_use]
    pub fn new(params: Params, directory: PathBuf, salt: [u8; 32]) -> Self {
        Self {
            state_directory: directory.clone(),
            chain: ChainOptions::new(directory, &params, salt),
            params: Arc::new(params),
            listen: Vec::new(),
            listen_white: Vec::new(),
            grants: Grants::default(),
            peers: Vec::new(),
            user_agent: user_agent(&[]),
            connections_max: 125,
            peer_timeout: 60,
            tip_age_max: 24 * 60 * 60,
            mempool: MempoolOptions::default(),
            keep_mempool: true,
            blocks_only: false,
            txindex: false,
            mock_time: 0,
        }
    }
}

/// Returns what this program calls itself towards peers, with an operator's comments (BIP-0014).
#[must_use]
pub fn user_agent(comments: &[String]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if comments.is_empty() {
        format!("/quintet:{version}/")
    } else {
        format!("/quintet:{version}({})/", comments.join("; "))
    }
}

/// Why a node does not start.
#[derive(Debug, Error)]
pub enum NodeStartError {
    /// The chain cannot be opened.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// An address cannot be listened on.
    #[error("Unable to bind to {address} on this computer: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The index of transactions cannot be opened.
    #[error("the index of transactions: {0}")]
    Index(#[from] StoreError),
    /// Blocks are gone, and all are asked for.
    #[error(
        "You need to rebuild the database using -reindex to go back to unpruned mode.  This will redownload the entire blockchain"
    )]
    Pruned,
    /// The kernel did not come up.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The thread that opens the chain ended early.
    #[error("the thread that opens the chain ended early: report this")]
    Opening,
}

/// A node that runs.
#[derive(Debug)]
pub struct BitcoinNode {
    kernel: KernelClient,
    addresses: Vec<SocketAddr>,
    supervisor: Supervisor,
}

impl BitcoinNode {
    /// Starts a node; it runs once [`BitcoinNode::run`] is polled, and its parts already now.
    ///
    /// # Errors
    ///
    /// [`NodeStartError`]; nothing is left running then but the chain's closing.
    pub async fn start(options: NodeOptions) -> Result<Self, NodeStartError> {
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        let plain = options.listen.iter().map(|&address| (address, Permissions::empty()));
        let white = options.listen_white.iter().map(|bind| (bind.address, bind.permissions));
        for (address, permissions) in plain.chain(white) {
            let wrong = |source| NodeStartError::Listen { address, source };
            let listener = TcpListener::bind(address).await.map_err(wrong)?;
            addresses.push(listener.local_addr().map_err(wrong)?);
            listeners.push((listener, permissions));
        }
        let (client, inbox) = inbox::channel("bitcoin-kernel", INBOX);
        let (dials, wanted) = mpsc::channel(DIALS_MAX);
        let magic = options.params.magic;
        let sockets_max = options.connections_max;
        let kernel = KernelClient::new(client);
        let opened = tokio::task::spawn_blocking(move || open(options, dials)).await;
        let (opened, indexer) = opened.map_err(|_| NodeStartError::Opening)??;
        let tip = opened.watch_tip();
        let mut supervisor = Supervisor::new("bitcoin");
        let life = Arc::new(Mutex::new(Some(Life::new(opened, inbox))));
        let spec = ChildSpec::new("kernel", RestartPolicy::Never, KERNEL_GRACE);
        supervisor.spawn(spec, move |stop: CancellationToken| {
            let life = Arc::clone(&life);
            async move {
                let taken = life.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(life) = taken else {
                    return Err(Fault::new("the kernel has ended before"));
                };
                let runtime = Handle::current();
                let ended = tokio::task::spawn_blocking(move || life.run(&runtime, &stop)).await;
                Ok(ended??)
            }
        });
        if let Some(indexer) = indexer {
            spawn_indexer(&mut supervisor, indexer, kernel.clone(), tip);
        }
        let connections = Connections::new(kernel.clone(), magic, sockets_max);
        let parts = Arc::new(Mutex::new(Some((listeners, wanted))));
        let spec = ChildSpec::new("connections", RestartPolicy::Never, CONNECTIONS_GRACE);
        supervisor.spawn(spec, move |stop: CancellationToken| {
            let connections = Arc::clone(&connections);
            let parts = Arc::clone(&parts);
            async move {
                let taken = parts.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some((listeners, wanted)) = taken {
                    connections.run(listeners, wanted, stop).await;
                }
                Ok(())
            }
        });
        Ok(Self { kernel, addresses, supervisor })
    }

    /// Returns who answers questions.
    #[must_use]
    pub const fn kernel(&self) -> &KernelClient {
        &self.kernel
    }

    /// Returns where peers may connect.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the supervisor, for whoever runs it among others.
    #[must_use]
    pub fn into_supervisor(self) -> Supervisor {
        self.supervisor
    }

    /// Runs until `stop` is cancelled or something fails.
    ///
    /// # Errors
    ///
    /// [`Escalation`] with what failed.
    pub async fn run(self, stop: CancellationToken) -> Result<ShutdownReport, Escalation> {
        self.supervisor.run(stop).await
    }
}

/// Opens the chain and takes in what the last run left in the pool.
fn open(
    options: NodeOptions,
    dials: mpsc::Sender<crate::peers::Dial>,
) -> Result<(Kernel, Option<Indexer>), NodeStartError> {
    let mut clock = Clock::default();
    clock.set(options.mock_time);
    let now = clock.now().as_secs();
    let directory = options.state_directory;
    let seed = rand::random();
    let chain = Chain::open(Arc::clone(&options.params), options.chain, now)?;
    if chain.has_pruned() && chain.pruning() == Pruning::Off {
        return Err(NodeStartError::Pruned);
    }
    let index = options.txindex.then(|| TxIndex::open(&TxIndex::directory(&directory)));
    let (txindex, indexer) = index.transpose()?.unzip();
    let settings = KernelOptions {
        user_agent: options.user_agent,
        tip_age_max: options.tip_age_max,
        peer_timeout: options.peer_timeout,
        connections_max: options.connections_max,
        directory,
        mempool: options.mempool,
        blocks_only: options.blocks_only,
        grants: options.grants,
    };
    let mut kernel = Kernel::new(chain, settings, dials, seed);
    kernel.set_time(options.mock_time);
    for peer in options.peers {
        kernel.add_manual(peer);
    }
    kernel.open_mempool(options.keep_mempool)?;
    kernel.txindex = txindex;
    Ok((kernel, indexer))
}

/// Starts the thread that fills the index of transactions.
fn spawn_indexer(
    supervisor: &mut Supervisor,
    indexer: Indexer,
    kernel: KernelClient,
    tip: watch::Receiver<Tip>,
) {
    let parts = Arc::new(Mutex::new(Some((indexer, kernel, tip))));
    let spec = ChildSpec::new("txindex", RestartPolicy::Never, INDEXER_GRACE);
    supervisor.spawn(spec, move |stop: CancellationToken| {
        let parts = Arc::clone(&parts);
        async move {
            let taken = parts.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some((indexer, kernel, tip)) = taken else {
                return Err(Fault::new("the index of transactions has ended before"));
            };
            let runtime = Handle::current();
            let run = move || indexer.run(&runtime, &kernel, tip, &stop);
            Ok(tokio::task::spawn_blocking(run).await??)
        }
    });
}
