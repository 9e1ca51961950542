//! Blocks by name: what derivation needs to know of them and no more.

use alloy_eips::BlockNumHash;
use alloy_primitives::{B256, Bytes};

/// An L1 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct L1Ref {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Its time.
    pub timestamp: u64,
}

impl L1Ref {
    /// Returns number and hash.
    #[must_use]
    pub const fn id(&self) -> BlockNumHash {
        BlockNumHash { number: self.number, hash: self.hash }
    }
}

/// An L2 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct L2Ref {
    /// Its number.
    pub number: u64,
    /// Its hash; zero if it is not known, see [`L2Ref::may_be`].
    pub hash: B256,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Its time.
    pub timestamp: u64,
    /// Its L1 origin.
    pub l1_origin: BlockNumHash,
    /// Its place among the blocks of its epoch, from zero.
    pub sequence_number: u64,
}

impl L2Ref {
    /// Returns whether the block's hash may begin with these bytes: it does, or it is not known.
    ///
    /// Who derives without executing knows no hash. A zero hash says so, and what a batch says of its parent is then believed; such a
    /// derivation is right as far as the batcher built on its own chain.
    #[must_use]
    pub fn may_be(&self, hash: &[u8]) -> bool {
        self.hash.is_zero() || self.hash.starts_with(hash)
    }

    /// Returns number and hash.
    #[must_use]
    pub const fn id(&self) -> BlockNumHash {
        BlockNumHash { number: self.number, hash: self.hash }
    }
}

/// An L2 block of the safe chain with its transactions, for span batches that overlap it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeBlock {
    /// The block.
    pub block: L2Ref,
    /// Its transactions, deposits first.
    pub transactions: Vec<Bytes>,
}

/// The safe chain, as far as batches are compared with it.
pub trait SafeChain {
    /// Returns the safe block of a number, `None` if it is not at hand: derivation asks for it and waits.
    fn safe_block(&self, number: u64) -> Option<SafeBlock>;
}

/// A chain of which no block is at hand.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBlocks;

impl SafeChain for NoBlocks {
    fn safe_block(&self, _number: u64) -> Option<SafeBlock> {
        None
    }
}
