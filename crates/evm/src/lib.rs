//! Ethereum blocks executed exactly: every fork, in sequence and in parallel, on revm.
//!
//! ```text
//!   schedule ──► rules ──► header, block: checks ──► execute or parallel ──► outcome: receipts, requests, changes
//! ```
//!
//! - [`schedule`]: which rules hold for which block, as data.
//! - [`header`], [`block`]: rules for headers, bodies, uncles, and for what execution yields.
//! - [`execute`]: blocks in sequence, and blocks in the making.
//! - [`parallel`]: blocks by many threads, with the same outcome.
//! - [`precompiles`]: contracts that are no code.
//! - [`op`]: what OP chains add.
//!
//! The state is read through [`StateView`](quintet_eth::state::StateView) and comes back as
//! [`StateChanges`](quintet_eth::state::StateChanges); roots over it, and where it lies, are others' business. So is
//! the recovery of senders.

pub mod block;
pub mod execute;
pub mod header;
pub mod op;
pub mod parallel;
pub mod precompiles;
pub mod schedule;
