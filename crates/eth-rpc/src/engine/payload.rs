//! Execution payloads: blocks as consensus clients write them.

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_eips::{
    eip4895::{Withdrawal, Withdrawals},
    eip7685::Requests,
};
use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use quintet_eth::{
    block::{EthBlock, EthBlockBody, transactions_root, withdrawals_root},
    tx::EthTransaction,
};
use quintet_eth_chain::{Built, SealedBlock};
use serde_json::{Map, Value, json};

use super::bundle;
use crate::{
    args::{FromArg, Quantity, field, needed, object},
    json::{big, data, fields, quantity, withdrawal},
    node::EthNode,
};

/// Writes a block as a payload.
pub(crate) fn payload_of(block: &SealedBlock) -> Map<String, Value> {
    let header = block.header();
    let transactions: Vec<_> =
        block.transactions().iter().map(|one| data(&one.encoded())).collect();
    let mut out = fields(json!({
        "parentHash": header.parent_hash,
        "feeRecipient": header.beneficiary,
        "stateRoot": header.state_root,
        "receiptsRoot": header.receipts_root,
        "logsBloom": header.logs_bloom,
        "prevRandao": header.mix_hash,
        "blockNumber": quantity(header.number),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(&header.extra_data),
        "baseFeePerGas": quantity(header.base_fee_per_gas.unwrap_or_default()),
        "blockHash": block.hash,
        "transactions": transactions,
    }));
    if let Some(withdrawals) = block.withdrawals() {
        let withdrawals = withdrawals.iter().map(withdrawal).collect();
        out.insert("withdrawals".to_owned(), Value::Array(withdrawals));
    }
    for (name, number) in
        [("blobGasUsed", header.blob_gas_used), ("excessBlobGas", header.excess_blob_gas)]
    {
        if let Some(number) = number {
            out.insert(name.to_owned(), quantity(number));
        }
    }
    out
}

/// Writes a built block with what a consensus client needs beside it.
pub(crate) fn envelope(node: &EthNode, built: &Built) -> Value {
    let mut out = fields(json!({
        "executionPayload": payload_of(built.block()),
        "blockValue": big(built.value),
        "blobsBundle": bundle(node, built),
        "shouldOverrideBuilder": false,
    }));
    if let Some(requests) = &built.requests {
        out.insert("executionRequests".to_owned(), json!(requests.iter().collect::<Vec<_>>()));
    }
    Value::Object(out)
}

/// A payload as it came.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    parent_hash: B256,
    fee_recipient: Address,
    state_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
    prev_randao: B256,
    number: u64,
    gas_limit: u64,
    gas_used: u64,
    pub(super) timestamp: u64,
    extra_data: Bytes,
    base_fee: U256,
    pub(super) block_hash: B256,
    transactions: Vec<Bytes>,
    pub(super) withdrawals: Option<Vec<Withdrawal>>,
    pub(super) blob_gas_used: Option<u64>,
    pub(super) excess_blob_gas: Option<u64>,
    withdrawals_root: Option<B256>,
}

impl FromArg for Payload {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "engine.ExecutableData")?;
        let number = |name| Ok::<_, String>(needed::<Quantity>(fields, name)?.0);
        let maybe = |name| Ok::<_, String>(field::<Quantity>(fields, name)?.map(|one| one.0));
        let bloom: Bytes = needed(fields, "logsBloom")?;
        if bloom.len() != Bloom::len_bytes() {
            return Err(format!("logsBloom has {} bytes, expected 256", bloom.len()));
        }
        Ok(Self {
            parent_hash: needed(fields, "parentHash")?,
            fee_recipient: needed(fields, "feeRecipient")?,
            state_root: needed(fields, "stateRoot")?,
            receipts_root: needed(fields, "receiptsRoot")?,
            logs_bloom: Bloom::from_slice(&bloom),
            prev_randao: needed(fields, "prevRandao")?,
            number: number("blockNumber")?,
            gas_limit: number("gasLimit")?,
            gas_used: number("gasUsed")?,
            timestamp: number("timestamp")?,
            extra_data: needed(fields, "extraData")?,
            base_fee: needed(fields, "baseFeePerGas")?,
            block_hash: needed(fields, "blockHash")?,
            transactions: needed(fields, "transactions")?,
            withdrawals: field(fields, "withdrawals")?,
            blob_gas_used: maybe("blobGasUsed")?,
            excess_blob_gas: maybe("excessBlobGas")?,
            withdrawals_root: field(fields, "withdrawalsRoot")?,
        })
    }
}

impl Payload {
    /// Makes the block of it; the error is why it is none.
    pub(super) fn block(
        self,
        beacon_root: Option<B256>,
        requests: Option<&[Bytes]>,
    ) -> Result<EthBlock, String> {
        let decode = |bytes: &Bytes| EthTransaction::decode(bytes);
        let transactions: Vec<_> = self
            .transactions
            .iter()
            .enumerate()
            .map(|(index, bytes)| {
                decode(bytes).map_err(|error| format!("transaction {index}: {error}"))
            })
            .collect::<Result<_, _>>()?;
        let base_fee = u64::try_from(self.base_fee)
            .map_err(|_| format!("base fee {} is above 2^64 - 1", self.base_fee))?;
        let of_body = self.withdrawals.as_deref().map(withdrawals_root);
        let requests = requests.map(|requests| Requests::new(requests.to_vec()).requests_hash());
        let header = Header {
            parent_hash: self.parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: self.fee_recipient,
            state_root: self.state_root,
            transactions_root: transactions_root(&transactions),
            receipts_root: self.receipts_root,
            logs_bloom: self.logs_bloom,
            number: self.number,
            gas_limit: self.gas_limit,
            gas_used: self.gas_used,
            timestamp: self.timestamp,
            extra_data: self.extra_data,
            mix_hash: self.prev_randao,
            base_fee_per_gas: Some(base_fee),
            // On an OP chain the field is a storage root that comes beside the withdrawals.
            withdrawals_root: self.withdrawals_root.or(of_body),
            blob_gas_used: self.blob_gas_used,
            excess_blob_gas: self.excess_blob_gas,
            parent_beacon_block_root: beacon_root,
            requests_hash: requests,
            ..Header::default()
        };
        let actual = header.hash_slow();
        if actual != self.block_hash {
            return Err(format!("blockhash mismatch, want {actual}, got {}", self.block_hash));
        }
        let withdrawals = self.withdrawals.map(Withdrawals::new);
        Ok(EthBlock {
            header,
            body: EthBlockBody { transactions, ommers: Vec::new(), withdrawals },
        })
    }
}
