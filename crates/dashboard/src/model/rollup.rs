//! What the page shows of a rollup's node: its three heads, each against the L1 block it stands on.

use serde::Serialize;

/// What a node of a rollup does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RollupRole {
    /// It makes the blocks.
    Sequencer,
    /// It derives them from L1.
    Verifier,
}

/// A block of L1 in brief.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct L1Point {
    /// Its height; 0 with an empty hash where none is known yet.
    pub number: u64,
    /// Its hash, `0x` and 64 digits.
    pub hash: String,
    /// When it was made: milliseconds since the Unix epoch.
    pub time: u64,
}

/// A block of L2 in brief.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RollupHead {
    /// Its height.
    pub number: u64,
    /// Its hash, `0x` and 64 digits.
    pub hash: String,
    /// Its time: milliseconds since the Unix epoch.
    pub time: u64,
    /// Height of its L1 origin.
    pub origin: u64,
    /// How many blocks of that origin are before it.
    pub sequence_number: u64,
}

/// The node's part of its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollupNode {
    /// Number that transactions sign.
    pub chain_id: u64,
    /// That of L1.
    pub l1_chain_id: u64,
    /// What it does.
    pub role: RollupRole,
    /// Seconds between blocks.
    pub block_seconds: u64,
    /// Its newest block.
    pub unsafe_l2: RollupHead,
    /// The newest block that is derived from L1.
    pub safe_l2: RollupHead,
    /// The newest block that is derived from final blocks of L1.
    pub finalized_l2: RollupHead,
    /// The block of L1 that derivation stands at.
    pub current_l1: L1Point,
    /// L1's newest block, as this node knows it.
    pub head_l1: L1Point,
    /// L1's safe block.
    pub safe_l1: L1Point,
    /// L1's final block.
    pub finalized_l1: L1Point,
    /// Transactions that wait for a block.
    pub pending: u64,
    /// The latest blocks, newest first, at most [`BLOCKS_MAX`](crate::BLOCKS_MAX); empty where another node's entry shows the same.
    pub blocks: Vec<RollupBlock>,
}

/// A block with what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollupBlock {
    /// Its height.
    pub number: u64,
    /// Its hash, `0x` and 64 digits.
    pub hash: String,
    /// Its time: milliseconds since the Unix epoch.
    pub time: u64,
    /// Height of its L1 origin.
    pub origin: u64,
    /// Deposits that L1 told, the one with L1's own figures not among them.
    pub deposits: u64,
    /// Transactions that users sent to the rollup itself.
    pub transactions: u64,
    /// Gas they all used.
    pub gas_used: u64,
    /// Gas they could have used.
    pub gas_limit: u64,
}
