//! A development chain with its pool and what serves clients.

use std::sync::{Arc, Weak};

use alloy_primitives::B256;
use quintet_eth_chain::{Candidate, EthChain};
use quintet_eth_pool::{PoolConfig, PoolTransaction};
use quintet_eth_rpc::{EthError, EthNode, EthRpcConfig, NodeParts, PoolService, Restored};

use super::{Clock, DevChain, DevOptions, Inner, TransactionSource};

impl TransactionSource for PoolService {
    fn candidates(&self, base_fee: u64, blob_fee: u128, most: usize) -> Vec<Candidate> {
        Self::candidates(self, base_fee, blob_fee, most)
    }

    fn forget(&self, hash: B256) {
        Self::remove(self, &hash);
    }

    fn clear(&self) {
        Self::clear(self);
    }

    fn refresh(&self) {
        Self::refresh(self);
    }
}

/// What a development node is made of.
#[derive(Debug)]
pub struct DevParts {
    /// The chain.
    pub chain: EthChain,
    /// When blocks are made, and by whom.
    pub options: DevOptions,
    /// Limits of calls.
    pub rpc: EthRpcConfig,
    /// Limits of the pool.
    pub pool: PoolConfig,
    /// Whether what clients sent and waits outlives this process: for a chain that stays.
    pub keeps_waiting: bool,
    /// Name and version, as clients are told.
    pub client_version: String,
}

/// A development chain with its pool and what serves clients.
#[derive(Debug, Clone)]
pub struct DevNode {
    /// The chain and its owner's controls.
    pub dev: DevChain,
    /// What serves clients.
    pub node: Arc<EthNode>,
}

impl DevNode {
    /// Puts a node together. From now on a transaction that becomes pending is mined, if that is what is wanted.
    ///
    /// # Errors
    ///
    /// [`EthError`] if the chain cannot be read.
    pub fn new(parts: DevParts, clock: Clock) -> Result<Self, EthError> {
        let DevParts { chain, options, rpc, pool, keeps_waiting, client_version } = parts;
        let node = EthNode::new(NodeParts {
            chain: chain.clone(),
            config: rpc,
            pool,
            clock: Arc::clone(&clock),
            client_version,
            // It has none and never will; that it listens is what clients ask to see whether it is there.
            peers: Arc::new(|| Some(0)),
        })?;
        let source: Arc<PoolService> = Arc::clone(node.pool());
        let dev = DevChain::new(chain, source, clock, options);
        // Not the chain itself: it holds the pool.
        let chain: Weak<Inner> = Arc::downgrade(&dev.inner);
        node.pool().on_pending(Arc::new(move |_: &[Arc<PoolTransaction>]| {
            let Some(inner) = chain.upgrade() else { return };
            if let Err(error) = (DevChain { inner }).on_pending() {
                tracing::error!(%error, "no block was mined");
            }
        }));
        if keeps_waiting {
            let Restored { taken, refused } = node.pool().keep_waiting()?;
            tracing::debug!(taken, refused, "transactions that waited are in the pool again");
        }
        Ok(Self { dev, node })
    }
}
