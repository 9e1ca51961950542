//! Batches: what a batcher says a run of L2 blocks holds beside its deposits.
//!
//! ```text
//!   bytes ──► Batch ──► check (against safe head and L1 blocks) ──► BatchQueue (to Granite)  ─┐
//!                                                                  BatchStage (from Holocene) ┴──► one block's batch
//! ```
//!
//! - [`singular`], [`span`]: the two formats.
//! - [`check`]: every rule of validity, and the names of those that drop a batch.
//! - [`stage`]: which batch comes next, before and from Holocene, and the empty ones.
//!
//! **Spec:** `protocol/derivation.md`, "Batch Format" and "Batch Queue"; `delta/span-batches.md`; `holocene/derivation.md`.

pub mod check;
pub mod singular;
pub mod span;
pub mod stage;

use alloy_primitives::Bytes;
use thiserror::Error;

pub use self::{
    check::{DropRule, Validity},
    singular::SingularBatch,
    span::SpanBatch,
};
use crate::rlp::RlpError;

/// First byte of a singular batch.
pub const SINGULAR_BATCH: u8 = 0;
/// First byte of a span batch.
pub const SPAN_BATCH: u8 = 1;

/// A batch of either format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// One block.
    Singular(SingularBatch),
    /// A run of blocks.
    Span(SpanBatch),
}

/// Why bytes are no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BatchError {
    /// There is nothing.
    #[error("batch: expected a type and its content, got nothing")]
    Empty,
    /// The channel holds a list where a batch's string is expected.
    #[error("batch: expected an RLP string, got a list")]
    NotAString,
    /// A type nobody specified.
    #[error("batch: expected type 0 or 1, got {actual}")]
    Kind {
        /// The type.
        actual: u8,
    },
    /// Malformed RLP.
    #[error(transparent)]
    Rlp(#[from] RlpError),
    /// A span batch before Delta.
    #[error("batch: expected no span batch in L1 blocks before Delta")]
    SpanBeforeDelta,
    /// A span batch ends within a column.
    #[error("span batch: expected {expected} bytes of {column}, got {actual}")]
    Column {
        /// Which column.
        column: &'static str,
        /// Bytes it has.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// A varint that ends nowhere or is larger than 64 bits.
    #[error("span batch: expected a varint of 64 bits in {column}")]
    Varint {
        /// Which column.
        column: &'static str,
    },
    /// A span batch without blocks.
    #[error("span batch: expected at least one block")]
    NoBlocks,
    /// More blocks or transactions than a span may have.
    #[error("span batch: expected at most {expected} blocks and transactions, got {actual}")]
    TooMany {
        /// The bound.
        expected: u64,
        /// How many it says it has.
        actual: u64,
    },
    /// Bits behind the end of a bit list.
    #[error("span batch: expected no bits behind the end of {column}")]
    TrailingBits {
        /// Which column.
        column: &'static str,
    },
    /// A type of transaction that span batches do not carry.
    #[error("span batch: expected transactions of type 0, 1, 2 or 4, got {actual}")]
    TxKind {
        /// The type.
        actual: u8,
    },
    /// The fields of a transaction are malformed.
    #[error("span batch, transaction {index}: {error}")]
    Tx {
        /// Which transaction.
        index: usize,
        /// What is wrong.
        error: RlpError,
    },
    /// A set-code transaction that creates a contract.
    #[error("span batch, transaction {index}: expected a destination in a transaction of type 4")]
    NoDestination {
        /// Which transaction.
        index: usize,
    },
}

impl BatchError {
    /// Returns whether the reference finds this only after it has decoded the batch; see
    /// [`ChannelReader::next_batch`](crate::channel::ChannelReader::next_batch).
    #[must_use]
    pub const fn is_late(&self) -> bool {
        matches!(
            self,
            Self::SpanBeforeDelta
                | Self::TxKind { .. }
                | Self::Tx { .. }
                | Self::NoDestination { .. }
        )
    }
}

impl Batch {
    /// Reads a batch. What it keeps are slices of `bytes`.
    ///
    /// # Errors
    ///
    /// [`BatchError`] if it is malformed.
    pub fn decode(bytes: &Bytes) -> Result<Self, BatchError> {
        match bytes.first() {
            None => Err(BatchError::Empty),
            Some(&SINGULAR_BATCH) => Ok(Self::Singular(SingularBatch::decode(&bytes.slice(1..))?)),
            Some(&SPAN_BATCH) => Ok(Self::Span(SpanBatch::decode(&bytes.slice(1..))?)),
            Some(&actual) => Err(BatchError::Kind { actual }),
        }
    }
}
