//! How a chain is kept.

use quintet_eth::state::store::{HISTORY_BLOCKS_DEFAULT, StateOptions};
use quintet_evm::parallel;
use quintet_store::{Durability, StoreOptions};

/// What is kept of old blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Blocks whose state can be read, proved and gone back to; no reorganisation is deeper.
    pub states: u64,
    /// Whether accounts and slots of every block can be read.
    pub archive: bool,
    /// Blocks whose bodies, receipts and index are kept; `None` for all. Headers always are.
    pub bodies: Option<u64>,
}

impl Retention {
    /// All blocks, states of the last 128.
    #[must_use]
    pub const fn full() -> Self {
        Self { states: HISTORY_BLOCKS_DEFAULT, archive: false, bodies: None }
    }

    /// All blocks and all states.
    #[must_use]
    pub const fn archive() -> Self {
        Self { states: HISTORY_BLOCKS_DEFAULT, archive: true, bodies: None }
    }

    /// The last `blocks` blocks, with their states.
    #[must_use]
    pub const fn pruned(blocks: u64) -> Self {
        Self { states: blocks, archive: false, bodies: Some(blocks) }
    }
}

/// How a chain is kept and executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainOptions {
    /// What is kept of old blocks.
    pub retention: Retention,
    /// The store's engine, with its cache.
    pub store: StoreOptions,
    /// Threads that execute a block; one executes in sequence.
    pub threads: usize,
    /// Memory for nodes of tries, bytes.
    pub node_cache_bytes: usize,
    /// Memory for accounts and slots, bytes.
    pub flat_cache_bytes: usize,
    /// Memory for code, bytes.
    pub code_cache_bytes: usize,
    /// Memory for blocks and receipts read lately, bytes.
    pub block_cache_bytes: usize,
    /// Senders remembered.
    pub senders_max: usize,
    /// What must have happened before a block counts as imported.
    pub durability: Durability,
}

/// What the store's engine may cache unless said otherwise, bytes.
const STORE_CACHE_BYTES: usize = 32 << 20;

impl Default for ChainOptions {
    fn default() -> Self {
        let state = StateOptions::default();
        Self {
            retention: Retention::full(),
            store: StoreOptions::for_state(STORE_CACHE_BYTES),
            threads: rayon::current_num_threads(),
            node_cache_bytes: state.node_cache_bytes,
            flat_cache_bytes: state.flat_cache_bytes,
            code_cache_bytes: state.code_cache_bytes,
            block_cache_bytes: 16 << 20,
            senders_max: 65_536,
            durability: Durability::Sync,
        }
    }
}

impl ChainOptions {
    pub(crate) const fn state(&self) -> StateOptions {
        StateOptions {
            history_blocks: self.retention.states,
            archive: self.retention.archive,
            node_cache_bytes: self.node_cache_bytes,
            flat_cache_bytes: self.flat_cache_bytes,
            code_cache_bytes: self.code_cache_bytes,
        }
    }

    pub(crate) const fn parallel(&self) -> parallel::Options {
        parallel::Options::new(self.threads)
    }
}
