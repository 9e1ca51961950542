#![no_main]
//! Headers one after the other: each survives being read and written, and the tree takes it or names the rule.

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use quintet_bitcoin_protocol::{
    block::{HEADER_BYTES, decode_header, encode_header},
    header::{HeaderTree, pow},
    network::Params,
};

static PARAMS: LazyLock<Arc<Params>> = LazyLock::new(|| Arc::new(Params::regtest()));

/// The time the tree is told, Unix seconds.
const NOW: u64 = 1_700_000_000;

fuzz_target!(|bytes: &[u8]| {
    let mut tree = HeaderTree::new(PARAMS.clone(), 0);
    for raw in bytes.chunks_exact(HEADER_BYTES) {
        let Ok(raw) = <&[u8; HEADER_BYTES]>::try_from(raw) else { return };
        let mut header = decode_header(raw);
        assert_eq!(encode_header(&header), *raw);
        let _ = pow::work(header.bits);
        // As it is, and as a child of the best: random bytes name no parent.
        let _ = tree.insert(&header, NOW);
        header.prev_blockhash = tree.hash(tree.best());
        match tree.insert(&header, NOW) {
            Ok(id) => assert_eq!(tree.header(id), header),
            Err(error) => assert!(!error.reject_reason().is_empty()),
        }
    }
});
