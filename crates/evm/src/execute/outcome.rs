//! What a block's execution yields.

use alloy_consensus::proofs::calculate_receipt_root;
use alloy_eips::eip7685::Requests;
use alloy_primitives::{B256, Bloom};
use quintet_eth::state::StateChanges;

use super::receipt::{Receipt, bloom_of};

/// What a block's execution yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockOutcome {
    /// What each transaction did.
    pub receipts: Vec<Receipt>,
    /// Gas that all used.
    pub gas_used: u64,
    /// Gas of all blobs; on an OP chain from Jovian on the footprint of data.
    pub blob_gas_used: u64,
    /// Requests to the consensus layer, from Prague on.
    ///
    /// **Spec:** EIP-7685.
    pub requests: Option<Requests>,
    /// What changed in the state.
    pub changes: StateChanges,
}

impl BlockOutcome {
    /// Returns the root over the receipts.
    #[must_use]
    pub fn receipts_root(&self) -> B256 {
        calculate_receipt_root(&self.receipts)
    }

    /// Returns the filter of everything logged.
    #[must_use]
    pub fn bloom(&self) -> Bloom {
        bloom_of(self.receipts.iter().flat_map(|receipt| &receipt.logs))
    }

    /// Returns the hash of the requests, from Prague on.
    #[must_use]
    pub fn requests_hash(&self) -> Option<B256> {
        self.requests.as_ref().map(Requests::requests_hash)
    }
}
