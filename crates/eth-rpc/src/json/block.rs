//! Blocks and headers.

use alloy_consensus::Header;
use alloy_primitives::B256;
use alloy_rlp::Encodable;
use quintet_eth::block::EthBlock;
use quintet_eth_chain::SealedBlock;
use serde_json::{Map, Value, json};

use super::{TxPlace, big, count, data, fields, quantity, transaction, withdrawal};

/// Writes a header with the hash of its block.
pub(crate) fn header(header: &Header, hash: B256) -> Map<String, Value> {
    let mut out = fields(json!({
        "number": quantity(header.number),
        "hash": hash,
        "parentHash": header.parent_hash,
        "nonce": header.nonce,
        "mixHash": header.mix_hash,
        "sha3Uncles": header.ommers_hash,
        "logsBloom": header.logs_bloom,
        "stateRoot": header.state_root,
        "miner": header.beneficiary,
        "difficulty": big(header.difficulty),
        "extraData": data(&header.extra_data),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "transactionsRoot": header.transactions_root,
        "receiptsRoot": header.receipts_root,
    }));
    let numbers = [
        ("baseFeePerGas", header.base_fee_per_gas),
        ("blobGasUsed", header.blob_gas_used),
        ("excessBlobGas", header.excess_blob_gas),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            out.insert(name.to_owned(), quantity(number));
        }
    }
    let hashes = [
        ("withdrawalsRoot", header.withdrawals_root),
        ("parentBeaconBlockRoot", header.parent_beacon_block_root),
        ("requestsHash", header.requests_hash),
    ];
    for (name, hash) in hashes {
        if let Some(hash) = hash {
            out.insert(name.to_owned(), json!(hash));
        }
    }
    out
}

/// Writes a block, with its transactions or their hashes.
pub(crate) fn block(sealed: &SealedBlock, full: bool) -> Value {
    let mut out = header(sealed.header(), sealed.hash);
    let transactions: Vec<Value> = sealed
        .transactions()
        .iter()
        .enumerate()
        .map(|(index, one)| {
            if !full {
                return json!(one.hash());
            }
            let place = TxPlace::of(sealed, index);
            transaction(one, sealed.senders.get(index).copied(), Some(&place))
        })
        .collect();
    out.insert("transactions".to_owned(), Value::Array(transactions));
    let uncles: Vec<B256> = sealed.block.body.ommers.iter().map(Header::hash_slow).collect();
    out.insert("uncles".to_owned(), json!(uncles));
    out.insert("size".to_owned(), count(sealed.block.length()));
    if let Some(withdrawals) = sealed.withdrawals() {
        let withdrawals = withdrawals.iter().map(withdrawal).collect();
        out.insert("withdrawals".to_owned(), Value::Array(withdrawals));
    }
    Value::Object(out)
}

/// Writes an uncle as a block without transactions.
pub(crate) fn uncle(uncle: &Header) -> Value {
    let mut out = header(uncle, uncle.hash_slow());
    out.insert("uncles".to_owned(), Value::Array(Vec::new()));
    let alone = EthBlock::uncle(uncle.clone());
    out.insert("size".to_owned(), count(alone.length()));
    Value::Object(out)
}
