//! Answers: blocks, transactions, receipts and logs in the JSON that clients know.
//!
//! **Spec:** execution-apis, `schemas`; where it leaves a field open, go-ethereum's `internal/ethapi/api.go`.

mod block;
mod receipt;
mod transaction;

use alloy_primitives::{U256, hex};
use serde_json::{Map, Value, json};

pub(crate) use self::{
    block::{block, header, uncle},
    receipt::{LogPlace, log, receipt, receipts},
    transaction::{TxPlace, access_list, effective_price, signature_v, transaction},
};

/// Writes a number as a quantity.
pub(crate) fn quantity(number: impl Into<u128>) -> Value {
    Value::String(format!("{:#x}", number.into()))
}

/// Writes a number of 256 bits as a quantity.
pub(crate) fn big(number: U256) -> Value {
    Value::String(format!("{number:#x}"))
}

/// Writes a count as a quantity.
pub(crate) fn count(number: usize) -> Value {
    Value::String(format!("{number:#x}"))
}

/// Writes bytes as data.
pub(crate) fn data(bytes: &[u8]) -> Value {
    Value::String(hex::encode_prefixed(bytes))
}

/// Writes a number as a word of 32 bytes.
pub(crate) fn word(number: U256) -> Value {
    Value::String(format!("{number:#066x}"))
}

/// Takes the fields out of what `json!` made of braces.
pub(crate) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// Writes a withdrawal.
pub(crate) fn withdrawal(withdrawal: &alloy_eips::eip4895::Withdrawal) -> Value {
    json!({
        "index": quantity(withdrawal.index),
        "validatorIndex": quantity(withdrawal.validator_index),
        "address": withdrawal.address,
        "amount": quantity(withdrawal.amount),
    })
}
