//! Validators with keys, and blocks by them.

use alloy_consensus::Header;
use alloy_primitives::{B256, keccak256};
use quintet_crypto::{secp, vrf};
use quintet_lux_protocol::{
    header::{self, Position},
    params::{Domain, Params},
    signature,
    validator::{Validator, ValidatorSet},
};

/// A validator's keys.
pub(crate) struct Keys {
    pub(crate) secp: secp::SecretKey,
    pub(crate) vrf: vrf::SecretKey,
}

/// A chain's parameters with all its validators' keys.
pub(crate) struct World {
    pub(crate) params: Params,
    pub(crate) set: ValidatorSet,
    pub(crate) keys: Vec<Keys>,
}

impl World {
    pub(crate) fn new(count: u8) -> Self {
        Self::with_stakes(&vec![1_000; usize::from(count)])
    }

    pub(crate) fn with_stakes(stakes: &[u64]) -> Self {
        let keys: Vec<Keys> = (1..=stakes.len())
            .map(|number| {
                let seed = keccak256(number.to_be_bytes()).0;
                let secp = secp::SecretKey::from_bytes(&seed).unwrap();
                Keys { secp, vrf: vrf::SecretKey::from_seed(&seed) }
            })
            .collect();
        let validators = keys.iter().zip(stakes).map(|(keys, stake)| Validator {
            address: signature::address(&keys.secp).unwrap(),
            vrf_key: keys.vrf.public_key(),
            stake: *stake,
        });
        let set = ValidatorSet::new(validators.collect()).unwrap();
        let genesis = B256::repeat_byte(0x47);
        let domain = Domain::new(8_898, genesis);
        let params =
            Params { domain, genesis, genesis_time: 1_000, slot_millis: 100, epoch_slots: 10 };
        Self { params, set, keys }
    }

    /// A block of a slot on a parent by whose turn it is. Two blocks with different `salt` differ.
    pub(crate) fn block(&self, parent: &Position, slot: u64, salt: u64) -> Header {
        let proposer = parent.proposer(&self.params, &self.set, slot);
        let keys = &self.keys[proposer];
        let draft = header::draft(&self.params, parent, slot, &keys.vrf).unwrap();
        let mut header = Header {
            parent_hash: parent.hash,
            number: parent.number + 1,
            beneficiary: self.set.get(proposer).unwrap().address,
            timestamp: draft.timestamp,
            mix_hash: draft.prev_randao,
            extra_data: draft.extra_data,
            parent_beacon_block_root: Some(B256::ZERO),
            gas_used: salt,
            // What the encoding needs to hold the field above.
            base_fee_per_gas: Some(1),
            withdrawals_root: Some(B256::ZERO),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            ..Header::default()
        };
        header.extra_data = header::sign(&self.params, &header, &keys.secp).unwrap();
        header
    }
}
