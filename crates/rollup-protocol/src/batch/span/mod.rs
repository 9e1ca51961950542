//! Span batches: a run of blocks in columns.
//!
//! ```text
//!   1 · rel_timestamp · l1_origin_num (of the last block) · parent_check (20) · l1_origin_check (20)
//!     · block_count · origin_bits · tx counts
//!     · contract_creation_bits · y_parity_bits · signatures (64 each) · destinations (20 each)
//!     · tx data (RLP) · nonces · gas limits · protected_bits (of legacy transactions)
//! ```
//!
//! A decoded span keeps the bytes and where each column begins; a block's transactions are built when the block is asked
//! for, by copying fields from where they lie. They are never parsed into a transaction and encoded again.
//!
//! # Invariants
//!
//! - A span that decodes can be built: every field was walked over once.
//! - Counts are compared with the bytes there are before memory is taken for them; a transaction costs 32 bytes here and at least
//!   67 on the wire.
//! - Times and origins are computed modulo 2^64, as the reference does.
//!
//! **Spec:** `delta/span-batches.md`.

mod bits;
mod columns;
mod decode;
mod encode;
mod tx;

use alloy_primitives::Bytes;

use self::columns::Columns;
pub use self::encode::{SpanBuilder, SpanError};
use super::BatchError;
use crate::config::RollupConfig;

/// Most blocks, and most transactions, of a span.
///
/// **Spec:** `delta/span-batches.md`, "Span Batch Size Limits", in the form Fjord gave it.
pub const SPAN_ELEMENTS_MAX: u64 = 10_000_000;

/// A run of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanBatch {
    /// Time of the first block after genesis, in seconds.
    pub rel_timestamp: u64,
    /// Number of the last block's L1 origin.
    pub l1_origin_num: u64,
    /// First bytes of the hash of the block before the span.
    pub parent_check: [u8; 20],
    /// First bytes of the hash of the last block's L1 origin.
    pub l1_origin_check: [u8; 20],
    columns: Columns,
}

impl SpanBatch {
    /// Reads what follows the type. What follows the last column is ignored, as the reference does.
    ///
    /// # Errors
    ///
    /// [`BatchError`] if it is malformed.
    pub fn decode(bytes: &Bytes) -> Result<Self, BatchError> {
        decode::decode(bytes)
    }

    /// Appends type and content, as they were decoded.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode::encode(self, out);
    }

    /// Returns how many blocks there are, at least one.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.columns.blocks.len()
    }

    /// Returns how many transactions there are.
    #[must_use]
    pub fn tx_count(&self) -> usize {
        self.columns.txs.len()
    }

    /// Returns how many transactions block `index` has; none if there is no such block.
    #[must_use]
    pub fn block_tx_count(&self, index: usize) -> usize {
        self.columns.txs_of(index).len()
    }

    /// Returns the time of block `index`.
    #[must_use]
    pub fn timestamp(&self, index: usize, config: &RollupConfig) -> u64 {
        config
            .genesis
            .l2_time
            .wrapping_add(self.rel_timestamp)
            .wrapping_add(config.block_time.wrapping_mul(index as u64))
    }

    /// Returns the number of block `index`'s L1 origin.
    #[must_use]
    pub fn epoch(&self, index: usize) -> u64 {
        let advances =
            |index: usize| self.columns.blocks.get(index).map_or(0, |block| block.advances);
        let behind = advances(self.block_count() - 1) - advances(index);
        self.l1_origin_num.wrapping_sub(u64::from(behind))
    }

    /// Returns the number of the last block's L1 origin.
    #[must_use]
    pub const fn last_epoch(&self) -> u64 {
        self.l1_origin_num
    }

    /// Builds the transactions of block `index`, EIP-2718 encoded: slices of one buffer.
    #[must_use]
    pub fn transactions(&self, index: usize, config: &RollupConfig) -> Vec<Bytes> {
        self.columns.build(index, config.l2_chain_id)
    }

    /// Returns the first byte of each transaction of block `index`: its type, or what a legacy one begins with.
    pub(crate) fn tx_kinds(&self, index: usize) -> impl Iterator<Item = u8> {
        self.columns.kinds(index)
    }
}
