//! `quintet bitcoin decode-tx`.
//!
//! **Spec:** Bitcoin Core, `decoderawtransaction` (`TxToUniv`); the names of the fields are its.

use std::io::{self, Read as _};

use anyhow::Context as _;
use quintet_bitcoin_node::shown;
use quintet_bitcoin_protocol::{Transaction, address::Prefixes};
use quintet_primitives::hex;

use super::network;
use crate::{cli::DecodeTxArgs, exit::UsageError, output};

/// Longest transaction that is read, hexadecimal digits and white space: 4,000,000 bytes, with room.
const TEXT_BYTES_MAX: u64 = 10_000_000;

pub(super) fn run(args: &DecodeTxArgs) -> anyhow::Result<()> {
    let params = network::find(&args.network)?;
    let transaction = read(&args.transaction)?;
    let prefixes = Prefixes::of(&params.name);
    let mut fields = shown::transaction(transaction.view(), prefixes, None, false);
    // Whoever asks has it.
    fields.remove("hex");
    output::json_pretty(&fields)
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
