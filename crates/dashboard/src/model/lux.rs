//! What the page shows of a LuxTensor chain.

use serde::{Serialize, Serializer};

use super::drawable;

/// An amount of the smallest unit; decimal digits on the wire, because a browser's numbers are exact to 53 bits only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wei(pub u128);

impl Serialize for Wei {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The chain's part of a node's entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LuxNode {
    /// Number that transactions sign.
    pub chain_id: u64,
    /// Base fee of a unit of gas in the next block.
    pub base_fee: Wei,
    /// Transactions that could be in the next block.
    pub pending: u64,
    /// Transactions that wait for something.
    pub queued: u64,
    /// The latest blocks, newest first, at most [`BLOCKS_MAX`](crate::BLOCKS_MAX).
    pub blocks: Vec<LuxBlock>,
}

/// A block in brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LuxBlock {
    /// Its height.
    pub number: u64,
    /// Its hash, `0x` and 64 digits.
    pub hash: String,
    /// When it was made: milliseconds since the Unix epoch.
    pub time: u64,
    /// Transactions in it.
    pub transactions: u64,
    /// Gas they used.
    pub gas_used: u64,
    /// Gas they could have used.
    pub gas_limit: u64,
    /// Base fee of a unit of gas.
    pub base_fee: Wei,
}

/// What goes into blocks, per second. A value that is negative or not finite is published as zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ChainRates {
    /// Transactions in blocks, per second.
    pub transactions: f64,
    /// Gas used, per second.
    pub gas: f64,
}

impl ChainRates {
    #[must_use]
    pub(crate) fn drawable(self) -> Self {
        Self { transactions: drawable(self.transactions), gas: drawable(self.gas) }
    }
}
