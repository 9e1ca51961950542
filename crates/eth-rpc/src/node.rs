//! What the methods work on: the chain, the pool, and what is kept for clients.

use std::{fmt, sync::Arc};

use alloy_consensus::Header;
use alloy_primitives::B256;
use quintet_eth::state::store::StateReader;
use quintet_eth_chain::{
    BlockRef, BlockTag, ChainError, ChainReader, EthChain, SealedBlock, Subscription,
};
use quintet_eth_pool::PoolConfig;

use crate::{
    args::BlockId,
    config::EthRpcConfig,
    error::{EthError, EthResult},
    fees::TipOracle,
    filters::Filters,
    pool::PoolService,
    subscribe::Events,
};

/// Tells the time, in seconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Tells how many peers there are; none if nobody listens for any.
pub type PeerCount = Arc<dyn Fn() -> Option<usize> + Send + Sync>;

/// What a node is made of.
pub struct NodeParts {
    /// The chain.
    pub chain: EthChain,
    /// Limits of calls.
    pub config: EthRpcConfig,
    /// Limits of the pool.
    pub pool: PoolConfig,
    /// Tells the time.
    pub clock: Clock,
    /// Name and version, as `web3_clientVersion` tells them.
    pub client_version: String,
    /// Tells how many peers there are.
    pub peers: PeerCount,
}

impl fmt::Debug for NodeParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeParts").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A chain with its pool, and what is kept for clients.
pub struct EthNode {
    pub(crate) chain: EthChain,
    pub(crate) pool: Arc<PoolService>,
    pub(crate) config: EthRpcConfig,
    pub(crate) filters: Filters,
    pub(crate) events: Events,
    pub(crate) tips: TipOracle,
    pub(crate) clock: Clock,
    pub(crate) client_version: String,
    pub(crate) payloads: crate::engine::Payloads,
    peers: PeerCount,
    _subscription: Subscription,
}

impl fmt::Debug for EthNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EthNode").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl EthNode {
    /// Puts a node together; from now on the pool follows the chain.
    ///
    /// # Errors
    ///
    /// [`EthError`] if the chain cannot be read.
    pub fn new(parts: NodeParts) -> EthResult<Arc<Self>> {
        let NodeParts { chain, config, pool, clock, client_version, peers } = parts;
        let pool = Arc::new(PoolService::new(chain.clone(), pool, Arc::clone(&clock))?);
        let filters = Filters::new(&config);
        let events = Events::new();
        {
            let (filters, events) = (filters.clone(), events.clone());
            pool.on_pending(Arc::new(move |pending| {
                filters.on_pending(pending);
                events.on_pending(pending);
            }));
        }
        let observer = {
            let (pool, filters, events) = (Arc::clone(&pool), filters.clone(), events.clone());
            let source = chain.clone();
            move |event: &quintet_eth_chain::ChainEvent| {
                pool.on_event(event);
                filters.on_event(event, &source);
                events.on_event(event, &source);
            }
        };
        let subscription = chain.subscribe(Arc::new(observer));
        let (tips, payloads) = (TipOracle::default(), crate::engine::Payloads::default());
        Ok(Arc::new(Self {
            chain,
            pool,
            config,
            filters,
            events,
            tips,
            clock,
            client_version,
            payloads,
            peers,
            _subscription: subscription,
        }))
    }

    /// Returns the chain.
    #[must_use]
    pub const fn chain(&self) -> &EthChain {
        &self.chain
    }

    /// Returns the pool.
    #[must_use]
    pub const fn pool(&self) -> &Arc<PoolService> {
        &self.pool
    }

    /// Name and version, as `web3_clientVersion` tells them.
    #[must_use]
    pub fn client_version(&self) -> &str {
        &self.client_version
    }

    /// How many peers there are; none if nobody listens for any.
    #[must_use]
    pub fn peer_count(&self) -> Option<usize> {
        (self.peers)()
    }

    pub(crate) fn reader(&self) -> EthResult<ChainReader> {
        Ok(self.chain.reader()?)
    }

    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }
}

/// Questions about blocks as clients name them.
pub(crate) trait Named {
    /// Returns the block, if there is one.
    fn named(&self, id: BlockId) -> EthResult<Option<BlockRef>>;

    /// Returns the block.
    fn needed(&self, id: BlockId) -> EthResult<BlockRef> {
        self.named(id)?.ok_or_else(|| EthError::server("header not found"))
    }

    /// Returns a block with its transactions.
    fn sealed(&self, hash: B256) -> EthResult<Arc<SealedBlock>>;

    /// Returns the header of the head.
    fn head_header(&self) -> EthResult<Header>;

    /// Returns the state after a block.
    fn state_named(&self, id: BlockId) -> EthResult<StateReader>;
}

impl Named for ChainReader {
    fn named(&self, id: BlockId) -> EthResult<Option<BlockRef>> {
        Ok(match id {
            BlockId::Earliest => self.find(BlockTag::Earliest)?,
            BlockId::Finalized => self.find(BlockTag::Finalized)?,
            BlockId::Safe => self.find(BlockTag::Safe)?,
            // What is pending is not known to readers: the head stands for it.
            BlockId::Latest | BlockId::Pending => Some(self.head()),
            BlockId::Number(number) => self.find(BlockTag::Number(number))?,
            BlockId::Hash { hash, canonical } => {
                let found = self.find(BlockTag::Hash(hash))?;
                if let Some(at) = found
                    && canonical
                    && !self.is_canonical(at)?
                {
                    return Err(EthError::server("hash is not currently canonical"));
                }
                found
            }
        })
    }

    fn sealed(&self, hash: B256) -> EthResult<Arc<SealedBlock>> {
        let missing = || EthError::from(ChainError::UnknownBlock { tag: BlockTag::Hash(hash) });
        self.block(hash)?.ok_or_else(missing)
    }

    fn head_header(&self) -> EthResult<Header> {
        let hash = self.head().hash;
        let missing = || EthError::from(ChainError::UnknownBlock { tag: BlockTag::Latest });
        self.header(hash)?.ok_or_else(missing)
    }

    fn state_named(&self, id: BlockId) -> EthResult<StateReader> {
        if matches!(id, BlockId::Latest | BlockId::Pending) {
            return Ok(self.state().clone());
        }
        let at = self.needed(id)?;
        Ok(self.state_at(BlockTag::Hash(at.hash))?)
    }
}
