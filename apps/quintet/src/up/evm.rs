//! How the EVM chains of a local network are kept: there are six of them in one process, and each holds little.

use quintet_eth_chain::{ChainOptions, Retention};
use quintet_store::{Durability, StoreOptions};

/// Memory of each chain: for the store's tables, for nodes of tries, for accounts and slots, for blocks read lately; bytes.
const STORE_BYTES: usize = 512 << 10;
const NODE_BYTES: usize = 1 << 20;
const FLAT_BYTES: usize = 512 << 10;
const BLOCK_BYTES: usize = 512 << 10;

/// Senders remembered by each chain: those of the transactions of some minutes.
const SENDERS: usize = 2_048;

/// Options of a chain that keeps so much.
pub(super) fn chain_options(retention: Retention) -> ChainOptions {
    ChainOptions {
        retention,
        store: StoreOptions::for_state(STORE_BYTES),
        node_cache_bytes: NODE_BYTES,
        flat_cache_bytes: FLAT_BYTES,
        block_cache_bytes: BLOCK_BYTES,
        senders_max: SENDERS,
        // Nobody's money: it survives a killed process, and need not survive a power cut.
        durability: Durability::Buffered,
        ..ChainOptions::default()
    }
}
