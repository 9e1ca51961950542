//! What an operator may set of these methods: how much one call may cost.

use serde::{Deserialize, Serialize};

/// Limits of single calls. Those of connections, batches and bodies are the server's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EthRpcConfig {
    /// Most gas of `eth_call`, `eth_estimateGas` and all of `eth_simulateV1` together.
    pub gas_cap: u64,
    /// Time for a call that runs code or searches, in milliseconds: go-ethereum's `--rpc.evmtimeout`.
    pub call_timeout_ms: u64,
    /// The most a transaction sent here may pay for gas, in wei; 0 for no limit.
    pub fee_cap_wei: u128,
    /// Whether transactions are taken whose signature names no chain.
    pub allow_unprotected: bool,
    /// Most blocks of a search for logs.
    pub log_blocks_max: u64,
    /// Most logs of an answer.
    pub logs_max: usize,
    /// Most addresses, and most topics of a place, in a filter.
    pub filter_items_max: usize,
    /// Most filters kept for clients that poll.
    pub filters_max: usize,
    /// How long a filter is kept that nobody asks for, in seconds.
    pub filter_lifetime: u64,
    /// Most blocks of a fee history.
    pub fee_history_blocks_max: u64,
    /// Most percentiles of a fee history.
    pub percentiles_max: usize,
    /// Most slots of one `eth_getProof` or `eth_getStorageValues`.
    pub slots_max: usize,
    /// Most blocks of a simulation.
    pub simulated_blocks_max: u64,
    /// Most calls of all blocks of a simulation.
    pub simulated_calls_max: usize,
    /// Most memory of a trace, in bytes; beyond it the trace is refused.
    pub trace_bytes_max: usize,
    /// Tip suggested where blocks say nothing, in wei.
    pub tip_default: u64,
    /// The most that is suggested as a tip, in wei.
    pub tip_max: u64,
}

impl Default for EthRpcConfig {
    fn default() -> Self {
        Self {
            gas_cap: 50_000_000,
            call_timeout_ms: 5_000,
            fee_cap_wei: 1_000_000_000_000_000_000,
            allow_unprotected: false,
            log_blocks_max: 100_000,
            logs_max: 20_000,
            filter_items_max: 1_000,
            filters_max: 1_024,
            filter_lifetime: 300,
            fee_history_blocks_max: 1_024,
            percentiles_max: 100,
            slots_max: 1_024,
            simulated_blocks_max: 256,
            simulated_calls_max: 5_000,
            trace_bytes_max: 256 << 20,
            tip_default: 1_000_000,
            tip_max: 500_000_000_000,
        }
    }
}
