//! Kaspa's rules, sans-IO: what a header, a transaction and a block of the DAG must satisfy, in every era.
//!
//! ```text
//!   bytes ──► tx · header · block ──► hashing (ids, signature hashes, roots)
//!                     │
//!                     ├──► pow · target             ┐
//!                     ├──► mass · coinbase · subsidy ├──► validation: Ok, or the rule that is broken
//!                     │                             ┘
//!   params ───────────┘ (networks and eras as data)
//! ```
//!
//! - [`tx`], [`header`], [`block`]: the nouns.
//! - [`hashing`]: domain-separated hashes, ids, signature hashes, Merkle roots, the hash of the UTXO set.
//! - [`params`]: networks, eras, what follows from the rate of blocks, overrides.
//! - [`pow`], [`target`]: kHeavyHash, levels, compact targets, work.
//! - [`mass`], [`subsidy`], [`coinbase`]: what a transaction weighs, what a block creates and pays.
//! - [`validation`]: checks of transactions and bodies that need no DAG, and the names of all rules.
//! - [`script`]: the script engine.
//! - [`dag`]: reachability, GHOSTDAG, windows, depths and pruning points, in columns.
//! - [`state`]: acceptance, UTXO diffs and what a chain block must say of them.
//! - [`lanes`]: active lanes and the sequencing commitment.
//! - [`proof`]: pruning proofs, trusted data, past pruning points, and what pruning keeps.
//! - [`wire`]: the peer-to-peer messages in bytes.
//! - [`mempool`]: what is kept for blocks to come.
//! - [`address`], [`message`]: what people see and sign.

pub mod address;
pub mod block;
pub mod coinbase;
pub mod dag;
pub mod hashing;
pub mod header;
pub mod lanes;
pub mod mass;
pub mod mempool;
pub mod message;
pub mod params;
pub mod pow;
pub mod proof;
pub mod script;
pub mod state;
pub mod subsidy;
pub mod target;
pub mod tx;
pub mod validation;
pub mod wire;
