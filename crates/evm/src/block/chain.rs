//! The port through which rules see the blocks before the one at hand.

use alloy_consensus::Header;
use alloy_primitives::{B256, U256};

/// A block as its descendants see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its header.
    pub header: Header,
    /// Hashes of its uncles.
    pub ommers: Vec<B256>,
    /// Difficulty of the chain up to and including it.
    pub total_difficulty: U256,
}

/// The blocks that are known.
pub trait Chain {
    /// Returns a block by its hash, if it is known and good.
    fn link(&self, hash: B256) -> Option<Link>;
}

impl Link {
    /// Returns the total difficulty of a child with this difficulty.
    ///
    /// No chain reaches the greatest number; a test may, and stays there.
    #[must_use]
    pub fn total_difficulty_of_child(&self, difficulty: U256) -> U256 {
        self.total_difficulty.saturating_add(difficulty)
    }
}
