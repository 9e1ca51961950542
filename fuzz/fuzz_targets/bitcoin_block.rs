#![no_main]
//! Bytes are refused, or they are a block that can be checked; a block that passes is no mutation.

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use quintet_bitcoin_protocol::{
    Block,
    network::Params,
    rules::{check_block, is_block_mutated},
};

static PARAMS: LazyLock<Params> = LazyLock::new(Params::regtest);

fuzz_target!(|bytes: &[u8]| {
    let Ok(block) = Block::decode(bytes.to_vec()) else { return };
    assert_eq!(&block.bytes()[..], bytes, "a block fills its bytes");
    assert!(block.base_size() <= bytes.len());
    assert!(block.weight() >= bytes.len());
    match check_block(&block, &PARAMS) {
        Ok(_) => {}
        Err(error) => assert!(!error.reject_reason().is_empty()),
    }
    let _ = is_block_mutated(&block, true);
});
