//! `sighash*.json`: legacy signature hashes of random transactions, scripts and hash types.

use std::path::Path;

use quintet_bitcoin_protocol::script::legacy_sighash;
use quintet_primitives::hex;

use super::{bytes, display_hash, json_rows, judge::decode};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Sighash;

impl Suite for Sighash {
    fn name(&self) -> &'static str {
        "sighash"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "sighash")
    }

    fn run(&self, file: &File, report: &mut Report) {
        json_rows(file, report, check);
    }
}

/// Transaction, script, index of the input, hash type, hash.
type Row = (String, String, usize, i32, String);

fn check((transaction, script, input, hash_type, expected): Row) -> Result<(), Mismatch> {
    let transaction = decode(bytes("transaction", &transaction)?)?;
    let script = bytes("script", &script)?;
    let expected = display_hash("hash", &expected)?;
    let actual = legacy_sighash(transaction.view(), input, &script, hash_type.cast_unsigned());
    expect_eq("hash", hex::encode(&expected), hex::encode(&actual))
}
