//! Ethereum's nouns and state: what the chains that execute the EVM share.
//!
//! - [`trie`]: roots, updates and proofs of Merkle-Patricia tries.
//! - [`tx`]: transactions, read strictly; what each fork allows; their senders.
//! - [`block`]: roots and blooms of a block's lists.
//! - [`state`]: accounts, what a block changes of them, and the port they are read through; the state on disk.
//! - [`genesis`]: the first block, from an Ethereum genesis file.

pub mod block;
pub mod genesis;
pub mod state;
pub mod trie;
pub mod tx;
