//! The OP Stack's derivation, sans-IO: L1 data in, payload attributes of the safe chain out.
pub mod config;
pub mod system;

#[cfg(test)]
mod testing {
    use crate::config::{Fork, ForkSchedule, RollupConfig};

    /// A chain of two-second blocks with every fork up to `fork` from genesis.
    pub(crate) fn config_at(fork: Fork) -> RollupConfig {
        let json = r#"{"genesis":{"l1":{"number":0,"hash":"0x0000000000000000000000000000000000000000000000000000000000000001"},
            "l2":{"number":0,"hash":"0x0000000000000000000000000000000000000000000000000000000000000002"},"l2_time":100},
            "block_time":2,"max_sequencer_drift":600,"seq_window_size":10,"channel_timeout":300,"l1_chain_id":900,"l2_chain_id":901,
            "batch_inbox_address":"0xff00000000000000000000000000000000000901","deposit_contract_address":"0x0000000000000000000000000000000000000011",
            "l1_system_config_address":"0x0000000000000000000000000000000000000022","protocol_versions_address":null}"#;
        RollupConfig { forks: ForkSchedule::active_up_to(fork), ..RollupConfig::from_json(json).unwrap() }
    }
}
