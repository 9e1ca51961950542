//! Parameters of a private network, as both sides say them.

use kaspa_consensus_core::config::params::{Params as TheirParams, SIMNET_PARAMS};
use quintet_kaspa_protocol::params::{ForkActivation, Network, Params};

/// Highest level of proof of work: so high that random nonces reach some levels, as difficulty zero blocks do.
const MAX_LEVEL: u8 = 254;

/// What differs from the simulation network.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Milliseconds between blocks.
    pub target_time: u64,
    /// Largest anticone of a blue block among the blue ones.
    pub k: u16,
    /// Most parents.
    pub parents: u8,
    /// Most blocks a block may merge.
    pub mergeset: u64,
    /// Blue score a merge may reach back.
    pub merge_depth: u64,
    /// Blue score below which the chain is final.
    pub finality: u64,
    /// Blue score below which blocks are pruned.
    pub pruning: u64,
}

impl Limits {
    /// One block a second.
    pub const ONE: Self = Self {
        target_time: 1000,
        k: 18,
        parents: 10,
        mergeset: 180,
        merge_depth: 3600,
        finality: 43_200,
        pruning: 108_000,
    };
    /// Ten blocks a second.
    pub const TEN: Self = Self {
        target_time: 100,
        k: 124,
        parents: 16,
        mergeset: 248,
        merge_depth: 36_000,
        finality: 432_000,
        pruning: 1_080_000,
    };
    /// So shallow that everything that has a depth happens often.
    pub const SHALLOW: Self = Self {
        target_time: 1000,
        k: 6,
        parents: 8,
        mergeset: 40,
        merge_depth: 80,
        finality: 160,
        pruning: 1_000_000,
    };
    /// The same with pruning.
    pub const PRUNING: Self = Self { pruning: 600, ..Self::SHALLOW };
}

/// Returns the reference's parameters.
pub fn theirs(limits: &Limits) -> TheirParams {
    let mut params = SIMNET_PARAMS;
    params.max_block_level = MAX_LEVEL;
    params.min_difficulty_window_size = 20;
    params.difficulty_window_size = 80;
    params.past_median_time_window_size = 11;
    params.pruning_proof_m = 20;
    params.pre_crescendo_target_time_per_block = limits.target_time;
    let rate = &mut params.blockrate;
    rate.target_time_per_block = limits.target_time;
    rate.ghostdag_k = limits.k;
    rate.past_median_time_sample_rate = 3;
    rate.difficulty_sample_rate = 2;
    rate.max_block_parents = limits.parents;
    rate.mergeset_size_limit = limits.mergeset;
    rate.merge_depth = limits.merge_depth;
    rate.finality_depth = limits.finality;
    rate.pruning_depth = limits.pruning;
    rate.coinbase_maturity = 10;
    params
}

/// Returns ours.
pub fn ours(limits: &Limits) -> Params {
    let mut params = Params::of(Network::Simnet);
    params.max_block_level = MAX_LEVEL;
    params.min_difficulty_window_size = 20;
    params.pruning_proof_m = 20;
    for rules in [&mut params.pre_crescendo, &mut params.crescendo, &mut params.toccata] {
        rules.difficulty_window_size = 80;
        rules.past_median_time_window_size = 11;
        let rate = &mut rules.rate;
        rate.target_time_per_block = limits.target_time;
        rate.ghostdag_k = limits.k;
        rate.past_median_time_sample_rate = 3;
        rate.difficulty_sample_rate = 2;
        rate.max_block_parents = limits.parents.into();
        rate.mergeset_size_limit = limits.mergeset;
        rate.merge_depth = limits.merge_depth;
        rate.finality_depth = limits.finality;
        rate.pruning_depth = limits.pruning;
        rate.coinbase_maturity = 10;
    }
    params
}

/// Returns ours for headers alone: without the sequencing commitments of Toccata, which headers' own rules know nothing of.
pub fn ours_for_headers(limits: &Limits) -> Params {
    let mut params = ours(limits);
    params.toccata_activation = ForkActivation::NEVER;
    params.crescendo.block_version = params.toccata.block_version;
    params
}
