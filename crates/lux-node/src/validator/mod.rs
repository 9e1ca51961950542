//! A node of a network: it follows the chain, proposes and votes if it has a validator's key, and serves clients.
//!
//! ```text
//!             ┌──────────── Actor ────────────┐
//!   clock ───►│                               │◄──► P2p (blocks, votes, requests)
//!             │  Engine: Consensus, EthChain, │
//!             │  Journal, keys                │
//!             └───────────────▲───────────────┘
//!                             └── EthNode, lux_* ◄── clients
//!                                    └─ pool ◄─► Relay ◄─► P2p (transactions)
//! ```
//!
//! # Invariants
//!
//! - Nothing is signed before the watermark that allows it is on disk.
//! - A vote names a block that this node executed.
//! - One step of the engine at a time, on threads that may wait for the disk.

mod actor;
mod engine;
mod journal;
mod keys;
pub mod rpc;
mod sync;
mod transactions;
mod view;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use libp2p::{Multiaddr, PeerId, identity::Keypair};
use quintet_eth_chain::{ChainError, ChainOptions, EthChain};
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::{EthError, EthNode, EthRpcConfig, NodeParts, PeerCount};
use quintet_store::StoreError;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::{
    actor::{Actor, now_millis},
    journal::Journal,
    transactions::Relay,
};
pub use self::{
    engine::{BlockTaken, Engine, EngineError},
    keys::{KeyError, ValidatorKeys},
    view::{ConsensusView, PointView, ValidatorView},
};
use crate::{
    genesis::{LuxGenesis, LuxGenesisError},
    p2p::{self, P2pConfig, P2pError, PeerSource},
};

/// What a node of a network is made of.
#[derive(Debug)]
pub struct ValidatorOptions {
    /// The network.
    pub genesis: LuxGenesis,
    /// Where the chain and the journal lie.
    pub directory: PathBuf,
    /// A validator's keys; a node without them follows.
    pub keys: Option<ValidatorKeys>,
    /// Where it listens for peers.
    pub listen: SocketAddr,
    /// Who its peers are.
    pub peers: Box<dyn PeerSource>,
    /// How the chain is kept.
    pub chain: ChainOptions,
    /// Limits of calls.
    pub rpc: EthRpcConfig,
    /// Limits of the pool.
    pub pool: PoolConfig,
    /// Name and version, as clients are told.
    pub client_version: String,
}

/// Why a node of a network does not start.
#[derive(Debug, thiserror::Error)]
pub enum ValidatorError {
    /// The genesis makes no network.
    #[error(transparent)]
    Genesis(#[from] LuxGenesisError),
    /// The chain cannot be opened.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] StoreError),
    /// The first step fails.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Peers cannot be reached.
    #[error(transparent)]
    P2p(#[from] P2pError),
    /// What serves clients does not start.
    #[error("the methods for clients do not start: {}", error.message)]
    Rpc {
        /// Why.
        error: EthError,
    },
}

/// A node of a network that runs.
#[derive(Debug)]
pub struct ValidatorNode {
    /// What serves Ethereum's clients.
    pub node: Arc<EthNode>,
    engine: Arc<Mutex<Engine>>,
    address: Multiaddr,
    peer: PeerId,
    task: JoinHandle<()>,
}

impl ValidatorNode {
    /// Opens the chain, reaches for peers, and begins its duties.
    ///
    /// # Errors
    ///
    /// [`ValidatorError`] says which part does not start.
    pub async fn start(
        options: ValidatorOptions,
        stop: CancellationToken,
    ) -> Result<Self, ValidatorError> {
        let ValidatorOptions { genesis, directory, keys, listen, peers, .. } = options;
        let (params, set) = (genesis.params()?, genesis.validators()?);
        let chain = EthChain::open(&directory.join("chain"), genesis.spec, options.chain)?;
        let (connected, peers_known) = watch::channel(BTreeSet::new());
        let node = EthNode::new(NodeParts {
            chain: chain.clone(),
            config: options.rpc,
            pool: options.pool,
            clock: Arc::new(|| now_millis() / 1_000),
            client_version: options.client_version,
            peers: peer_count(peers_known.clone()),
        });
        let node = node.map_err(|error| ValidatorError::Rpc { error })?;
        let journal = Journal::open(&directory.join("validator"))?;
        // A new name each time: who a validator is, what it signs says.
        let identity = Keypair::generate_ed25519();
        let pool = Arc::clone(node.pool());
        let (relay, waiting) = Relay::new(chain.clone(), Arc::clone(&pool));
        // Behind the relay, which tells peers of them again.
        let restored = pool.keep_waiting().map_err(|error| ValidatorError::Rpc { error })?;
        tracing::debug!(?restored, "transactions that waited");
        let engine = Engine::open(chain, pool, params, set, keys, journal)?;
        let engine = Arc::new(Mutex::new(engine));
        let config = P2pConfig { listen, identity, peers, connected };
        let started = p2p::start(config, stop.clone()).await?;
        let (p2p, address) = (started.client, started.address);
        let peer = p2p.local();
        let actor = Actor {
            engine: Arc::clone(&engine),
            params,
            p2p: p2p.clone(),
            events: started.events,
            connected: peers_known,
            peers: BTreeSet::new(),
            catching_up: None,
            behind: Arc::default(),
            slot: 0,
            voted: true,
            duties_from: 0,
        };
        let (transactions, ending) = (started.transactions, stop.clone());
        let pause = transactions::pause(params.slot_millis);
        let relaying = relay.run(p2p, transactions, waiting, pause, ending);
        tokio::spawn(relaying.in_current_span());
        let task = tokio::spawn(actor.run(stop).in_current_span());
        Ok(Self { node, engine, address, peer, task })
    }

    /// Where it listens for peers.
    #[must_use]
    pub const fn address(&self) -> &Multiaddr {
        &self.address
    }

    /// Its name among peers.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Consensus as the node sees it, and all that belongs to it.
    #[must_use]
    pub const fn engine(&self) -> &Arc<Mutex<Engine>> {
        &self.engine
    }

    /// Waits for the end of the step under way, after the token was cancelled, and brings everything to the disk.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the disk fails.
    pub async fn stop(self) -> Result<(), ChainError> {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the validator's task ended unexpectedly");
        }
        self.node.chain().flush()
    }
}

/// What clients are told of peers, as long as somebody listens for them.
fn peer_count(connected: watch::Receiver<BTreeSet<PeerId>>) -> PeerCount {
    Arc::new(move || connected.has_changed().is_ok().then(|| connected.borrow().len()))
}
