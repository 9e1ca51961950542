//! Transactions: in a block, or waiting.

use alloy_consensus::{EthereumTxEnvelope, Transaction};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, B256, U256};
use quintet_eth::tx::EthTransaction;
use quintet_eth_chain::SealedBlock;
use serde_json::{Map, Value, json};

use super::{big, data, fields, quantity};

/// Where a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TxPlace {
    pub(crate) block: B256,
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) index: usize,
    pub(crate) base_fee: Option<u64>,
}

impl TxPlace {
    /// Where the transaction with this index is.
    pub(crate) fn of(block: &SealedBlock, index: usize) -> Self {
        let header = block.header();
        Self {
            block: block.hash,
            number: header.number,
            timestamp: header.timestamp,
            index,
            base_fee: header.base_fee_per_gas,
        }
    }
}

/// Returns what a transaction pays for each gas at a base fee.
pub(crate) fn effective_price(transaction: &dyn Transaction, base_fee: Option<u64>) -> u128 {
    transaction.effective_gas_price(base_fee)
}

/// Writes a transaction; `place` is where it is, nothing while it waits.
pub(crate) fn transaction(
    transaction: &EthTransaction,
    sender: Option<Address>,
    place: Option<&TxPlace>,
) -> Value {
    let common = transaction.as_transaction();
    let price = match place {
        Some(place) => effective_price(common, place.base_fee),
        None => common.max_fee_per_gas(),
    };
    let mut out = fields(json!({
        "blockHash": place.map(|place| place.block),
        "blockNumber": place.map(|place| quantity(place.number)),
        "blockTimestamp": place.map(|place| quantity(place.timestamp)),
        "transactionIndex": place.map(|place| super::count(place.index)),
        "from": sender,
        "gas": quantity(common.gas_limit()),
        "gasPrice": quantity(price),
        "hash": transaction.hash(),
        "input": data(common.input()),
        "nonce": quantity(common.nonce()),
        "to": common.to(),
        "value": big(common.value()),
        "type": quantity(transaction.kind()),
    }));
    match transaction {
        EthTransaction::Signed(signed) => signature(signed, &mut out),
        EthTransaction::Deposit(deposit) => {
            out.insert("sourceHash".to_owned(), json!(deposit.inner().source_hash));
            out.insert("mint".to_owned(), quantity(deposit.inner().mint));
            if deposit.inner().is_system_transaction {
                out.insert("isSystemTx".to_owned(), json!(true));
            }
            for name in ["v", "r", "s"] {
                out.insert(name.to_owned(), json!("0x0"));
            }
        }
    }
    Value::Object(out)
}

/// Returns a signature's v: which of two keys, for legacy transactions with the chain's id mixed in. **Spec:** EIP-155.
pub(crate) fn signature_v(signed: &EthereumTxEnvelope<alloy_consensus::TxEip4844>) -> U256 {
    let parity = u64::from(signed.signature().v());
    match signed.chain_id() {
        _ if !signed.is_legacy() => U256::from(parity),
        Some(id) => U256::from(id) * U256::from(2) + U256::from(35 + parity),
        None => U256::from(27 + parity),
    }
}

/// Writes what only signed transactions have, and what their types add.
fn signature(
    signed: &EthereumTxEnvelope<alloy_consensus::TxEip4844>,
    out: &mut Map<String, Value>,
) {
    let signature = *signed.signature();
    let parity = u64::from(signature.v());
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("r", big(signature.r()));
    put("s", big(signature.s()));
    let chain_id = signed.chain_id();
    if let Some(chain_id) = chain_id {
        put("chainId", quantity(chain_id));
    }
    put("v", big(signature_v(signed)));
    if signed.is_legacy() {
        return;
    }
    put("yParity", quantity(parity));
    put("accessList", access_list(signed.access_list()));
    if let Some(tip) = signed.max_priority_fee_per_gas() {
        put("maxFeePerGas", quantity(signed.max_fee_per_gas()));
        put("maxPriorityFeePerGas", quantity(tip));
    }
    if let Some(fee) = signed.max_fee_per_blob_gas() {
        put("maxFeePerBlobGas", quantity(fee));
        put("blobVersionedHashes", json!(signed.blob_versioned_hashes().unwrap_or_default()));
    }
    if let Some(authorizations) = signed.authorization_list() {
        let authorization = |one: &alloy_eips::eip7702::SignedAuthorization| {
            json!({
                "chainId": big(one.chain_id),
                "address": one.address,
                "nonce": quantity(one.nonce),
                "yParity": quantity(one.y_parity()),
                "r": big(one.r()),
                "s": big(one.s()),
            })
        };
        put("authorizationList", authorizations.iter().map(authorization).collect());
    }
}

/// Writes an access list.
pub(crate) fn access_list(list: Option<&AccessList>) -> Value {
    let item = |item: &alloy_eips::eip2930::AccessListItem| json!({ "address": item.address, "storageKeys": item.storage_keys });
    list.map(|list| list.0.iter().map(item).collect::<Vec<_>>()).unwrap_or_default().into()
}
