//! What a block must satisfy by itself.
//!
//! **Spec:** Bitcoin Core, `CheckBlock` without the header's rules, `IsBlockMutated`.

use bitcoin::{TxMerkleNode, hashes::Hash};
use quintet_crypto::merkle;
use thiserror::Error;

use super::{BlockError, transaction::check_transaction, witness::check_witnesses};
use crate::{
    block::Block,
    header::signet::check_solution,
    network::Params,
    script::legacy_sigops,
    transaction::{Tx, WITNESS_SCALE_FACTOR},
};

/// Largest weight of a block, weight units (BIP-0141).
pub const BLOCK_WEIGHT_MAX: usize = 4_000_000;

/// Largest signature operation cost of a block; one outside of witnesses costs four (BIP-0141).
pub const BLOCK_SIGOP_COST_MAX: u64 = 80_000;

/// Bytes of a transaction that can pass for an inner node of the Merkle tree.
const NODE_BYTES: usize = 64;

/// A block that satisfies every rule that needs no chain.
#[derive(Debug, Clone, Copy)]
pub struct CheckedBlock<'a> {
    block: &'a Block,
    legacy_sigops: u64,
}

impl<'a> CheckedBlock<'a> {
    /// Returns the block.
    #[must_use]
    pub const fn block(&self) -> &'a Block {
        self.block
    }

    /// Returns its signature operations without those of redeem scripts and witnesses; each costs four.
    #[must_use]
    pub const fn legacy_sigops(&self) -> u64 {
        self.legacy_sigops
    }
}

/// Checks what needs nothing but the block (Bitcoin Core's `CheckBlock` without the header's proof of work).
///
/// Whatever may be wrong with the copy alone comes first: once the Merkle root fits, what is
/// found is the block's own fault. Witnesses wait for [`super::check_block_in_context`]. On a signet the
/// signature comes before all else, as in Bitcoin Core, so a caller that was sent the block asks
/// [`is_block_mutated`] first.
///
/// # Errors
///
/// [`BlockError`]: the first rule it breaks, in Bitcoin Core's order.
pub fn check_block<'a>(block: &'a Block, params: &Params) -> Result<CheckedBlock<'a>, BlockError> {
    check_solution(block, params).map_err(|source| BlockError::Signet { source })?;
    check_merkle_root(block)?;
    check_length(block)?;
    check_coinbase_position(block)?;
    for tx in block.transactions().iter() {
        check_transaction(tx)
            .map_err(|source| BlockError::Transaction { txid: tx.txid(), source })?;
    }
    let legacy_sigops = block.transactions().iter().map(legacy_sigops).sum();
    let actual = legacy_sigops * WITNESS_SCALE_FACTOR as u64;
    if actual > BLOCK_SIGOP_COST_MAX {
        return Err(BlockError::Sigops { actual });
    }
    Ok(CheckedBlock { block, legacy_sigops })
}

fn check_merkle_root(block: &Block) -> Result<(), BlockError> {
    let txids: Vec<_> = block.transactions().iter().map(|tx| tx.txid().to_byte_array()).collect();
    let root = merkle::root(&txids);
    let (expected, actual) = (block.header().merkle_root, TxMerkleNode::from_byte_array(root.hash));
    if expected != actual {
        return Err(BlockError::MerkleRoot { expected, actual });
    }
    if root.mutated {
        return Err(BlockError::DuplicateTransactions);
    }
    Ok(())
}

fn check_length(block: &Block) -> Result<(), BlockError> {
    let transactions = block.transactions().len();
    let weight = block.base_size() * WITNESS_SCALE_FACTOR;
    // A transaction weighs more than four, so the weight bounds their number too.
    if transactions == 0 || weight > BLOCK_WEIGHT_MAX {
        return Err(BlockError::Length { transactions, weight });
    }
    Ok(())
}

fn check_coinbase_position(block: &Block) -> Result<(), BlockError> {
    let mut transactions = block.transactions().iter();
    if let Some(first) = transactions.next()
        && !first.is_coinbase()
    {
        return Err(BlockError::CoinbaseMissing { txid: first.txid() });
    }
    match transactions.position(Tx::is_coinbase) {
        Some(after_first) => Err(BlockError::SecondCoinbase { transaction: after_first + 1 }),
        None => Ok(()),
    }
}

/// Returns whether this copy cannot be what the header's miner made, so that another may be fetched (Bitcoin Core's
/// `IsBlockMutated`).
///
/// `segwit_active` is whether the block is to commit to its witnesses. A block without a coinbase is a mutation if a
/// transaction is as long as two hashes: an inner node of another block's tree that was passed off as one.
#[must_use]
pub fn is_block_mutated(block: &Block, segwit_active: bool) -> bool {
    find_mutation(block, segwit_active).is_some()
}

/// How a copy of a block shows that it was spoilt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Mutation {
    /// It breaks a rule that the header's miner cannot have broken.
    #[error("{}, {}", source.reject_reason(), source.debug_message())]
    Rule {
        /// The rule.
        source: BlockError,
    },
    /// An inner node of a Merkle tree stands for a transaction.
    #[error("a transaction of {NODE_BYTES} bytes in a block without a coinbase")]
    NodeAsTransaction,
}

/// Returns what makes a copy one that [`is_block_mutated`] tells, if anything does.
#[must_use]
pub fn find_mutation(block: &Block, segwit_active: bool) -> Option<Mutation> {
    if let Err(source) = check_merkle_root(block) {
        return Some(Mutation::Rule { source });
    }
    if block.transactions().get(0).is_some_and(Tx::is_coinbase) {
        return check_witnesses(block, segwit_active).err().map(|source| Mutation::Rule { source });
    }
    let found = block.transactions().iter().any(|tx| tx.base_size() == NODE_BYTES);
    found.then_some(Mutation::NodeAsTransaction)
}
