//! Blocks executed, one transaction after the other.
//!
//! ```text
//!   rules, header ─► Session::begin ── DAO · EIP-4788 · EIP-2935 · create2 deployer
//!                        │
//!   transactions  ─►  run, run, run ── receipt each
//!                        │
//!   ommers, withdrawals ─► finish ──── rewards · EIP-4895 · EIP-6110, 7002, 7251 ─► BlockOutcome
//! ```
//!
//! A block that came from others is run by [`execute`](execute()); a block in the making by [`Session`], which
//! refuses a transaction without harm and goes on. Roots over what came out are the caller's to compare: see
//! [`block`](crate::block). Calls that make no block, and transactions run again under watch, are a [`Session`]'s too. The parallel executor is [`parallel`](crate::parallel); its outcome is equal bit by bit.
//!
//! # Invariants
//!
//! - The outcome depends on rules, block and state alone: no clock, no randomness, no order of a hash map.
//! - A transaction that is refused changes nothing.

mod called;
mod dao;
mod env;
mod error;
mod halt;
pub mod inspect;
mod machine;
mod meter;
mod oddities;
mod outcome;
mod overlay;
mod receipt;
mod rewards;
mod session;
mod simulate;
mod system;
mod transaction;
mod watch;

use alloy_consensus::Header;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::B256;
use quintet_eth::state::{StateChanges, StateView};

use crate::schedule::Rules;

pub use self::{
    called::{CallTransaction, Called, Checks, Ending, Touched},
    error::{ExecuteError, ReadError, TransactionError},
    halt::Halt,
    inspect::Inspector,
    outcome::BlockOutcome,
    receipt::{DepositReceipt, Receipt, bloom_of},
    session::{RunError, Session},
    simulate::AccountOverride,
    transaction::{DEPOSIT_TYPE, Transaction},
};
pub(crate) use self::{
    env::Environment,
    machine::{Done, Failure, Machine},
    overlay::{Fate, Overlay, Peek, credited, fate_of, info_of, may_hide_storage},
    session::Payment,
};

/// Hashes of the blocks before the one at hand.
pub trait BlockHashes {
    /// Returns the hash of a block, asked for the last 256 before the one at hand.
    fn block_hash(&self, number: u64) -> Option<B256>;
}

impl<F: Fn(u64) -> Option<B256>> BlockHashes for F {
    fn block_hash(&self, number: u64) -> Option<B256> {
        self(number)
    }
}

/// Returns the state root after some changes: needed below Byzantium, where every receipt holds one.
pub type RootAfter<'a> = &'a dyn Fn(&StateChanges) -> B256;

/// A block's parts that execution reads.
#[derive(Debug, Clone, Copy)]
pub struct BlockInput<'a> {
    /// The header; what execution yields is not read of it.
    pub header: &'a Header,
    /// Transactions with their senders.
    pub transactions: &'a [Transaction],
    /// Headers of uncles, whose miners are paid.
    pub ommers: &'a [Header],
    /// Payments of the consensus layer, from Shanghai on.
    pub withdrawals: Option<&'a [Withdrawal]>,
}

/// Executes a block in sequence.
///
/// # Errors
///
/// [`ExecuteError`] if the block is bad, or the state cannot be read.
pub fn execute<V: StateView, H: BlockHashes>(
    rules: Rules,
    block: &BlockInput<'_>,
    view: &V,
    hashes: &H,
    root_after: Option<RootAfter<'_>>,
) -> Result<BlockOutcome, ExecuteError<V::Error>> {
    let mut session = Session::begin(rules, block.header, view, hashes, root_after)?;
    for (index, transaction) in block.transactions.iter().enumerate() {
        session.run(transaction).map_err(|error| error.at(index))?;
    }
    session.finish(block.ommers, block.withdrawals)
}
