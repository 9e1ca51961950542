//! Drives unmodified third-party clients against the quintet binary.
//!
//! This library is the bench on which the tests of `tests/clients` stand: it starts processes and ends
//! them, talks to each in its own way, and shows their logs when a test fails.
//!
//! ```text
//!                    ┌── Node ─────── quintet dht …          one process a node, driven by its own CLI
//!   test ── Peer ────┤
//!                    └── Adapter ──── peers/*.py, *.mjs ──── libtorrent, bittorrent-dht
//!        ── krpc::Raw ── one UDP socket, packets byte for byte
//!        ── Anvil ────── an L1 with blobs; Derivation: quintet rollup derive …
//!        ── MadeRollup ─ quintet rollup new …; RollupNode: rollup run …; RollupBatcher: rollup batch …
//!        ── Kaspa ────── quintet kaspa run …; its clients: peers/kaspa/*.py, *.mjs, kaspa-miner
//!        ── Lux ──────── quintet lux dev …; EvmClient: peers/lux/*.mjs, *.py, cast, forge; viem_on_rollup: peers/rollup/viem.mjs
//! ```
//!
//! # Invariants
//!
//! - A process ends with the value that started it, also when the test panics.
//! - Every wait has a deadline, and says when it passes what it was waiting for.
//! - Nothing leaves the loopback interface. Each participant has an address of its own in
//!   `127.1.0.0/16`, one to a /24, because clients limit nodes by address and by network.
//! - What is tested is the binary. Of the workspace's crates one alone is used: for a sequencer and a batcher to put something on L1, and to sign.

mod adapter;
mod anvil;
mod derivation;
mod evm_client;
pub mod hex;
pub mod jsonrpc;
mod kaspa;
pub mod krpc;
mod lab;
mod lux;
mod node;
mod peer;
mod process;
mod rollup;
mod skip;
mod wait;

pub use adapter::{Adapter, Library};
pub use anvil::Anvil;
pub use derivation::{Derivation, Derive};
pub use evm_client::{EvmClient, compare, failure, output, project, viem_on_rollup};
pub use kaspa::{Kaspa, KaspaEncoding, MINER_WORDS};
pub use lab::{Lab, lab};
pub use lux::Lux;
pub use node::{Binary, Node};
pub use peer::{Found, Id, Owner, Peer, place};
pub use rollup::{MadeRollup, RollupBatcher, RollupNode};
pub use skip::skipped;
pub use wait::{PATIENCE, eventually};
