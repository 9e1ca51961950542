//! A rollup node: L1 sources, the driver of derivation, the engine and the execution layer behind it.
//!
//! ```text
//!   l1 ──► derive (drives rollup-protocol's pipeline) ──► engine ──► execution layer
//!              └──► safe heads on disk                         ▲
//!   peers ──► p2p ─────────────────────────────────────────────┘
//! ```
//!
//! - [`chains`]: configurations by name.
//! - [`l1`]: nodes, beacon nodes and files; blocks fetched ahead.
//! - [`derive`]: the driver, and safe heads on disk.
//! - [`engine`]: execution, in this process or elsewhere.
//! - [`sequencer`]: blocks of our own, at the block time.
//! - [`p2p`]: blocks of others, and ours to others, before L1 tells of them.
//! - [`batcher`], [`wallet`]: those blocks on L1. [`create`]: a rollup that was not there before.
//! - [`node`]: all of it under one supervisor, with [`rpc`] for operators.
//! - [`witness`]: recorded blocks executed on what is known of the state before them.
//!
//! What the rules are is decided in `quintet-rollup-protocol`; here they are given an L1, a disk and cores.

pub mod batcher;
pub mod chains;
pub mod create;
pub mod derive;
pub mod engine;
pub mod l1;
pub mod node;
pub mod p2p;
pub mod rpc;
pub mod sequencer;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod wallet;
pub mod witness;
