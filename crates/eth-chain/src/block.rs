//! A block with what is known of it, and the ways to name one.

use alloy_consensus::Header;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, U256};
use quintet_eth::{block::EthBlock, tx::EthTransaction};

/// A block by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// A block as people ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockTag {
    /// The first block.
    Earliest,
    /// The newest block no reorganisation takes back.
    Finalized,
    /// The newest block that hardly any takes back.
    Safe,
    /// The head.
    Latest,
    /// That of the head's chain with this number.
    Number(u64),
    /// That with this hash, on whatever chain.
    Hash(B256),
}

impl From<u64> for BlockTag {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<B256> for BlockTag {
    fn from(hash: B256) -> Self {
        Self::Hash(hash)
    }
}

/// A block with its hash and the senders of its transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBlock {
    /// Its hash.
    pub hash: B256,
    /// The block.
    pub block: EthBlock,
    /// Who sent each transaction; empty as long as the block was not executed.
    pub senders: Vec<Address>,
    /// Difficulty of the chain up to and including it.
    pub total_difficulty: U256,
}

impl SealedBlock {
    /// Returns number and hash.
    #[must_use]
    pub const fn at(&self) -> BlockRef {
        BlockRef { number: self.block.header.number, hash: self.hash }
    }

    /// Returns the header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.block.header
    }

    /// Returns the transactions.
    #[must_use]
    pub fn transactions(&self) -> &[EthTransaction] {
        &self.block.body.transactions
    }

    /// Returns the withdrawals, from Shanghai on.
    #[must_use]
    pub fn withdrawals(&self) -> Option<&[Withdrawal]> {
        self.block.body.withdrawals.as_ref().map(|withdrawals| withdrawals.as_slice())
    }

    /// Returns a transaction with its sender.
    #[must_use]
    pub fn transaction(&self, index: usize) -> Option<(&EthTransaction, Address)> {
        Some((self.transactions().get(index)?, *self.senders.get(index)?))
    }
}
