//! Payloads as JSON, in the Engine API's spelling: what `admin_postUnsafePayload` takes.

use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, Bloom, Bytes, U64, U256};
use serde::{Deserialize, Serialize};

use super::{Envelope, Payload};

/// An envelope.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvelopeJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_beacon_block_root: Option<B256>,
    execution_payload: PayloadJson,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayloadJson {
    parent_hash: B256,
    fee_recipient: Address,
    state_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
    prev_randao: B256,
    block_number: U64,
    gas_limit: U64,
    gas_used: U64,
    timestamp: U64,
    extra_data: Bytes,
    base_fee_per_gas: U256,
    block_hash: B256,
    transactions: Vec<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawals: Option<Vec<WithdrawalJson>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blob_gas_used: Option<U64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    excess_blob_gas: Option<U64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawals_root: Option<B256>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WithdrawalJson {
    index: U64,
    validator_index: U64,
    address: Address,
    amount: U64,
}

impl From<EnvelopeJson> for Envelope {
    fn from(json: EnvelopeJson) -> Self {
        let payload = json.execution_payload;
        let withdrawal = |one: WithdrawalJson| Withdrawal {
            index: one.index.to(),
            validator_index: one.validator_index.to(),
            address: one.address,
            amount: one.amount.to(),
        };
        let number = |one: U64| one.to::<u64>();
        let payload = Payload {
            parent_hash: payload.parent_hash,
            fee_recipient: payload.fee_recipient,
            state_root: payload.state_root,
            receipts_root: payload.receipts_root,
            logs_bloom: payload.logs_bloom,
            prev_randao: payload.prev_randao,
            number: payload.block_number.to(),
            gas_limit: payload.gas_limit.to(),
            gas_used: payload.gas_used.to(),
            timestamp: payload.timestamp.to(),
            extra_data: payload.extra_data,
            base_fee: payload.base_fee_per_gas,
            block_hash: payload.block_hash,
            transactions: payload.transactions,
            withdrawals: payload.withdrawals.map(|list| list.into_iter().map(withdrawal).collect()),
            blob_gas_used: payload.blob_gas_used.map(number),
            excess_blob_gas: payload.excess_blob_gas.map(number),
            withdrawals_root: payload.withdrawals_root,
        };
        Self { parent_beacon_root: json.parent_beacon_block_root, payload }
    }
}

impl From<Envelope> for EnvelopeJson {
    fn from(envelope: Envelope) -> Self {
        let payload = envelope.payload;
        let withdrawal = |one: Withdrawal| WithdrawalJson {
            index: U64::from(one.index),
            validator_index: U64::from(one.validator_index),
            address: one.address,
            amount: U64::from(one.amount),
        };
        let execution_payload = PayloadJson {
            parent_hash: payload.parent_hash,
            fee_recipient: payload.fee_recipient,
            state_root: payload.state_root,
            receipts_root: payload.receipts_root,
            logs_bloom: payload.logs_bloom,
            prev_randao: payload.prev_randao,
            block_number: U64::from(payload.number),
            gas_limit: U64::from(payload.gas_limit),
            gas_used: U64::from(payload.gas_used),
            timestamp: U64::from(payload.timestamp),
            extra_data: payload.extra_data,
            base_fee_per_gas: payload.base_fee,
            block_hash: payload.block_hash,
            transactions: payload.transactions,
            withdrawals: payload.withdrawals.map(|list| list.into_iter().map(withdrawal).collect()),
            blob_gas_used: payload.blob_gas_used.map(U64::from),
            excess_blob_gas: payload.excess_blob_gas.map(U64::from),
            withdrawals_root: payload.withdrawals_root,
        };
        Self { parent_beacon_block_root: envelope.parent_beacon_root, execution_payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{PayloadVersion, tests::envelope};

    #[test]
    fn every_version_comes_back() {
        for version in PayloadVersion::ALL {
            let whole = envelope(version);
            let text = serde_json::to_string(&EnvelopeJson::from(whole.clone())).unwrap();
            let read: EnvelopeJson = serde_json::from_str(&text).unwrap();
            assert_eq!(Envelope::from(read), whole);
        }
    }
}
