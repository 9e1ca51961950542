#![no_main]
//! Bytes are refused, or they are a transaction whose parts add up; what follows from it does not panic.

use libfuzzer_sys::fuzz_target;
use quintet_bitcoin_protocol::{Transaction, rules::check_transaction};

fuzz_target!(|bytes: &[u8]| {
    let Ok(transaction) = Transaction::decode(bytes.to_vec()) else { return };
    let tx = transaction.view();
    assert_eq!(tx.bytes(), bytes, "a transaction fills its bytes");
    assert_eq!(tx.total_size(), bytes.len());
    assert!(tx.base_size() <= tx.total_size());
    assert_eq!(tx.has_witness(), tx.txid().to_raw_hash() != tx.wtxid().to_raw_hash());
    for input in tx.inputs() {
        assert!(input.witness.iter().all(|item| item.len() <= bytes.len()));
    }
    assert!(tx.outputs().all(|output| output.script_pubkey.len() <= bytes.len()));
    let _ = check_transaction(tx);
});
