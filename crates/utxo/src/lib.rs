//! Unspent outputs: what two kinds of ledger share, and neither owns.
//!
//! A coin here is a key of 36 bytes (transaction id and index) and an opaque value; what the value
//! means is the kind's own affair.
//!
//! ```text
//!   blocks ──► Cache ── spend, create ──► journal ── commit │ rollback          one owner, one thread
//!                │  ▲
//!          flush │  │ absorb
//!                ▼  │
//!              store ──► Reader ── fetch ──► Prefetched                         any thread, ahead of the owner
//!
//!   checks ──► checks::Pool ── chunks of many blocks at once ──► Group::wait    the lowest failure, always
//!                │
//!          verified::Cache      what need not be checked again
//! ```
//!
//! - [`cache`]: the coins cache over the store, its journal and its crash-safe flush.
//! - [`checks`]: the pool that runs independent checks.
//! - [`verified`]: digests of checks that passed.

pub mod cache;
pub mod checks;
pub mod verified;

pub use cache::{
    After, Cache, CacheError, CacheOptions, CoinBytes, CoinTable, FlushReport, Head, HeadRecord,
    HeadTable, Key, Overwrite, Peek, Prefetched, Reader, Tables, Tip,
};
