//! Derivation beside kona's: the same L1 to both, and what each makes of it.
//!
//! ```text
//!   case (seed) ──► L1 blocks, batcher data ──┬──► ours ────► blocks ─┐
//!                                             └──► kona ────► blocks ─┴──► equal, or a reason, or a difference
//! ```
//!
//! A block is what its attributes say, and its hash follows from them, so that one difference spoils all blocks behind it and none
//! goes unseen.

pub mod case;
pub mod chain;
pub mod fixture;
pub mod kona;
pub mod memory;
pub mod ours;

use alloy_primitives::{B256, Bytes, keccak256};

/// What a derivation says of one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Time.
    pub timestamp: u64,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Number of the L1 block it was derived from.
    pub derived_from: u64,
    /// Randomness.
    pub prev_randao: B256,
    /// Gas limit.
    pub gas_limit: u64,
    /// Root of a beacon block.
    pub beacon_root: Option<B256>,
    /// Base fee parameters.
    pub eip1559_params: Option<[u8; 8]>,
    /// Whether it has a list of withdrawals.
    pub withdrawals: bool,
    /// Transactions.
    pub transactions: Vec<Bytes>,
}

/// Returns the hash that both sides give to a block of these transactions: of its parent, its time and what the sequencer put in.
#[must_use]
pub fn block_hash(parent: B256, timestamp: u64, transactions: &[Bytes]) -> B256 {
    let mut bytes = parent.to_vec();
    bytes.extend(timestamp.to_be_bytes());
    for tx in transactions.iter().filter(|tx| tx.first() != Some(&0x7e)) {
        bytes.extend(keccak256(tx));
    }
    keccak256(bytes)
}
