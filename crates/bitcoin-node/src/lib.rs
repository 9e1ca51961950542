//! A Bitcoin node: the chain on disk and what drives it.
//!
//! ```text
//!   connections ──► kernel: chain · mempool · peers · miner ◄── rpc
//!    (sockets)         (one owner, one thread)              (JSON-RPC)
//!                              │
//!                           storage
//! ```
//!
//! - [`chain`], [`storage`]: which blocks are connected, and everything on disk.
//! - [`mempool`]: transactions on their way into a block.
//! - [`peers`]: what is said to whom; pure decisions over the chain and the pool.
//! - [`kernel`]: the one owner of these three, and its inbox.
//! - [`connections`]: sockets, frames and time-outs of the network.
//! - [`node`]: all of it, started and stopped.
//! - [`rpc`]: Bitcoin Core's methods over the kernel.
//! - [`miner`]: templates, and blocks on demand.
//! - [`txindex`]: which block a transaction is in, for whoever wants to know of every one.
//! - [`shown`]: blocks, transactions and scripts in the form of Bitcoin Core's answers.

pub mod chain;
pub mod connections;
pub mod kernel;
pub mod mempool;
pub mod miner;
pub mod node;
pub mod peers;
pub mod rpc;
pub mod shown;
pub mod storage;
pub mod txindex;
