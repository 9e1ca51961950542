//! Rules after execution: the header commits to what came out.

use alloy_consensus::Header;
use alloy_primitives::B256;

use super::BlockError;
use crate::{
    execute::BlockOutcome,
    schedule::{Fork, Rules},
};

/// Compares what a header says with what execution yielded.
///
/// # Errors
///
/// [`BlockError`] for the first that differs.
pub fn check_outcome(
    rules: &Rules,
    header: &Header,
    outcome: &BlockOutcome,
    state_root: B256,
) -> Result<(), BlockError> {
    if header.gas_used != outcome.gas_used {
        return Err(BlockError::GasUsed { expected: outcome.gas_used, actual: header.gas_used });
    }
    let bloom = outcome.bloom();
    if header.logs_bloom != bloom {
        return Err(BlockError::Bloom { expected: Box::new(bloom) });
    }
    let (expected, actual) = (outcome.receipts_root(), header.receipts_root);
    if actual != expected {
        return Err(BlockError::ReceiptsRoot { expected, actual });
    }
    let blobs = header.blob_gas_used.filter(|_| rules.has(Fork::Cancun));
    if let Some(actual) = blobs.filter(|blobs| *blobs != outcome.blob_gas_used) {
        return Err(BlockError::BlobGasUsed { expected: outcome.blob_gas_used, actual });
    }
    let (expected, actual) = (outcome.requests_hash(), header.requests_hash);
    if actual != expected {
        return Err(BlockError::RequestsHash { expected, actual });
    }
    if header.state_root != state_root {
        return Err(BlockError::StateRoot { expected: state_root, actual: header.state_root });
    }
    Ok(())
}
