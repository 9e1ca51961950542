//! Ethereum's transaction pool, sans-IO: what waits to be in a block, in what order, and what is refused with which words.
//!
//! ```text
//!   bytes ─► Decoded ──verify, verify_all──► Verified ──Pool::add──► pending ─► best() ─► a block
//!              form, gas, fees, blobs      sender known     │          ▲
//!                    (no lock held)                         └► queued ─┘ when the gap closes
//!
//!   a new head ──Pool::set_head──► mined out, stale out, returned back in, fees anew
//! ```
//!
//! - [`Decoded`], [`Verified`], [`PoolTransaction`]: how far a transaction has come, as types.
//! - [`verify_all`]: who signed what, for many at once; [`KnownSenders`] shares it with whoever imports blocks.
//! - [`Pool`]: the pool itself. One owner changes it; its answers are snapshots.
//! - [`journal`]: local transactions on disk.
//!
//! # Invariants
//!
//! - Of one sender and nonce there is one transaction.
//! - A sender's pending transactions have consecutive nonces from the state's on, and the balance pays for all of them together.
//! - What the pool holds is within [`PoolConfig`]'s limits after every call, whoever sends what.
//! - A transaction that is refused has changed nothing; nothing is thrown out but for one that pays more.
//! - No clock, no randomness, no I/O but the journal's, which is handed a store.
//!
//! The rules and the words of refusals are go-ethereum's: `core/txpool/{validation,errors}.go`, `core/txpool/legacypool`,
//! `core/txpool/blobpool`. It differs where it says so: balances count all of a sender's pending transactions together, and what is
//! thrown out when the pool is full is always the last of some sender's, so that no gap arises.

mod account;
mod best;
mod blobs;
mod config;
mod content;
mod error;
mod evict;
mod head;
pub mod journal;
mod pool;
mod senders;
mod transaction;

pub use best::BestTransactions;
pub use blobs::Sidecar;
pub use config::PoolConfig;
pub use content::{Content, Place, Status, Waiting};
pub use error::PoolError;
pub use head::{Head, HeadChange, HeadReport, Touched};
pub use pool::{Added, Origin, Pool};
pub use senders::{KnownSenders, verify_all};
pub use transaction::{Decoded, PoolTransaction, SLOT_BYTES, Verified};
