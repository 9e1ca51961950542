//! Rules for bodies: the header commits to what is there.

use alloy_consensus::{
    Transaction,
    proofs::{calculate_ommers_root, calculate_transaction_root, calculate_withdrawals_root},
};
use alloy_eips::eip4844::DATA_GAS_PER_BLOB;
use alloy_rlp::Encodable;

use super::{BLOCK_LENGTH_MAX, Block, BlockError, OMMERS_MAX};
use crate::schedule::{Fork, Rules};

pub(super) fn check(rules: &Rules, block: &Block) -> Result<(), BlockError> {
    let (header, body) = (&block.header, &block.body);
    if rules.has(Fork::Osaka) && block.length() > BLOCK_LENGTH_MAX {
        return Err(BlockError::TooLong { most: BLOCK_LENGTH_MAX, actual: block.length() });
    }
    if body.ommers.len() > OMMERS_MAX {
        return Err(BlockError::TooManyOmmers { most: OMMERS_MAX, actual: body.ommers.len() });
    }
    let (expected, actual) = (calculate_ommers_root(&body.ommers), header.ommers_hash);
    if actual != expected {
        return Err(BlockError::OmmersHash { expected, actual });
    }
    let (expected, actual) =
        (calculate_transaction_root(&body.transactions), header.transactions_root);
    if actual != expected {
        return Err(BlockError::TransactionsRoot { expected, actual });
    }
    match (&body.withdrawals, header.withdrawals_root) {
        (None, None) => {}
        (Some(withdrawals), Some(actual)) => {
            let expected = calculate_withdrawals_root(withdrawals);
            if actual != expected {
                return Err(BlockError::WithdrawalsRoot { expected, actual });
            }
        }
        (None, Some(_)) => return Err(BlockError::Withdrawals { expected: "some" }),
        (Some(_), None) => return Err(BlockError::Withdrawals { expected: "no" }),
    }
    blobs(block)
}

fn blobs(block: &Block) -> Result<(), BlockError> {
    let Some(actual) = block.header.blob_gas_used else { return Ok(()) };
    let count = |transaction: &_| Transaction::blob_count(transaction).unwrap_or_default();
    let blobs: u64 = block.body.transactions.iter().map(count).sum();
    let expected = blobs.saturating_mul(DATA_GAS_PER_BLOB);
    if actual != expected {
        return Err(BlockError::BlobGasUsed { expected, actual });
    }
    Ok(())
}
