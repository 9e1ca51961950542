//! The pool: transactions that are valid on top of the chain and not yet in it.
//!
//! ```text
//!   transaction ──► accept ──┬── form, finality, conflicts, coins, locks, fees     (policy and consensus, Bitcoin Core's order)
//!                            ├── cluster limits, replacement by diagram
//!                            ├── scripts under the rules of relay, then under those of the next block
//!                            └──► pool ──► clusters ──► chunks, ordered by fee rate ──► templates · eviction · relay
//! ```
//!
//! # Invariants
//!
//! - Every transaction's parents are in the pool or in the chain; no two spend one output.
//! - A cluster has at most [`CLUSTER_MAX`] transactions and [`CLUSTER_VSIZE_MAX`] virtual bytes.
//! - Beyond its memory the pool gives up the chunk that pays least, and asks more of whoever comes next.
//!
//! # Deviations
//!
//! Bitcoin Core orders a cluster optimally; here the best ancestor set comes first, again and again, which is optimal for nearly all
//! clusters there are. Packages (`submitpackage`, one parent with one child) and TRUC's topology are not judged: version 3 transactions obey the rules of the others.
//!
//! **Spec:** Bitcoin Core, `MemPoolAccept`, `CTxMemPool`, `TxGraph`.

mod accept;
mod clusters;
mod entry;
mod orphans;
mod persist;
mod pool;
mod refusal;
mod reorg;
mod replace;

pub use clusters::{CLUSTER_MAX, CLUSTER_VSIZE_MAX, Chunk};
pub use entry::Entry;
pub use persist::PersistError;
pub use pool::{Mempool, MempoolOptions};
pub use refusal::{AcceptedTransaction, Refusal, Verdict};

/// More than any rate: who is told this sends nothing.
pub const MONEY_MAX_RATE: i64 = 2_100_000_000_000_000;

/// Blocks of a reorganisation whose transactions come back to the pool, blocks.
///
/// **Spec:** Bitcoin Core, `MAX_DISCONNECTED_TX_POOL_BYTES`, in blocks of full size.
pub(crate) const RESURRECTED_BLOCKS_MAX: usize = 20;

#[cfg(test)]
mod tests;
