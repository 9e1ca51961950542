//! Receipts and logs.

use alloy_consensus::{Eip658Value, Transaction};
use alloy_primitives::{B256, Log};
use quintet_eth::tx::EthTransaction;
use quintet_eth_chain::SealedBlock;
use quintet_evm::execute::{Receipt, bloom_of};
use serde_json::{Value, json};

use super::{TxPlace, count, data, effective_price, fields, quantity};

/// Where a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPlace {
    pub(crate) block: Option<B256>,
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) transaction: B256,
    pub(crate) transaction_index: usize,
    /// Its index in the block.
    pub(crate) index: usize,
    /// Whether its block has left the chain.
    pub(crate) removed: bool,
}

/// Writes a log.
pub(crate) fn log(log: &Log, place: &LogPlace) -> Value {
    json!({
        "address": log.address,
        "topics": log.data.topics(),
        "data": data(&log.data.data),
        "blockNumber": quantity(place.number),
        "blockHash": place.block,
        "blockTimestamp": quantity(place.timestamp),
        "transactionHash": place.transaction,
        "transactionIndex": count(place.transaction_index),
        "logIndex": count(place.index),
        "removed": place.removed,
    })
}

/// Writes the receipt of one transaction. `first_log` is how many logs the block has before it.
pub(crate) fn receipt(
    block: &SealedBlock,
    index: usize,
    receipt: &Receipt,
    first_log: usize,
    blob_price: Option<u128>,
) -> Value {
    let Some((transaction, sender)) = block.transaction(index) else { return Value::Null };
    let place = TxPlace::of(block, index);
    let common = transaction.as_transaction();
    let logs: Vec<Value> = receipt
        .logs
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let place = LogPlace {
                block: Some(block.hash),
                number: place.number,
                timestamp: place.timestamp,
                transaction: transaction.hash(),
                transaction_index: index,
                index: first_log + at,
                removed: false,
            };
            log(one, &place)
        })
        .collect();
    // Told of a creation that failed, too, as geth does (`core.MakeReceipt`); a deposit's nonce is in its receipt.
    let nonce = receipt.deposit.as_ref().map_or_else(|| common.nonce(), |deposit| deposit.nonce);
    let created = receipt.created.or_else(|| common.is_create().then(|| sender.create(nonce)));
    let mut out = fields(json!({
        "blockHash": place.block,
        "blockNumber": quantity(place.number),
        "transactionHash": transaction.hash(),
        "transactionIndex": count(index),
        "from": sender,
        "to": common.to(),
        "contractAddress": created,
        "gasUsed": quantity(receipt.gas_used),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(effective_price(common, place.base_fee)),
        "logs": logs,
        "logsBloom": bloom_of(&receipt.logs),
        "type": quantity(transaction.kind()),
    }));
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    match receipt.status {
        Eip658Value::PostState(root) => put("root", json!(root)),
        Eip658Value::Eip658(success) => put("status", quantity(u8::from(success))),
    }
    if let Some(gas) = blob_gas(transaction) {
        put("blobGasUsed", quantity(gas));
        put("blobGasPrice", quantity(blob_price.unwrap_or_default()));
    }
    if let Some(deposit) = &receipt.deposit {
        put("depositNonce", quantity(deposit.nonce));
        if let Some(version) = deposit.version {
            put("depositReceiptVersion", quantity(version));
        }
    }
    Value::Object(out)
}

fn blob_gas(transaction: &EthTransaction) -> Option<u64> {
    transaction.as_signed().and_then(Transaction::blob_gas_used)
}

/// Writes the receipts of a block.
pub(crate) fn receipts(
    block: &SealedBlock,
    receipts: &[Receipt],
    blob_price: Option<u128>,
) -> Vec<Value> {
    let mut first_log = 0;
    let mut out = Vec::with_capacity(receipts.len());
    for (index, one) in receipts.iter().enumerate() {
        out.push(receipt(block, index, one, first_log, blob_price));
        first_log += one.logs.len();
    }
    out
}
