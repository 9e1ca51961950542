//! The OP Stack's derivation, sans-IO: L1 data in, payload attributes of the safe chain out.
//!
//! ```text
//!   L1 block ──► inbox ──► frame ──► channel ──► batch ──► attributes ──► execution layer
//!                  │                                           ▲
//!                  └── receipts ──► deposit · system · l1_info ┘        driven by pipeline::Pipeline::poll
//! ```
//!
//! - [`config`]: chains and forks as data, from the superchain registry and `rollup.json`.
//! - [`system`]: what the chain's owner sets on L1.
//! - [`inbox`], [`frame`], [`channel`], [`batch`]: each stage, a small state machine of its own.
//! - [`deposit`], [`l1_info`], [`upgrades`], [`attributes`]: what a block holds beside the sequencer's transactions.
//! - [`pipeline`]: the whole; [`view`] and [`refs`] are what it sees of L1 and L2, [`verify`] what makes it sure.
//! - [`encode`]: the way back, for batchers and tests.
//! - [`sequencing`]: what a sequencer decides. [`payload`]: blocks as they travel before L1 tells of them. [`gossip`]: between which nodes
//!   believe each other's, and which not.
//!
//! # Invariants
//!
//! - No I/O, no clock, no randomness, no thread. What is missing is named, and fetched by whoever drives.
//! - No input makes anything here panic, and none makes it hold more than a bound with a name.
//! - Transactions are bytes throughout: slices of what L1 carried, or built from a span's columns, never parsed.

pub mod attributes;
pub mod batch;
pub mod channel;
pub mod config;
pub mod deposit;
pub mod encode;
pub mod frame;
pub mod gossip;
pub mod inbox;
pub mod l1_info;
pub mod payload;
pub mod pipeline;
pub mod refs;
mod rlp;
pub mod sequencing;
mod signer;
pub mod system;
#[cfg(test)]
mod testing;
pub mod upgrades;
pub mod verify;
pub mod view;

pub use rlp::RlpError;
