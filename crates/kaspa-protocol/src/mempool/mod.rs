//! The memory pool's rules and its state, sans-IO: which transactions are kept for blocks to come, which go first, and what they should pay.
//!
//! ```text
//!   transaction ─► limits, standard form ─► (entries from the pool and the set) ─► fee, standard inputs, replacement
//!        │                                                                              │ scripts
//!        │ spends what nobody knows yet                                                 ▼
//!        └─► Orphans ◄─── retried when what they spend appears ───────────────────── Pool
//!                                                                                       │ nothing it spends is in the pool
//!                                            template ◄── sampled by (fee / mass)³ ── Frontier
//!   virtual block changes ─► Pool::follow: accepted ones leave, double spends go, un-accepted ones come back
//! ```
//!
//! Whoever drives it brings the entries of the UTXO set, the verdict on scripts, the DAA score, the time and the randomness; see
//! `quintet-kaspa-node`'s `mempool`.
//!
//! # Invariants
//!
//! - Every outpoint is spent by at most one transaction of the pool.
//! - A transaction is in the [`Frontier`] exactly if it spends nothing of the pool.
//! - Transactions, their bytes, orphans and remembered acceptances are bounded by [`Policy`].
//!
//! **Spec:** none binds anybody: this is policy. Thresholds and answers are those of rusty-kaspa's `mining`.

mod accepted;
mod entry;
mod feerate;
mod follow;
mod frontier;
mod orphans;
mod policy;
mod pool;
mod refusal;
mod replace;
mod select;

#[cfg(test)]
mod tests;

pub use entry::{Checked, PoolEntry, Priority};
pub use feerate::{Bucket, FeeEstimate, FeeEstimator};
pub use follow::{Followed, VirtualChange};
pub use frontier::{Candidate, Frontier};
pub use policy::{Masses, Policy};
pub use pool::{Added, Pool};
pub use refusal::{NonStandard, Refusal};
pub use replace::Replacement;
pub use select::BlockRoom;

/// The DAA score of what a transaction of the pool makes: it is in no block yet. The reference's `UNACCEPTED_DAA_SCORE`.
pub const UNACCEPTED_DAA_SCORE: u64 = u64::MAX;
