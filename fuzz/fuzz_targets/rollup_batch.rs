#![no_main]
//! Any batch is read or refused; a span that is read can be built, and says the same when it is written and read again.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes};
use libfuzzer_sys::fuzz_target;
use quintet_rollup_protocol::{batch::Batch, config::RollupConfig};

/// Blocks of a span that are built; the others would only take time.
const BLOCKS_MAX: usize = 64;

static CONFIG: LazyLock<RollupConfig> = LazyLock::new(|| {
    let zero = B256::ZERO;
    let address = "0x0000000000000000000000000000000000000000";
    let json = format!(
        r#"{{"genesis":{{"l1":{{"number":0,"hash":"{zero}"}},"l2":{{"number":0,"hash":"{zero}"}},"l2_time":0}},"block_time":2,
        "max_sequencer_drift":1,"seq_window_size":2,"channel_timeout":3,"l1_chain_id":1,"l2_chain_id":10,
        "batch_inbox_address":"{address}","deposit_contract_address":"{address}","l1_system_config_address":"{address}"}}"#
    );
    RollupConfig::from_json(&json).expect("a chain")
});

fuzz_target!(|bytes: &[u8]| match Batch::decode(&Bytes::copy_from_slice(bytes)) {
    Ok(Batch::Singular(batch)) => {
        let mut again = Vec::new();
        batch.encode(&mut again);
        assert_eq!(Batch::decode(&again.into()), Ok(Batch::Singular(batch)), "written again");
    }
    Ok(Batch::Span(span)) => {
        let mut again = Vec::new();
        span.encode(&mut again);
        let Ok(Batch::Span(same)) = Batch::decode(&again.into()) else { panic!("written again") };
        for index in 0..span.block_count().min(BLOCKS_MAX) {
            let built = span.transactions(index, &CONFIG);
            assert_eq!(built.len(), span.block_tx_count(index));
            assert!(built.iter().all(|tx| !tx.is_empty() && tx[0] != 0x7e));
            assert_eq!(built, same.transactions(index, &CONFIG));
            assert_eq!(span.epoch(index), same.epoch(index));
        }
    }
    Err(_) => {}
});
