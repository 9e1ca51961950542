//! What tests of a rollup need: an L1 made on the spot, served over HTTP by a node that can be told to lie, and a sequencer with its batcher.
//!
//! ```text
//!   Sequencer ── batches ──► Batcher ── transactions ──► MadeL1 (blocks with true roots) ──► FakeNode (HTTP: JSON-RPC and beacon)
//! ```
//!
//! Behind the feature `testing`: nothing of a node uses it.

mod batcher;
mod l1;
mod node;
mod sequencer;

pub use self::{
    batcher::{Batcher, Post},
    l1::{MadeBlock, MadeL1},
    node::{FakeNode, Manners},
    sequencer::{Sequencer, genesis_json},
};

/// Configuration of a chain made for tests, as a `rollup.json`: two-second blocks on an L1 of six-second ones, Isthmus from genesis.
///
/// Its hashes are those of `l1_genesis` and `l2_genesis`.
#[must_use]
pub fn rollup_json(
    l1_genesis: alloy_primitives::B256,
    l2_genesis: alloy_primitives::B256,
    batcher: alloy_primitives::Address,
) -> String {
    rollup_json_at(l1::GENESIS_TIME, l1_genesis, l2_genesis, batcher)
}

/// As [`rollup_json`], of a chain that begins at a time.
pub(crate) fn rollup_json_at(
    time: u64,
    l1_genesis: alloy_primitives::B256,
    l2_genesis: alloy_primitives::B256,
    batcher: alloy_primitives::Address,
) -> String {
    format!(
        r#"{{"genesis":{{"l1":{{"number":0,"hash":"{l1_genesis}"}},"l2":{{"number":0,"hash":"{l2_genesis}"}},"l2_time":{time},
        "system_config":{{"batcherAddr":"{batcher}","overhead":"0x0","scalar":"0x100000000000000000000000000000000000000000000000000000000000001","gasLimit":30000000}}}},
        "block_time":2,"max_sequencer_drift":600,"seq_window_size":200,"channel_timeout":20,"granite_channel_timeout":20,
        "l1_chain_id":900,"l2_chain_id":901,"regolith_time":0,"canyon_time":0,"delta_time":0,"ecotone_time":0,"fjord_time":0,
        "granite_time":0,"holocene_time":0,"isthmus_time":0,"batch_inbox_address":"0xff00000000000000000000000000000000000901",
        "deposit_contract_address":"0x0000000000000000000000000000000000000011",
        "l1_system_config_address":"0x0000000000000000000000000000000000000022","protocol_versions_address":null}}"#
    )
}

/// Configuration of a chain for tests that need no L1.
#[cfg(test)]
pub(crate) fn config() -> quintet_rollup_protocol::config::RollupConfig {
    let hash = |byte| alloy_primitives::B256::repeat_byte(byte);
    let json = rollup_json(hash(1), hash(2), alloy_primitives::Address::ZERO);
    quintet_rollup_protocol::config::RollupConfig::from_json(&json).unwrap()
}
