//! L1 blocks as JSON-RPC writes them.

use alloy_consensus::{Header, TxEnvelope};
use alloy_eips::{eip2718::Encodable2718, eip4895::Withdrawal};
use alloy_primitives::{B256, Bytes};
use serde::Deserialize;
use serde_json::Value;

use crate::suite::Mismatch;

/// A block with whole transactions, or with their hashes, or without.
#[derive(Debug, Clone)]
pub(super) struct BlockJson {
    pub(super) hash: B256,
    pub(super) header: Header,
    /// Transactions, encoded; `None` if the block names hashes or none at all.
    pub(super) transactions: Option<Vec<Bytes>>,
    pub(super) withdrawals: Option<Vec<Withdrawal>>,
}

fn read<T: for<'de> Deserialize<'de>>(what: &str, value: &Value) -> Result<T, Mismatch> {
    T::deserialize(value).map_err(|error| Mismatch::new(what, "known fields", error.to_string()))
}

impl BlockJson {
    pub(super) fn read(block: &Value) -> Result<Self, Mismatch> {
        let list = |key: &str| block.get(key).and_then(Value::as_array);
        let transactions = match list("transactions") {
            Some(list) if list.iter().any(|tx| !tx.is_string()) => {
                Some(list.iter().map(transaction).collect::<Result<_, _>>()?)
            }
            _ => None,
        };
        let withdrawals = list("withdrawals")
            .map(|list| list.iter().map(|item| read("withdrawal", item)).collect())
            .transpose()?;
        Ok(Self {
            hash: read("hash", block.get("hash").unwrap_or(&Value::Null))?,
            header: read("header", block)?,
            transactions,
            withdrawals,
        })
    }
}

/// Reads a transaction and encodes it. Deposits are those of L2.
pub(super) fn transaction(tx: &Value) -> Result<Bytes, Mismatch> {
    if tx.get("type").and_then(Value::as_str) == Some("0x7e") {
        return deposit(tx);
    }
    let envelope: TxEnvelope = read("transaction", tx)?;
    Ok(envelope.encoded_2718().into())
}

fn deposit(tx: &Value) -> Result<Bytes, Mismatch> {
    let field = |key: &str| tx.get(key).unwrap_or(&Value::Null);
    let gas: alloy_primitives::U64 = read("gas", field("gas"))?;
    let mint: Option<alloy_primitives::U256> = read("mint", field("mint"))?;
    let is_system: Option<bool> = read("isSystemTx", field("isSystemTx"))?;
    let deposit = quintet_rollup_protocol::deposit::Deposit {
        source_hash: read("sourceHash", field("sourceHash"))?,
        from: read("from", field("from"))?,
        to: read("to", field("to"))?,
        mint: mint.unwrap_or_default(),
        value: read("value", field("value"))?,
        gas: gas.to(),
        is_system: is_system.unwrap_or_default(),
        data: read("input", field("input"))?,
    };
    Ok(deposit.encoded())
}
