//! The virtual block: what a block on top of everything would be.

use std::sync::Arc;

use quintet_kaspa_protocol::{
    dag::{BlockId, Ghostdag},
    hashing::UtxoMuHash,
    state::{MergedBlock, Rewards, UtxoDiff},
};
use quintet_primitives::Hash256;

/// The virtual block: its parents, and its state from their view. Shared, never changed.
#[derive(Debug, Clone)]
pub struct VirtualState {
    /// Its parents, the sink first.
    pub parents: Vec<BlockId>,
    /// Their hashes.
    pub parent_hashes: Vec<Hash256>,
    /// The selected parent: the tip of the selected chain.
    pub sink: BlockId,
    /// Its place in the DAG.
    pub ghostdag: Ghostdag,
    /// Its DAA score.
    pub daa_score: u64,
    /// The bits a block on top must have.
    pub bits: u32,
    /// The time a block on top must be after, milliseconds.
    pub past_median_time: u64,
    /// The pruning point a block on top must name.
    pub pruning_point: Hash256,
    /// The hash of its UTXO set.
    pub multiset: UtxoMuHash,
    /// From the set of the sink to its own.
    pub diff: Arc<UtxoDiff>,
    /// What it accepts.
    pub acceptance: Vec<MergedBlock>,
    /// What the blocks it merges are due.
    pub rewards: Rewards,
    /// What a block on top must say of the accepted transactions.
    pub accepted_id_root: Hash256,
}

impl VirtualState {
    /// Returns the hash of the sink.
    #[must_use]
    pub fn sink_hash(&self) -> Hash256 {
        self.parent_hashes.first().copied().unwrap_or_default()
    }
}
