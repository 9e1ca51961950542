//! What a transaction and a block must satisfy, and what a block does to the coins.
//!
//! A block passes four gates. Each needs more than the one before, and each is a function of its arguments alone:
//!
//! ```text
//!   Block ──► check_block ──► check_block_in_context ──► connect_block ──► ScriptJobs
//!             the block       + heights and times        + the coins       + nothing: each input on
//!             alone             of its ancestors           it spends         its own, on any core
//!                                                             │
//!                               disconnect_block ◄── SpentCoins (undo)
//! ```
//!
//! The header's own rules (work, time, version) are `header`'s.
//!
//! # Invariants
//!
//! - The first error is the one Bitcoin Core reports, under the same reject reason.
//! - [`BlockError::is_mutation`] tells a bad block from a bad copy of a block that may be good: the header of a
//!   mutated copy must never be marked invalid.
//! - Nothing here panics on a block that skipped a gate; a gate that was skipped just checks nothing.
//! - A refused [`connect_block`] leaves the coins half changed: give it a layer that can be thrown away.
//!
//! **Spec:** Bitcoin Core, `validation.cpp`, `consensus/tx_check.cpp`, `consensus/tx_verify.cpp`; the BIPs are named at each rule.

mod block;
mod coins;
mod connect;
mod context;
mod disconnect;
mod inputs;
mod reject;
mod scripts;
mod transaction;
mod witness;

pub use block::{
    BLOCK_SIGOP_COST_MAX, BLOCK_WEIGHT_MAX, CheckedBlock, Mutation, check_block, find_mutation,
    is_block_mutated,
};
pub use coins::CoinAccess;
pub use connect::{Connected, connect_block};
pub use context::{Ancestors, BlockContext, check_block_in_context};
pub use disconnect::{DisconnectError, Disconnected, disconnect_block};
pub use inputs::{COINBASE_MATURITY, SequenceLock, check_inputs, sequence_lock};
pub use reject::{BlockError, ConnectError, InputError, TxError};
pub use scripts::{ScriptJob, ScriptJobs};
pub use transaction::{LOCK_TIME_THRESHOLD, MONEY_MAX, check_transaction, is_final, output_total};
pub use witness::{WITNESS_COMMITMENT_PREFIX, witness_commitment, witness_merkle_root};

#[cfg(test)]
mod tests;
