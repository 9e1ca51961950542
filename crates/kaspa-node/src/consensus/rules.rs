//! A network's rules in the form the columns of the DAG ask for, by era.
//!
//! Rules of the DAG change with the DAA score of the selected parent, which is known before anything of the block itself is.

use quintet_kaspa_protocol::{
    dag::{BlockId, DepthRules, GhostdagParams, PruningRules, Sampling, WindowRules, WindowSize},
    params::{Era, Params},
    target::TARGET_MAX,
};

/// The number of the genesis.
pub(super) const GENESIS: BlockId = BlockId::new(1);

/// The rules of one era.
#[derive(Debug, Clone, Copy)]
pub(super) struct DagRules {
    pub(super) ghostdag: GhostdagParams,
    pub(super) window: WindowRules,
    pub(super) depth: DepthRules,
    pub(super) pruning: PruningRules,
    pub(super) max_parents: usize,
}

impl DagRules {
    /// Returns the rules for a block whose selected parent has this DAA score.
    pub(super) fn after(params: &Params, selected_parent_daa_score: u64) -> Self {
        let rules = params.rules_at(selected_parent_daa_score);
        let rate = &rules.rate;
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let sampling = match rules.era {
            Era::PreCrescendo => Sampling::Full,
            Era::Crescendo | Era::Toccata => Sampling::Sampled {
                since: params.crescendo_activation.daa_score(),
                earlier_target_time: params.pre_crescendo.rate.target_time_per_block,
            },
        };
        // Before Crescendo the difficulty moved only when the window was full.
        let difficulty_min = match rules.era {
            Era::PreCrescendo => rules.difficulty_window_size,
            Era::Crescendo | Era::Toccata => params.min_difficulty_window_size,
        };
        Self {
            ghostdag: GhostdagParams::new(rate.ghostdag_k, size(rate.mergeset_size_limit)),
            window: WindowRules {
                difficulty: WindowSize {
                    size: size(rules.difficulty_window_size),
                    rate: rate.difficulty_sample_rate.max(1),
                },
                median: WindowSize {
                    size: size(rules.past_median_time_window_size),
                    rate: rate.past_median_time_sample_rate.max(1),
                },
                difficulty_min: size(difficulty_min),
                target_time: rate.target_time_per_block,
                max_target: TARGET_MAX,
                sampling,
            },
            depth: DepthRules {
                merge_depth: rate.merge_depth,
                finality_depth: rate.finality_depth,
                genesis: GENESIS,
            },
            pruning: PruningRules {
                pruning_depth: rate.pruning_depth,
                finality_depth: rate.finality_depth.max(1),
                genesis: GENESIS,
            },
            max_parents: rate.max_block_parents.into(),
        }
    }
}
