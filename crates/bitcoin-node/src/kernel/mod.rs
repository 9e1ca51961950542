//! The kernel: one owner of the chain, the pool and what is known of every peer.
//!
//! ```text
//!   connections ──► Inbox<Input> ──► Kernel ──┬──► Outbox of a peer ──► its socket
//!   RPC methods ──►  (Call)           │  │    └──► Dial ──► connections
//!                                     │  └── TipChanged ──► whoever waits for a block
//!                                     ▼
//!                       Chain · Mempool · Peers
//! ```
//!
//! Whether a transaction may enter the pool depends on the coins, what a peer is asked for depends on the headers and on what other peers
//! were asked for, and a block changes all of them at once. So one thread owns them, and takes one input after the other; Bitcoin Core
//! has one lock over the same (`cs_main`). What is costly and depends on nothing (parsing, checksums, script checks) runs elsewhere.
//!
//! # Invariants
//!
//! - Before a call is answered every connected block's scripts are checked ([`Chain::settle`]).
//! - Time comes from [`Clock`] alone, randomness from one generator.
//! - An error of the disk ends the kernel: it is told once, and nothing is promised after it.
//!
//! **Spec:** Bitcoin Core, `PeerManagerImpl`, `ChainstateManager`.

mod clock;
mod events;
mod run;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{header::presync, network::Params, p2p::Services};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::{mpsc, watch};

pub use clock::Clock;
pub(crate) use events::ANNOUNCED_MAX;
pub use run::{Call, Input, KernelClient, KernelError, Life};

use crate::{
    chain::{Chain, ChainError, Pruning},
    mempool::{Mempool, MempoolOptions},
    peers::{Dial, Grants, PeerId, Peers},
    txindex::TxIndex,
};

/// Settings of a kernel.
#[derive(Debug, Clone)]
pub struct KernelOptions {
    /// What this node calls itself.
    pub user_agent: String,
    /// Age of the tip beyond which the chain counts as far behind, seconds.
    pub tip_age_max: u64,
    /// Time a peer has for its handshake, and before the first look at whether it is alive, seconds.
    pub peer_timeout: u64,
    /// Most connections in all.
    pub connections_max: usize,
    /// Where blocks and the rest of the chain's files are.
    pub directory: PathBuf,
    /// What may enter the pool.
    pub mempool: MempoolOptions,
    /// Whether transactions of others are neither wanted nor relayed.
    pub blocks_only: bool,
    /// What peers are granted by their address.
    pub grants: Grants,
}

/// The last block, for whoever waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Its hash.
    pub hash: BlockHash,
    /// Blocks below it.
    pub height: u32,
}

/// The chain, the pool and the peers, with one owner.
#[derive(Debug)]
pub struct Kernel {
    pub(crate) chain: Chain,
    pub(crate) mempool: Mempool,
    pub(crate) peers: Peers,
    pub(crate) clock: Clock,
    pub(crate) rng: StdRng,
    pub(crate) options: KernelOptions,
    pub(crate) params: Arc<Params>,
    /// The secret of the synchronisation of headers with little work.
    pub(crate) presync_secret: presync::Secret,
    /// Whether the chain has caught up once.
    caught_up: bool,
    /// Who sent a block whose verdict is outstanding.
    pub(crate) sources: HashMap<BlockHash, PeerId>,
    /// Why blocks were refused, for whoever submitted them.
    pub(crate) verdicts: HashMap<BlockHash, String>,
    tip: watch::Sender<Tip>,
    dials: mpsc::Sender<Dial>,
    /// When the kernel began, Unix seconds.
    pub(crate) started: u64,
    /// Whether the pool is written to disk at the end.
    pub(crate) keep_mempool: bool,
    /// Which block each transaction is in, if that is kept.
    pub(crate) txindex: Option<TxIndex>,
}

impl Kernel {
    /// Makes a kernel over an open chain. Dials go out through `dials`; `seed` is random.
    #[must_use]
    pub fn new(
        chain: Chain,
        options: KernelOptions,
        dials: mpsc::Sender<Dial>,
        seed: [u8; 32],
    ) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let params = Arc::clone(chain.params());
        let (tip, _) = watch::channel(Tip { hash: chain.tip_hash(), height: chain.height() });
        let mut services = Services::WITNESS | Services::NETWORK_LIMITED;
        services.set(Services::NETWORK, chain.pruning() == Pruning::Off);
        let presync_secret = presync::Secret { key: rng.random(), offset: rng.random() };
        Self {
            mempool: Mempool::new(options.mempool.clone()),
            peers: Peers::new(services),
            clock: Clock::default(),
            rng,
            options,
            params,
            presync_secret,
            caught_up: false,
            sources: HashMap::new(),
            verdicts: HashMap::new(),
            tip,
            dials,
            started: Clock::machine().as_secs(),
            keep_mempool: true,
            txindex: None,
            chain,
        }
    }

    /// Returns the time, Unix seconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now().as_secs()
    }

    /// Stops the clock at a time, Unix seconds; zero lets it go on.
    pub fn set_time(&mut self, seconds: u64) {
        self.clock.set(seconds);
    }

    /// Takes in what the last run left in the pool, if it is kept between runs.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the coins cannot be reached.
    pub fn open_mempool(&mut self, keep: bool) -> Result<(), ChainError> {
        if keep {
            let count = self.load_mempool()?;
            tracing::info!(count, "transactions of the last run");
        } else {
            self.mempool.loaded = true;
            self.keep_mempool = false;
        }
        Ok(())
    }

    /// Returns the pool.
    #[must_use]
    pub const fn mempool(&self) -> &Mempool {
        &self.mempool
    }

    /// Returns the chain.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Returns a view of the last block that follows it.
    #[must_use]
    pub fn watch_tip(&self) -> watch::Receiver<Tip> {
        self.tip.subscribe()
    }

    /// Returns whether the chain has yet to catch up with the network: once it has, it stays so.
    ///
    /// **Spec:** Bitcoin Core, `ChainstateManager::IsInitialBlockDownload`.
    pub fn is_catching_up(&mut self) -> bool {
        if self.caught_up {
            return false;
        }
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        let behind = tree.work(tip) < self.params.minimum_chain_work
            || u64::from(tree.time(tip)) + self.options.tip_age_max < self.now();
        self.caught_up = !behind;
        behind
    }

    /// Asks the connections to reach somebody. A queue that is full is tried again at the next tick.
    pub(crate) fn dial(&self, dial: Dial) -> bool {
        self.dials.try_send(dial).is_ok()
    }

    /// Puts everything on disk.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the disk does not take it.
    pub fn flush(&mut self) -> Result<(), ChainError> {
        self.chain.flush()
    }
}
