//! Execution payloads: blocks as gossip, the Engine API and `admin_postUnsafePayload` carry them.
//!
//! ```text
//!   gossip bytes ──► ssz::decode ──┐                         ┌──► header() ──► its hash must be the one it names
//!                                  ├──► Envelope { root, Payload } ──► block_rlp() ──► execution layer
//!   JSON ──► json (serde) ─────────┘                         └──► ssz::encode, json
//! ```
//!
//! # Invariants
//!
//! - What a payload does not carry (roots of lists, the fixed fields of a header after the merge) is computed, never believed.
//! - A payload's version says which fields it has, and nothing else does.
//!
//! **Spec:** Engine API, `ExecutionPayloadV1` to `V3`; `isthmus/exec-engine.md` for `withdrawalsRoot`; `rollup-node-p2p.md`, "Block encoding".

mod json;
pub mod ssz;

use alloy_consensus::{
    Header,
    constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_WITHDRAWALS},
};
use alloy_eips::{eip4895::Withdrawal, eip7685::EMPTY_REQUESTS_HASH};
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use alloy_rlp::Encodable as _;
use thiserror::Error;

pub use self::json::EnvelopeJson;
use crate::config::{Fork, RollupConfig};

/// Longest extra data, bytes.
///
/// **Spec:** Ethereum consensus, `MAX_EXTRA_DATA_BYTES`.
pub const EXTRA_DATA_MAX: usize = 32;

/// Which fields a payload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadVersion {
    /// Bedrock.
    V1,
    /// Canyon: withdrawals, of which there are none.
    V2,
    /// Ecotone: blob gas, and the root of a beacon block beside the payload.
    V3,
    /// Isthmus: the root of the message passer's storage.
    V4,
}

impl PayloadVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 4] = [Self::V1, Self::V2, Self::V3, Self::V4];

    /// Returns the version of blocks of a time.
    #[must_use]
    pub fn of_block(config: &RollupConfig, time: u64) -> Self {
        let begun = |(fork, version)| config.is_active(fork, time).then_some(version);
        [(Fork::Isthmus, Self::V4), (Fork::Ecotone, Self::V3), (Fork::Canyon, Self::V2)]
            .into_iter()
            .find_map(begun)
            .unwrap_or(Self::V1)
    }
}

/// A block without what can be computed of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Who gets the fees.
    pub fee_recipient: Address,
    /// Root of the state after it.
    pub state_root: B256,
    /// Root of its receipts.
    pub receipts_root: B256,
    /// Filter of its logs.
    pub logs_bloom: Bloom,
    /// Randomness of its L1 origin.
    pub prev_randao: B256,
    /// Number.
    pub number: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Gas used.
    pub gas_used: u64,
    /// Time.
    pub timestamp: u64,
    /// Extra data, at most [`EXTRA_DATA_MAX`] bytes.
    pub extra_data: Bytes,
    /// Base fee, wei.
    pub base_fee: U256,
    /// The hash it is said to have.
    pub block_hash: B256,
    /// Transactions, encoded.
    pub transactions: Vec<Bytes>,
    /// From V2: withdrawals.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// From V3: blob gas used, which from Jovian is the footprint of the data.
    pub blob_gas_used: Option<u64>,
    /// From V3: excess blob gas.
    pub excess_blob_gas: Option<u64>,
    /// From V4: root of the message passer's storage.
    pub withdrawals_root: Option<B256>,
}

/// A payload with what its header takes from L1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// From V3: root of a beacon block of L1.
    pub parent_beacon_root: Option<B256>,
    /// The payload.
    pub payload: Payload,
}

/// Why a payload is no block.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// Bytes are missing, or there are too many.
    #[error("payload: expected {expected} bytes of {what}, got {actual}")]
    Length {
        /// Of what.
        what: &'static str,
        /// How many.
        expected: usize,
        /// How many there are.
        actual: usize,
    },
    /// An offset leads elsewhere than to where its list begins.
    #[error("payload: expected the offset of {what} to be {expected}, got {actual}")]
    Offset {
        /// Of what.
        what: &'static str,
        /// Where it begins.
        expected: usize,
        /// What is written.
        actual: usize,
    },
    /// More than there may be.
    #[error("payload: expected at most {expected} {what}, got {actual}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        expected: usize,
        /// How many there are.
        actual: usize,
    },
    /// A field that blocks of this version have is not there, or the other way round.
    #[error("payload: expected {what} {presence} in blocks of version {version:?}")]
    Field {
        /// Which.
        what: &'static str,
        /// `to be there` or `not to be there`.
        presence: &'static str,
        /// The version.
        version: PayloadVersion,
    },
    /// It is not the block whose hash it names.
    #[error("payload: expected block {expected}, got {actual}")]
    Hash {
        /// What it names.
        expected: B256,
        /// What it is.
        actual: B256,
    },
    /// A base fee no header can hold.
    #[error("payload: expected a base fee below 2^64, got {actual}")]
    BaseFee {
        /// The base fee.
        actual: U256,
    },
}

impl Envelope {
    /// Takes a block apart. `raw` are its transactions, encoded.
    #[must_use]
    pub fn of_block(version: PayloadVersion, header: &Header, hash: B256, raw: Vec<Bytes>) -> Self {
        let from = |first: PayloadVersion| version >= first;
        let payload = Payload {
            parent_hash: header.parent_hash,
            fee_recipient: header.beneficiary,
            state_root: header.state_root,
            receipts_root: header.receipts_root,
            logs_bloom: header.logs_bloom,
            prev_randao: header.mix_hash,
            number: header.number,
            gas_limit: header.gas_limit,
            gas_used: header.gas_used,
            timestamp: header.timestamp,
            extra_data: header.extra_data.clone(),
            base_fee: U256::from(header.base_fee_per_gas.unwrap_or_default()),
            block_hash: hash,
            transactions: raw,
            withdrawals: from(PayloadVersion::V2).then(Vec::new),
            blob_gas_used: header.blob_gas_used.filter(|_| from(PayloadVersion::V3)),
            excess_blob_gas: header.excess_blob_gas.filter(|_| from(PayloadVersion::V3)),
            withdrawals_root: header.withdrawals_root.filter(|_| from(PayloadVersion::V4)),
        };
        let root = header.parent_beacon_block_root.filter(|_| from(PayloadVersion::V3));
        Self { parent_beacon_root: root, payload }
    }

    /// Checks that exactly the fields of a version are there.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Field`] for the first that is not as it should be.
    pub fn check_fields(&self, version: PayloadVersion) -> Result<(), PayloadError> {
        let payload = &self.payload;
        let fields = [
            ("withdrawals", PayloadVersion::V2, payload.withdrawals.is_some()),
            ("blobGasUsed", PayloadVersion::V3, payload.blob_gas_used.is_some()),
            ("excessBlobGas", PayloadVersion::V3, payload.excess_blob_gas.is_some()),
            ("parentBeaconBlockRoot", PayloadVersion::V3, self.parent_beacon_root.is_some()),
            ("withdrawalsRoot", PayloadVersion::V4, payload.withdrawals_root.is_some()),
        ];
        for (what, first, is_there) in fields {
            if is_there != (version >= first) {
                let presence = if is_there { "not to be there" } else { "to be there" };
                return Err(PayloadError::Field { what, presence, version });
            }
        }
        Ok(())
    }

    /// Makes the header of a version's block.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] if no header can hold a field.
    pub fn header(&self, version: PayloadVersion) -> Result<Header, PayloadError> {
        self.check_fields(version)?;
        let payload = &self.payload;
        let base_fee = u64::try_from(payload.base_fee)
            .map_err(|_| PayloadError::BaseFee { actual: payload.base_fee })?;
        let of_list = |list: &Vec<Withdrawal>| {
            if list.is_empty() {
                EMPTY_WITHDRAWALS
            } else {
                quintet_eth::block::withdrawals_root(list)
            }
        };
        let withdrawals_root =
            payload.withdrawals_root.or_else(|| payload.withdrawals.as_ref().map(of_list));
        Ok(Header {
            parent_hash: payload.parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: payload.fee_recipient,
            state_root: payload.state_root,
            transactions_root: quintet_eth::trie::ordered_root(&payload.transactions),
            receipts_root: payload.receipts_root,
            logs_bloom: payload.logs_bloom,
            difficulty: U256::ZERO,
            number: payload.number,
            gas_limit: payload.gas_limit,
            gas_used: payload.gas_used,
            timestamp: payload.timestamp,
            extra_data: payload.extra_data.clone(),
            mix_hash: payload.prev_randao,
            nonce: B64::ZERO,
            base_fee_per_gas: Some(base_fee),
            withdrawals_root,
            blob_gas_used: payload.blob_gas_used,
            excess_blob_gas: payload.excess_blob_gas,
            parent_beacon_block_root: self.parent_beacon_root,
            requests_hash: (version >= PayloadVersion::V4).then_some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        })
    }

    /// Checks that it is the block whose hash it names, and returns that block in RLP.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] if it is not.
    pub fn block_rlp(&self, version: PayloadVersion) -> Result<Bytes, PayloadError> {
        let header = self.header(version)?;
        let (expected, actual) = (self.payload.block_hash, header.hash_slow());
        if expected != actual {
            return Err(PayloadError::Hash { expected, actual });
        }
        let mut transactions = Vec::new();
        for raw in &self.payload.transactions {
            // A legacy transaction is a list of its own, all others are strings.
            if raw.first().is_some_and(|first| *first >= 0xc0) {
                transactions.extend_from_slice(raw);
            } else {
                raw.as_ref().encode(&mut transactions);
            }
        }
        let mut fields = Vec::new();
        header.encode(&mut fields);
        alloy_rlp::Header { list: true, payload_length: transactions.len() }.encode(&mut fields);
        fields.extend_from_slice(&transactions);
        Vec::<Header>::new().encode(&mut fields);
        if let Some(withdrawals) = &self.payload.withdrawals {
            withdrawals.encode(&mut fields);
        }
        let mut out = Vec::with_capacity(fields.len() + 9);
        alloy_rlp::Header { list: true, payload_length: fields.len() }.encode(&mut out);
        out.extend_from_slice(&fields);
        Ok(out.into())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A block of a version that is what it says.
    pub(crate) fn envelope(version: PayloadVersion) -> Envelope {
        let from = |first| version >= first;
        let header = Header {
            number: 7,
            timestamp: 1_000,
            gas_limit: 30_000_000,
            extra_data: vec![0; 9].into(),
            base_fee_per_gas: Some(5),
            withdrawals_root: Some(B256::repeat_byte(4)),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::repeat_byte(9)),
            ..Header::default()
        };
        let raw = vec![vec![0x7e, 1, 2].into(), vec![0xc1, 0x80].into()];
        let mut envelope = Envelope::of_block(version, &header, B256::ZERO, raw);
        assert_eq!(envelope.payload.withdrawals.is_some(), from(PayloadVersion::V2));
        envelope.payload.block_hash = envelope.header(version).unwrap().hash_slow();
        envelope
    }

    #[test]
    fn a_payload_is_the_block_it_was_taken_from() {
        for version in PayloadVersion::ALL {
            let envelope = envelope(version);
            let header = envelope.header(version).unwrap();
            let raw = envelope.payload.transactions.clone();
            assert_eq!(Envelope::of_block(version, &header, header.hash_slow(), raw), envelope);
            assert!(envelope.block_rlp(version).is_ok());
        }
    }

    #[test]
    fn another_hash_and_fields_of_another_version_are_refused() {
        let mut envelope = envelope(PayloadVersion::V3);
        let error = envelope.header(PayloadVersion::V4).unwrap_err();
        assert!(error.to_string().contains("withdrawalsRoot to be there"), "{error}");
        let error = envelope.header(PayloadVersion::V2).unwrap_err();
        assert!(error.to_string().contains("blobGasUsed not to be there"), "{error}");
        envelope.payload.gas_used += 1;
        let error = envelope.block_rlp(PayloadVersion::V3).unwrap_err();
        assert!(matches!(error, PayloadError::Hash { .. }), "{error}");
    }
}
