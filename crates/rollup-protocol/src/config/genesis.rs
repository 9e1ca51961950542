//! The first block's header, from a genesis file and the root of its state.
//!
//! **Spec:** op-geth's `Genesis.ToBlock`; each fork's `exec-engine.md` for what a header has from it.

use alloy_consensus::{
    Header,
    constants::{EMPTY_ROOT_HASH, EMPTY_WITHDRAWALS},
};
use alloy_eips::{eip1559::INITIAL_BASE_FEE, eip7685::EMPTY_REQUESTS_HASH};
use alloy_primitives::{Address, B64, B256, Bytes, U256};

use super::{Fork, ForkSchedule};

/// What a genesis file says of the first block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenesisFields {
    /// Number.
    pub number: u64,
    /// Hash of the block before it, where the chain continues another.
    pub parent_hash: B256,
    /// Time.
    pub timestamp: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Gas used.
    pub gas_used: u64,
    /// Who gets the fees.
    pub coinbase: Address,
    /// Difficulty.
    pub difficulty: U256,
    /// Randomness.
    pub mix_hash: B256,
    /// Nonce.
    pub nonce: u64,
    /// Extra data.
    pub extra_data: Bytes,
    /// Base fee; that of the first London block where the file has none.
    pub base_fee: Option<u64>,
    /// Blob gas used, where the file has it.
    pub blob_gas_used: Option<u64>,
    /// Excess blob gas, where the file has it.
    pub excess_blob_gas: Option<u64>,
}

/// Makes the first block's header. `message_passer_root` is the storage root of the message passer, which headers hold from Isthmus.
#[must_use]
pub fn genesis_header(
    fields: &GenesisFields,
    forks: &ForkSchedule,
    state_root: B256,
    message_passer_root: B256,
) -> Header {
    let active = |fork| forks.is_active(fork, fields.timestamp);
    let (ecotone, isthmus) = (active(Fork::Ecotone), active(Fork::Isthmus));
    let withdrawals_root = if isthmus {
        Some(message_passer_root)
    } else {
        active(Fork::Canyon).then_some(EMPTY_WITHDRAWALS)
    };
    Header {
        parent_hash: fields.parent_hash,
        beneficiary: fields.coinbase,
        state_root,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        difficulty: fields.difficulty,
        number: fields.number,
        gas_limit: fields.gas_limit,
        gas_used: fields.gas_used,
        timestamp: fields.timestamp,
        extra_data: fields.extra_data.clone(),
        mix_hash: fields.mix_hash,
        nonce: B64::from(fields.nonce.to_be_bytes()),
        base_fee_per_gas: Some(fields.base_fee.unwrap_or(INITIAL_BASE_FEE)),
        withdrawals_root,
        blob_gas_used: ecotone.then(|| fields.blob_gas_used.unwrap_or_default()),
        excess_blob_gas: ecotone.then(|| fields.excess_blob_gas.unwrap_or_default()),
        parent_beacon_block_root: ecotone.then_some(B256::ZERO),
        requests_hash: isthmus.then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fork_adds_its_fields() {
        let root = B256::repeat_byte(1);
        let header = |fork| {
            let forks = ForkSchedule::active_up_to(fork);
            genesis_header(&GenesisFields::default(), &forks, B256::ZERO, root)
        };
        assert_eq!(header(Fork::Bedrock).withdrawals_root, None);
        assert_eq!(header(Fork::Canyon).withdrawals_root, Some(EMPTY_WITHDRAWALS));
        assert_eq!(header(Fork::Granite).parent_beacon_block_root, Some(B256::ZERO));
        assert_eq!(header(Fork::Granite).requests_hash, None);
        assert_eq!(header(Fork::Isthmus).withdrawals_root, Some(root));
        assert_eq!(header(Fork::Isthmus).requests_hash, Some(EMPTY_REQUESTS_HASH));
    }
}
