//! A chain for tests.

use quintet_rollup_protocol::config::RollupConfig;

/// A chain of two-second blocks with every fork up to Holocene from genesis.
pub(crate) fn config() -> RollupConfig {
    let json = r#"{"genesis":{"l1":{"number":0,"hash":"0x0000000000000000000000000000000000000000000000000000000000000001"},
        "l2":{"number":0,"hash":"0x0000000000000000000000000000000000000000000000000000000000000002"},"l2_time":100},
        "block_time":2,"max_sequencer_drift":600,"seq_window_size":10,"channel_timeout":300,"l1_chain_id":900,"l2_chain_id":901,
        "regolith_time":0,"canyon_time":0,"delta_time":0,"ecotone_time":0,"fjord_time":0,"granite_time":0,"holocene_time":0,
        "batch_inbox_address":"0xff00000000000000000000000000000000000901","deposit_contract_address":"0x0000000000000000000000000000000000000011",
        "l1_system_config_address":"0x0000000000000000000000000000000000000022","protocol_versions_address":null}"#;
    RollupConfig::from_json(json).unwrap()
}
