//! `quintet bitcoin decode-tx`.
//!
//! **Spec:** Bitcoin Core, `decoderawtransaction` (`TxToUniv`); the names of the fields are its.

use std::io::{self, Read as _};

use anyhow::Context as _;
use quintet_bitcoin_protocol::{
    Transaction, Tx,
    address::Prefixes,
    transaction::{Input, Output},
};
use quintet_primitives::hex;
use serde_json::{Map, Value, json};

use super::{network, script};
use crate::{cli::DecodeTxArgs, exit::UsageError, output};

/// Satoshis in a bitcoin.
const COIN: f64 = 100_000_000.0;

/// Longest transaction that is read, hexadecimal digits and white space: 4,000,000 bytes, with room.
const TEXT_BYTES_MAX: u64 = 10_000_000;

pub(super) fn run(args: &DecodeTxArgs) -> anyhow::Result<()> {
    let params = network::find(&args.network)?;
    let transaction = read(&args.transaction)?;
    output::json_pretty(&fields(transaction.view(), Prefixes::of(&params.name)))
}

/// Reads a transaction from the command line, or from standard input where that says `-`.
///
/// # Errors
///
/// [`UsageError`] if it is none.
pub(super) fn read(text: &str) -> anyhow::Result<Transaction> {
    let mut piped = String::new();
    let text = if text == "-" {
        let input = io::stdin().lock().take(TEXT_BYTES_MAX).read_to_string(&mut piped);
        input.context("cannot read standard input")?;
        piped.trim()
    } else {
        text
    };
    let wrong = |error: &dyn std::fmt::Display| {
        UsageError::new(format!("expected a transaction in hexadecimal: {error}"))
    };
    let bytes = hex::decode(text).map_err(|error| wrong(&error))?;
    // Without witnesses, a transaction without inputs is possible as well: a draft.
    let decoded = Transaction::decode(bytes.clone());
    Ok(decoded.or_else(|error| Transaction::decode_plain(bytes).map_err(|_| wrong(&error)))?)
}

fn fields(tx: Tx<'_>, network: Option<&Prefixes>) -> Value {
    let inputs: Vec<_> = tx.inputs().map(|input| input_fields(input, tx.is_coinbase())).collect();
    let outputs: Vec<_> =
        tx.outputs().enumerate().map(|(n, output)| output_fields(n, output, network)).collect();
    json!({
        "txid": tx.txid().to_string(),
        "hash": tx.wtxid().to_string(),
        "version": tx.version(),
        "size": tx.total_size(),
        "vsize": tx.weight().div_ceil(4),
        "weight": tx.weight(),
        "locktime": tx.lock_time(),
        "vin": inputs,
        "vout": outputs,
    })
}

fn input_fields(input: Input<'_>, coinbase: bool) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    if coinbase {
        put("coinbase", json!(hex::encode(input.script_sig)));
    } else {
        put("txid", json!(input.previous.txid.to_string()));
        put("vout", json!(input.previous.vout));
        let script_sig = input.script_sig;
        put("scriptSig", json!({ "asm": script::asm(script_sig), "hex": hex::encode(script_sig) }));
    }
    if !input.witness.is_empty() {
        let items: Vec<_> = input.witness.iter().map(hex::encode).collect();
        put("txinwitness", json!(items));
    }
    put("sequence", json!(input.sequence));
    fields.into()
}

fn output_fields(n: usize, output: Output<'_>, network: Option<&Prefixes>) -> Value {
    json!({
        "value": output.value as f64 / COIN,
        "n": n,
        "scriptPubKey": script::describe(output.script_pubkey, network),
    })
}
