//! What the page shows of a Kaspa node, and of the DAG as one node sees it.
//!
//! A block's colour is relative: who merges it says whether it is blue or red. What counts is what the selected chain says, so the page learns of each
//! block its mergeset when the block comes, and of the selected chain as it moves.

use serde::{Serialize, Serializer};

use super::{PoolPicture, drawable};

/// Names a block: the first half of its hash, enough to tell blocks on the page apart. 32 lower-case hex digits on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DagId(pub [u8; 16]);

impl DagId {
    /// The name of the block with this hash.
    #[must_use]
    pub fn of(hash: &[u8; 32]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }
}

impl Serialize for DagId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(self.0)))
    }
}

/// A block of the DAG, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DagBlock {
    /// The block.
    pub id: DagId,
    /// Its parents, at most [`DAG_LINKS_MAX`](crate::DAG_LINKS_MAX).
    pub parents: Vec<DagId>,
    /// Its parent with most blue work.
    pub selected_parent: DagId,
    /// The blues it merges besides the selected parent, at most [`DAG_LINKS_MAX`](crate::DAG_LINKS_MAX).
    pub blues: Vec<DagId>,
    /// The reds it merges, at most [`DAG_LINKS_MAX`](crate::DAG_LINKS_MAX).
    pub reds: Vec<DagId>,
    /// Blues in its past.
    pub blue_score: u64,
    /// Blocks that the difficulty counts up to it.
    pub daa_score: u64,
    /// Its own time: milliseconds since the Unix epoch.
    pub made: u64,
    /// Transactions in it, the coinbase among them.
    pub transactions: u32,
}

/// The node's part of its entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KaspaNode {
    /// The network: `mainnet`, `devnet`.
    pub network: String,
    /// Blocks a second that the network aims at.
    pub blocks_per_second: u64,
    /// The tip of the selected chain.
    pub sink: DagId,
    /// DAA score of the virtual block.
    pub daa_score: u64,
    /// Blue score of the sink.
    pub blue_score: u64,
    /// Blocks nobody builds on yet.
    pub tips: u64,
    /// Blocks known.
    pub blocks: u64,
    /// Largest anticone of a blue block among the blue ones.
    pub ghostdag_k: u64,
    /// What waits for a block; fees in sompi a gram.
    pub pool: PoolPicture,
}

/// What a DAG takes in, per second. A value that is negative or not finite is published as zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct DagRates {
    /// Blocks, per second.
    pub blocks: f64,
    /// Blocks of the selected chain, per second.
    pub chain: f64,
    /// Transactions accepted, coinbases aside, per second.
    pub accepted: f64,
}

impl DagRates {
    #[must_use]
    pub(crate) fn drawable(self) -> Self {
        let Self { blocks, chain, accepted } = self;
        Self { blocks: drawable(blocks), chain: drawable(chain), accepted: drawable(accepted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_first_half_of_the_hash() {
        let mut hash = [0; 32];
        hash[0] = 0x0a;
        hash[15] = 0x01;
        hash[16] = 0xff;
        let name = serde_json::to_value(DagId::of(&hash)).unwrap();
        assert_eq!(name, "0a000000000000000000000000000001");
    }
}
