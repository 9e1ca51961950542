//! Rules for whole blocks: before execution, and after.
//!
//! ```text
//!   bytes ─► decode ─► Block ─► check (header, body, uncles) ─► Checked ─► execute ─► Executed ─► state root ─► good
//!                                  ▲                                                    │
//!                              Chain port: headers and total difficulties               └─ gas, bloom, receipts, requests
//! ```
//!
//! # Invariants
//!
//! - [`Checked`] is made by [`check`] alone, so nothing is executed whose header and body were not checked.
//! - Which of two chains is heavier is asked of total difficulties; under proof of stake the caller decides.
//!
//! **Spec:** Yellow Paper, sections 4.4 and 11.

mod body;
mod chain;
mod error;
mod ommers;
mod outcome;

use alloy_consensus::{EthereumTxEnvelope, Header, Transaction, TxEip4844};
use alloy_eips::eip2718::Encodable2718;
use alloy_rlp::{Decodable, Encodable};

pub use self::{
    chain::{Chain, Link},
    error::{BlockError, OmmerError},
    outcome::check_outcome,
};
use crate::{
    header,
    schedule::{Fork, Rules, Schedule},
};

/// A block, of Ethereum's transactions unless said otherwise.
pub type Block<T = EthereumTxEnvelope<TxEip4844>> = alloy_consensus::Block<T>;

/// Most uncles of a block.
pub const OMMERS_MAX: usize = 2;

/// Longest block from Osaka on, in bytes: 10 MiB less what the consensus layer's block needs.
///
/// **Spec:** EIP-7934.
pub const BLOCK_LENGTH_MAX: usize = 10_485_760 - 2_097_152;

/// A block whose header and body follow the rules, with those rules.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a, T = EthereumTxEnvelope<TxEip4844>> {
    block: &'a Block<T>,
    rules: Rules,
}

impl<'a, T> Checked<'a, T> {
    /// Returns the block.
    #[must_use]
    pub const fn block(&self) -> &'a Block<T> {
        self.block
    }

    /// Returns the rules that hold for it.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.rules
    }
}

/// Reads a block, and nothing after it.
///
/// # Errors
///
/// [`BlockError::Encoding`] if the bytes are something else.
pub fn decode(mut bytes: &[u8]) -> Result<Block, BlockError> {
    let failed = |reason: alloy_rlp::Error| BlockError::Encoding { reason: reason.to_string() };
    let block = Block::decode(&mut bytes).map_err(failed)?;
    if !bytes.is_empty() {
        return Err(failed(alloy_rlp::Error::UnexpectedLength));
    }
    Ok(block)
}

/// Checks all of a block that needs no execution.
///
/// # Errors
///
/// [`BlockError`] for the first rule that does not hold.
pub fn check<'a, C: Chain, T: Transaction + Encodable2718 + Encodable>(
    schedule: &Schedule,
    chain: &C,
    block: &'a Block<T>,
) -> Result<Checked<'a, T>, BlockError> {
    let header = &block.header;
    let hash = header.parent_hash;
    let parent = chain.link(hash).ok_or(BlockError::UnknownParent { hash })?;
    let merged = schedule.is_merged(parent.total_difficulty);
    let rules = schedule.rules_after(&parent.header, header, merged);
    transition(&rules, header, merged)?;
    header::check(&rules, header, &parent.header)?;
    if let Some(op) = &schedule.op {
        header::check_op(op, header, &parent.header)?;
    }
    body::check(&rules, block)?;
    if !rules.has(Fork::Paris) {
        ommers::check(schedule, chain, block)?;
    }
    Ok(Checked { block, rules })
}

/// Refuses a block of the wrong side of the merge, before its other fields say the same less clearly.
fn transition(rules: &Rules, header: &Header, merged: bool) -> Result<(), BlockError> {
    let is_stake = header.difficulty.is_zero();
    match (merged || rules.has(Fork::Paris), is_stake) {
        (false, true) => Err(BlockError::Transition { expected: "work" }),
        (true, false) => Err(BlockError::Transition { expected: "stake" }),
        (true, true) | (false, false) => Ok(()),
    }
}
