//! What writes the chain, one at a time.
//!
//! ```text
//!   import ──► insert (check, execute on the head) ──► extend ─┐
//!   build ───► adopt ──────────────────────────────────────────┼─► commit: one batch
//!   set_forkchoice ──► retreat (batches of blocks) ──► execute ┘
//! ```

mod build;
mod commit;
mod dev;
mod execute;
mod forkchoice;
mod import;
mod prune;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::B256;
use quintet_eth::{
    genesis,
    state::store::{BlockId, StateStore},
};
use quintet_store::{Batch, Durability, Store};

pub(crate) use self::{
    build::run_failed,
    execute::{all_runnable, failed},
};
pub use self::{
    forkchoice::HeadChange,
    import::{Imported, Inserted},
};
use crate::{
    attributes::Executed,
    block::BlockRef,
    error::ChainError,
    journal,
    observe::{Observer, Observers, Subscription},
    options::ChainOptions,
    reader::{BlockCache, ChainReader},
    senders::SenderCache,
    spec::ChainSpec,
    tables::{self, CANONICAL, GENESIS, HEADERS, HeaderRecord, NUMBERS, SCHEMA},
};

/// Blocks executed on the head and not made head yet that are remembered.
const PENDING_MAX: usize = 4;

/// Bad blocks remembered.
const BAD_MAX: usize = 128;

/// A chain on disk; what writes it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EthChain {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) spec: ChainSpec,
    pub(crate) options: ChainOptions,
    pub(crate) state: StateStore,
    pub(crate) senders: SenderCache,
    pub(crate) blocks: BlockCache,
    observers: Observers,
    writer: Mutex<Writer>,
}

/// What the one writer knows.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Executed on the head, the newest last.
    pending: VecDeque<Arc<Executed>>,
    /// Hashes of blocks that are bad, the newest last.
    bad: VecDeque<B256>,
}

impl Writer {
    fn keep(&mut self, executed: Arc<Executed>) {
        self.pending.retain(|known| known.block.hash != executed.block.hash);
        if self.pending.len() >= PENDING_MAX {
            self.pending.pop_front();
        }
        self.pending.push_back(executed);
    }

    fn pending(&self, hash: B256) -> Option<&Arc<Executed>> {
        self.pending.iter().find(|executed| executed.block.hash == hash)
    }

    fn condemn(&mut self, hash: B256) {
        if self.is_bad(&hash) {
            return;
        }
        if self.bad.len() >= BAD_MAX {
            self.bad.pop_front();
        }
        self.bad.push_back(hash);
    }

    fn is_bad(&self, hash: &B256) -> bool {
        self.bad.contains(hash)
    }
}

impl EthChain {
    /// The store beneath, for tables of who owns the chain; their names begin with neither `chain-` nor `state-`.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.inner.state.store()
    }

    /// Opens the chain in a directory; a new one begins with the genesis.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the directory is in use, holds something else or another chain, or cannot be read.
    pub fn open(
        directory: &Path,
        spec: ChainSpec,
        options: ChainOptions,
    ) -> Result<Self, ChainError> {
        let store = journal::open(directory, &SCHEMA, &options.store)?;
        Self::with_store(store, spec, options)
    }

    /// Opens a chain in memory: for tests, and for development chains that are not to be kept.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the genesis cannot be written.
    pub fn in_memory(spec: ChainSpec, options: ChainOptions) -> Result<Self, ChainError> {
        Self::with_store(Store::memory(&SCHEMA)?, spec, options)
    }

    /// Opens the chain in a store that somebody opened with [`Self::schema`].
    ///
    /// # Errors
    ///
    /// [`ChainError`] if it holds another chain, or cannot be read.
    pub fn with_store(
        store: Store,
        spec: ChainSpec,
        options: ChainOptions,
    ) -> Result<Self, ChainError> {
        let state = StateStore::open(store, options.state())?;
        let inner = Inner {
            senders: SenderCache::new(options.senders_max),
            blocks: BlockCache::new(options.block_cache_bytes),
            spec,
            options,
            state,
            observers: Observers::default(),
            writer: Mutex::default(),
        };
        let chain = Self { inner: Arc::new(inner) };
        chain.begin()?;
        Ok(chain)
    }

    /// What a store with a chain is called, and its version.
    #[must_use]
    pub const fn schema() -> &'static quintet_store::Schema {
        &SCHEMA
    }

    /// Writes the genesis, or compares it with the one that is there.
    fn begin(&self) -> Result<(), ChainError> {
        let Inner { spec, state, .. } = &*self.inner;
        let expected = spec.hash;
        if let Some(BlockRef { hash: actual, .. }) = state.store().get(&GENESIS, &())? {
            if actual != expected {
                return Err(ChainError::OtherGenesis { expected, actual });
            }
            return Ok(());
        }
        let at = BlockRef { number: spec.header.number, hash: spec.hash };
        let record = HeaderRecord {
            header: spec.header.clone(),
            total_difficulty: spec.header.difficulty,
            ommers: Vec::new(),
        };
        let mut batch = Batch::new();
        batch.put(&GENESIS, &(), &at);
        batch.put(&NUMBERS, &at.hash.0, &at.number);
        batch.put(&CANONICAL, &at.number, &at.hash.0);
        batch.put(&HEADERS, &tables::key(at), &record);
        commit::put_empty_body(&mut batch, at, &spec.header);
        let update = state.root_of(&genesis::changes(&spec.genesis.alloc))?;
        let id = BlockId { number: at.number, hash: at.hash };
        state.commit(&update, id, batch, Durability::Sync)?;
        Ok(())
    }

    /// Genesis and schedule.
    #[must_use]
    pub fn spec(&self) -> &ChainSpec {
        &self.inner.spec
    }

    /// How the chain is kept.
    #[must_use]
    pub fn options(&self) -> &ChainOptions {
        &self.inner.options
    }

    /// Senders that were recovered: the pool puts them in, execution takes them out.
    #[must_use]
    pub fn senders(&self) -> &SenderCache {
        &self.inner.senders
    }

    /// The chain as it is now. Cheap; make one for each request, so that all it reads fits together.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn reader(&self) -> Result<ChainReader, ChainError> {
        ChainReader::new(Arc::clone(&self.inner))
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> BlockRef {
        self.inner.head()
    }

    /// Tells `observer` of what happens until the subscription is dropped.
    pub fn subscribe(&self, observer: Arc<dyn Observer>) -> Subscription {
        self.inner.observers.add(observer)
    }

    /// Puts everything on disk that is not there yet, where imports do not wait for it.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store fails.
    pub fn flush(&self) -> Result<(), ChainError> {
        Ok(self.inner.state.store().flush()?)
    }

    /// Bytes the chain takes on disk.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the files cannot be measured.
    pub fn disk_bytes(&self) -> Result<u64, ChainError> {
        Ok(self.inner.state.store().disk_bytes()?)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    pub(crate) fn head(&self) -> BlockRef {
        // There is a state since the genesis was written.
        self.state
            .head()
            .map_or(BlockRef { number: self.spec.header.number, hash: self.spec.hash }, |head| {
                BlockRef { number: head.number, hash: head.hash }
            })
    }
}
