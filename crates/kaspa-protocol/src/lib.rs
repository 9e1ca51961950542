//! Kaspa's rules, sans-IO: what a header, a transaction and a block of the DAG must satisfy, in every era.
//!
//! ```text
//!   bytes ──► tx · header (nouns) ──► hashing (ids, signature hashes, roots) ──► pow · validation · mass
//!                                                  ▲
//!              params (networks and eras as data) ─┘
//! ```
//!
//! - [`tx`], [`header`], [`block`]: the nouns.
//! - [`hashing`]: domain-separated hashes, ids, signature hashes, Merkle roots, the hash of the UTXO set.

pub mod block;
pub mod hashing;
pub mod header;
pub mod pow;
pub mod target;
pub mod script;
pub mod tx;

pub mod dag;
