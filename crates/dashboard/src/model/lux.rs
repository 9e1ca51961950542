//! What the page shows of a LuxTensor chain and of those who agree on it.

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
    /// The latest blocks, newest first, at most [`BLOCKS_MAX`](crate::BLOCKS_MAX); empty where another node's entry shows the same.
    pub blocks: Vec<LuxBlock>,
    /// What the validators agree on, as this node has heard; none on a chain of one.
    pub consensus: Option<LuxConsensus>,
}

/// Consensus as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LuxConsensus {
    /// The slot that is on.
    pub slot: u64,
    /// The epoch it is of.
    pub epoch: u64,
    /// When it began: milliseconds since the Unix epoch.
    pub slot_start: u64,
    /// Length of a slot, milliseconds.
    pub slot_millis: u64,
    /// Who proposes in it: an index of `validators`.
    pub proposer: Option<u32>,
    /// Which of the validators this node is: an index of `validators`.
    pub validator: Option<u32>,
    /// The newest block.
    pub head: LuxPoint,
    /// The newest block that two thirds stand behind: "safe".
    pub justified: LuxPoint,
    /// The newest block that is final.
    pub finalised: LuxPoint,
    /// Stake of all validators, gwei.
    pub total_stake: u64,
    /// All validators, at most [`VALIDATORS_MAX`](crate::VALIDATORS_MAX).
    pub validators: Vec<LuxValidator>,
    /// The latest slots, newest first, at most [`SLOTS_MAX`](crate::SLOTS_MAX); empty where another node's entry shows the same.
    pub slots: Vec<LuxSlot>,
}

/// A block, and the slot that stands for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LuxPoint {
    /// The slot: a block's own, or one in which it was voted for.
    pub slot: u64,
    /// The block's height.
    pub number: u64,
    /// Its hash, `0x` and 64 digits.
    pub hash: String,
}

/// One who proposes and votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LuxValidator {
    /// Its address, `0x` and 40 digits.
    pub address: String,
    /// Its stake, gwei.
    pub stake: u64,
    /// Whether it was found to have said two things.
    pub equivocated: bool,
}

/// One slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LuxSlot {
    /// Its number.
    pub slot: u64,
    /// Who was to propose: an index of the validators.
    pub proposer: Option<u32>,
    /// Height of its block; none if none came, or the head does not stand on it.
    pub block: Option<u64>,
    /// Stake that voted in it for what most voted for, gwei.
    pub votes: u64,
    /// How far its block is.
    pub state: LuxSlotState,
}

/// How far a slot's block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LuxSlotState {
    /// It may still come.
    Open,
    /// There is none.
    Missed,
    /// It is in the head's chain.
    Proposed,
    /// Two thirds stand behind it.
    Justified,
    /// It is final.
    Finalised,
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
    /// Who made it, `0x` and 40 digits.
    pub proposer: String,
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
