//! Calls in a row, each with its place in the tree: Parity's form.
//!
//! Gas is what a call was given and used itself, without what the transaction paid before it ran.
//!
//! **Spec:** OpenEthereum's `trace` module, as anvil and geth's `flatCallTracer` write it.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::{Value, json};

use crate::json::{big, data, fields, quantity};

/// Where a transaction is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) block: B256,
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) index: usize,
}

/// What a call did, as the tree of calls has it.
pub(super) struct Done<'a> {
    pub(super) kind: &'static str,
    pub(super) from: Address,
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) gas: u64,
    pub(super) gas_used: u64,
    pub(super) input: &'a Bytes,
    pub(super) output: &'a Bytes,
    pub(super) error: Option<&'a str>,
    pub(super) calls: usize,
}

/// Writes a call; `path` leads to it from the top.
pub(super) fn written(call: &Done<'_>, path: &[usize], at: &Position) -> Value {
    let Done { kind, from, to, value, gas, gas_used, input, output, error, calls } = call;
    let made = kind.starts_with("CREATE");
    let (name, action, result) = match *kind {
        "SELFDESTRUCT" => {
            let action = json!({ "address": from, "balance": big(*value), "refundAddress": to });
            ("suicide", action, Value::Null)
        }
        _ if made => {
            let method = kind.to_lowercase();
            let action = json!({ "from": from, "gas": quantity(*gas), "init": data(input), "value": big(*value), "creationMethod": method });
            let result =
                json!({ "address": to, "code": data(output), "gasUsed": quantity(*gas_used) });
            ("create", action, result)
        }
        _ => {
            let kind = kind.to_lowercase();
            let action = json!({ "from": from, "to": to, "callType": kind, "gas": quantity(*gas), "input": data(input), "value": big(*value) });
            ("call", action, json!({ "gasUsed": quantity(*gas_used), "output": data(output) }))
        }
    };
    let mut out = fields(json!({
        "action": action,
        "blockHash": at.block,
        "blockNumber": at.number,
        "subtraces": calls,
        "traceAddress": path,
        "transactionHash": at.hash,
        "transactionPosition": at.index,
        "type": name,
    }));
    match error {
        None => drop(out.insert("result".to_owned(), result)),
        Some(error) => {
            let said = match *error {
                "execution reverted" => "Reverted",
                "out of gas" => "Out of gas",
                other => other,
            };
            out.insert("error".to_owned(), json!(said));
        }
    }
    Value::Object(out)
}
