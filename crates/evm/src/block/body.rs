//! Rules for bodies: the header commits to what is there.

use alloy_consensus::{
    Transaction,
    proofs::{calculate_ommers_root, calculate_transaction_root, calculate_withdrawals_root},
};
use alloy_eips::{eip2718::Encodable2718, eip4844::DATA_GAS_PER_BLOB};
use alloy_rlp::Encodable;

use super::{BLOCK_LENGTH_MAX, Block, BlockError, OMMERS_MAX};
use crate::schedule::{Fork, OpFork, Rules};

pub(super) fn check<T: Transaction + Encodable2718 + Encodable>(
    rules: &Rules,
    block: &Block<T>,
) -> Result<(), BlockError> {
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
        // From Isthmus on the field holds a storage root, known after execution; a rollup has no withdrawals in its bodies.
        (Some(withdrawals), Some(_)) if rules.has_op(OpFork::Isthmus) => {
            if !withdrawals.is_empty() {
                return Err(BlockError::Withdrawals { expected: "no" });
            }
        }
        (Some(withdrawals), Some(actual)) => {
            let expected = calculate_withdrawals_root(withdrawals);
            if actual != expected {
                return Err(BlockError::WithdrawalsRoot { expected, actual });
            }
        }
        (None, Some(_)) => return Err(BlockError::Withdrawals { expected: "some" }),
        (Some(_), None) => return Err(BlockError::Withdrawals { expected: "no" }),
    }
    // What the field counts on an OP chain comes out of execution.
    if rules.op.is_some() { Ok(()) } else { blobs(block) }
}

fn blobs<T: Transaction>(block: &Block<T>) -> Result<(), BlockError> {
    let Some(actual) = block.header.blob_gas_used else { return Ok(()) };
    let count = |transaction: &T| Transaction::blob_count(transaction).unwrap_or_default();
    let blobs: u64 = block.body.transactions.iter().map(count).sum();
    let expected = blobs.saturating_mul(DATA_GAS_PER_BLOB);
    if actual != expected {
        return Err(BlockError::BlobGasUsed { expected, actual });
    }
    Ok(())
}
