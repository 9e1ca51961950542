//! Bitcoin's rules, sans-IO: what a transaction, a header and a block must satisfy, from genesis to today.
//!
//! ```text
//!   bytes ──► encode ──► Transactions · Block          parsed once, borrowed from the buffer ever after
//!                              │
//!   headers ──► header chain ──┤  context: height, median time, flags
//!                              ▼
//!   Coins view ──► block rules ──► spent coins (undo) + script checks, each independent of the others
//!                                                          │
//!                                               script ────┘  run on any core, in any order
//! ```
//!
//! - [`encode`]: reading the wire format out of a hostile buffer.
//! - [`transaction`], [`block`]: parsed transactions and blocks over one shared buffer.
//! - [`coin`]: an unspent output, and the coins a block spent.
//! - [`coins`]: coins as bytes: stored, given back, handed over, counted.
//! - [`rules`]: what a transaction and a block must satisfy, and what a block does to the coins.
//! - [`header`]: proof of work, the tree of headers, votes, and synchronisation that peers cannot abuse.
//! - [`script`]: the script engine, its flags and its errors in Bitcoin Core's names.
//! - [`address`]: scripts as the strings people pass around, and back.
//! - [`filter`]: compact filters of blocks (BIP-0158), what light clients ask for.
//! - [`compact`], [`merkle_block`]: blocks as peers relay them: short ids, or proofs of a few transactions.
//! - [`p2p`]: what nodes say to each other, and the handshake before it.
//! - [`policy`]: what is relayed beyond what is valid.
//! - [`psbt`]: partially signed transactions (BIP-0174).
//! - [`asmap`]: which network operator an address belongs to.
//! - [`network`]: what differs between main, the test networks and a chain of one's own.
//!
//! Rejections are values that carry Bitcoin Core's reject reason, word for word.
//! Ids, headers, amounts and addresses are the `bitcoin` crate's types; every consensus decision is made here.

pub mod address;
pub mod asmap;
pub mod block;
pub mod coin;
pub mod coins;
pub mod compact;
pub mod encode;
pub mod filter;
pub mod header;
pub mod merkle_block;
pub mod network;
pub mod p2p;
pub mod policy;
pub mod psbt;
pub mod rules;
pub mod script;
pub mod transaction;

pub use block::Block;
pub use coin::{Coin, CoinRef, SpentCoins};
pub use encode::DecodeError;
pub use transaction::{Transaction, Transactions, Tx};
