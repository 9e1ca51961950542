//! The port through which derivation sees L1.
//!
//! Derivation asks; whoever drives it fetches, verifies and keeps. [`Need`] says what is missing, an L1 block's data is asked
//! for once, and receipts only of blocks whose bloom may hold a log that matters.

use alloy_consensus::{Header, Receipt};
use alloy_primitives::{Address, B256, Bloom, BloomInput, Bytes};

#[cfg(doc)]
use crate::channel::inflate_at;
use crate::{channel::inflate::InflateError, inbox::InboxTx, refs::L1Ref};

/// What derivation has to know of an L1 block's header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct L1Header {
    /// Number, hashes, time.
    pub block: L1Ref,
    /// Base fee in wei.
    pub base_fee: u64,
    /// Randomness of the beacon chain.
    pub prev_randao: B256,
    /// Root of the beacon block before it, if L1 has one in its headers.
    pub parent_beacon_root: Option<B256>,
    /// Excess blob gas, if L1 has blobs.
    pub excess_blob_gas: Option<u64>,
    /// Bloom of the logs.
    pub logs_bloom: Bloom,
}

impl L1Header {
    /// Takes what matters from a header whose hash is known.
    #[must_use]
    pub fn new(hash: B256, header: &Header) -> Self {
        Self {
            block: L1Ref {
                number: header.number,
                hash,
                parent_hash: header.parent_hash,
                timestamp: header.timestamp,
            },
            base_fee: header.base_fee_per_gas.unwrap_or_default(),
            prev_randao: header.mix_hash,
            parent_beacon_root: header.parent_beacon_block_root,
            excess_blob_gas: header.excess_blob_gas,
            logs_bloom: header.logs_bloom,
        }
    }

    /// Returns whether the block may hold such a log. If not, it does not.
    #[must_use]
    pub fn may_hold(&self, logs: &LogMask) -> bool {
        self.logs_bloom.contains(&logs.0)
    }
}

/// Logs of a contract with a first topic: the bits they leave in a bloom, which cost two hashes to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogMask(Bloom);

impl LogMask {
    /// Makes the mask of a contract's logs with a first topic.
    #[must_use]
    pub fn new(contract: Address, topic: B256) -> Self {
        let mut bits = Bloom::ZERO;
        bits.accrue(BloomInput::Raw(contract.as_slice()));
        bits.accrue(BloomInput::Raw(topic.as_slice()));
        Self(bits)
    }
}

/// L1, as far as it is at hand. What is returned has been verified against a hash that is trusted.
pub trait L1View {
    /// Returns the header of the canonical block of a number.
    fn header(&self, number: u64) -> Option<&L1Header>;

    /// Returns a block's transactions to the inbox, see [`scan`](crate::inbox::scan::scan).
    fn inbox(&self, block: &L1Ref) -> Option<&[InboxTx]>;

    /// Returns a block's receipts, checked against the header's root.
    fn receipts(&self, block: &L1Ref) -> Option<&[Receipt]>;

    /// Returns a blob, checked against its versioned hash.
    fn blob(&self, block: &L1Ref, hash: &B256) -> Option<&[u8]>;

    /// Returns what [`inflate_at`] gives for a channel that a block completes, if somebody has done that ahead of derivation, which
    /// does it itself otherwise. See [`Ahead`](crate::pipeline::Ahead).
    fn inflated(&self, block: &L1Ref, pieces: &[Bytes]) -> Option<Result<Bytes, InflateError>> {
        let _ = (block, pieces);
        None
    }
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A header; there may be no such block yet.
    Header {
        /// Its number.
        number: u64,
    },
    /// A block's transactions to the inbox.
    Inbox(L1Ref),
    /// A block's receipts.
    Receipts(L1Ref),
    /// Blobs of a block.
    Blobs {
        /// The block.
        block: L1Ref,
        /// Their versioned hashes, in the order in which they are read.
        hashes: Vec<B256>,
    },
}
