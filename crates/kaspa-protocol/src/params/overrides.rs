//! Parameters that differ from a network's own: files for test networks, first lines of block dumps.
//!
//! The reference has written these in four shapes, all of which are read here:
//!
//! | written by | told by | says |
//! |---|---|---|
//! | v1.0.1 and after | `crescendo` | the first era as `prior_…`, the second as an object |
//! | v1.1.0 | `max_block_mass` | the second era only |
//! | v2.0.1 | `prior_block_mass_limits` | the second era, and what the third changes as `new_…` |
//! | later | `block_mass_limits` | the third era only, which always holds |
//!
//! Files of people name a few values and may mix v2.0.1's with the later ones.
//!
//! **Spec:** rusty-kaspa's `OverrideParams`.

use serde::Deserialize;
use thiserror::Error;

use super::{BlockMassLimits, BlockRate, ForkActivation, LaneLimits, Params, Rules};

/// Values in place of a network's own. An unknown name is an error, as in the reference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    timestamp_deviation_tolerance: Option<u64>,
    past_median_time_window_size: Option<u64>,
    difficulty_window_size: Option<u64>,
    min_difficulty_window_size: Option<u64>,
    coinbase_payload_script_public_key_max_len: Option<u8>,
    max_coinbase_payload_len: Option<u64>,
    max_tx_inputs: Option<u64>,
    max_tx_outputs: Option<u64>,
    max_signature_script_len: Option<u64>,
    prior_max_signature_script_len: Option<u64>,
    new_max_signature_script_len: Option<u64>,
    max_script_public_key_len: Option<u64>,
    mass_per_tx_byte: Option<u64>,
    mass_per_script_pub_key_byte: Option<u64>,
    mass_per_sig_op: Option<u64>,
    max_block_mass: Option<u64>,
    block_mass_limits: Option<MassLimits>,
    prior_block_mass_limits: Option<MassLimits>,
    new_transient_mass_limit: Option<u64>,
    block_lane_limits: Option<Lanes>,
    storage_mass_parameter: Option<u64>,
    deflationary_phase_daa_score: Option<u64>,
    pre_deflationary_phase_base_subsidy: Option<u64>,
    skip_proof_of_work: Option<bool>,
    max_block_level: Option<u8>,
    pruning_proof_m: Option<u64>,
    blockrate: Option<Rate>,
    pre_crescendo_target_time_per_block: Option<u64>,
    crescendo_activation: Option<u64>,
    toccata_activation: Option<u64>,
    // The shape of v1.0.1.
    prior_ghostdag_k: Option<u16>,
    prior_target_time_per_block: Option<u64>,
    prior_difficulty_window_size: Option<u64>,
    prior_max_block_parents: Option<u16>,
    prior_mergeset_size_limit: Option<u64>,
    prior_merge_depth: Option<u64>,
    prior_finality_depth: Option<u64>,
    prior_pruning_depth: Option<u64>,
    prior_max_tx_inputs: Option<u64>,
    prior_max_tx_outputs: Option<u64>,
    prior_max_script_public_key_len: Option<u64>,
    prior_coinbase_maturity: Option<u64>,
    crescendo: Option<Crescendo>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct MassLimits {
    storage: u64,
    compute: u64,
    transient: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lanes {
    lanes_per_block: u64,
    gas_per_lane: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    target_time_per_block: u64,
    ghostdag_k: u16,
    past_median_time_sample_rate: u64,
    difficulty_sample_rate: u64,
    max_block_parents: u16,
    mergeset_size_limit: u64,
    merge_depth: u64,
    finality_depth: u64,
    pruning_depth: u64,
    coinbase_maturity: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Crescendo {
    past_median_time_sampled_window_size: u64,
    sampled_difficulty_window_size: u64,
    target_time_per_block: u64,
    ghostdag_k: u16,
    past_median_time_sample_rate: u64,
    difficulty_sample_rate: u64,
    max_block_parents: u16,
    mergeset_size_limit: u64,
    merge_depth: u64,
    finality_depth: u64,
    pruning_depth: u64,
    max_tx_inputs: u64,
    max_tx_outputs: u64,
    max_signature_script_len: u64,
    max_script_public_key_len: u64,
    coinbase_maturity: u64,
}

/// Values no network can run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected {name} from {min} to {max}, got {actual}")]
pub struct OverrideError {
    /// The value's name.
    pub name: &'static str,
    /// Lowest.
    pub min: u64,
    /// Highest.
    pub max: u64,
    /// What came.
    pub actual: u64,
}

/// Puts values that are there in the place of others.
macro_rules! replace {
    ($($to:expr => $from:expr;)*) => { $(if let Some(value) = $from { $to = value; })* };
}

impl Overrides {
    /// Returns the parameters with these values in place of their own.
    ///
    /// # Errors
    ///
    /// [`OverrideError`] for a time, window or sample rate of zero, or a time above a second.
    pub fn apply(&self, mut params: Params) -> Result<Params, OverrideError> {
        self.apply_shared(&mut params);
        if self.crescendo.is_some() || self.prior_ghostdag_k.is_some() {
            self.apply_v1_0(&mut params);
        } else {
            self.apply_later(&mut params);
        }
        let Params { pre_crescendo, crescendo, toccata, .. } = &params;
        [pre_crescendo, crescendo, toccata].into_iter().try_for_each(check)?;
        Ok(params)
    }

    fn apply_shared(&self, params: &mut Params) {
        let lanes = |lanes: Lanes| LaneLimits {
            lanes_per_block: lanes.lanes_per_block,
            gas_per_lane: lanes.gas_per_lane,
        };
        replace! {
            params.timestamp_deviation_tolerance => self.timestamp_deviation_tolerance;
            params.min_difficulty_window_size => self.min_difficulty_window_size;
            params.coinbase_payload_script_len_max => self.coinbase_payload_script_public_key_max_len;
            params.coinbase_payload_len_max => self.max_coinbase_payload_len;
            params.mass_per_tx_byte => self.mass_per_tx_byte;
            params.mass_per_script_pub_key_byte => self.mass_per_script_pub_key_byte;
            params.mass_per_sig_op => self.mass_per_sig_op;
            params.storage_mass_parameter => self.storage_mass_parameter;
            params.lanes => self.block_lane_limits.map(lanes);
            params.deflationary_phase_daa_score => self.deflationary_phase_daa_score;
            params.pre_deflationary_subsidy => self.pre_deflationary_phase_base_subsidy;
            params.skip_proof_of_work => self.skip_proof_of_work;
            params.max_block_level => self.max_block_level;
            params.pruning_proof_m => self.pruning_proof_m;
            params.crescendo_activation => self.crescendo_activation.map(ForkActivation::at);
            params.toccata_activation => self.toccata_activation.map(ForkActivation::at);
        }
        // Only versions that know no other era than the last write this.
        if self.block_mass_limits.is_some() && self.toccata_activation.is_none() {
            params.toccata_activation = ForkActivation::ALWAYS;
        }
        for rules in [&mut params.pre_crescendo, &mut params.crescendo, &mut params.toccata] {
            replace! { rules.mass => self.max_block_mass.map(BlockMassLimits::shared); }
        }
    }

    fn apply_v1_0(&self, params: &mut Params) {
        let prior = &mut params.pre_crescendo;
        // The window of the median time was no parameter then, but twice the tolerance.
        let median = self.timestamp_deviation_tolerance.map(|time| (2 * time).saturating_sub(1));
        replace! {
            prior.rate.ghostdag_k => self.prior_ghostdag_k;
            prior.rate.target_time_per_block => self.prior_target_time_per_block;
            prior.rate.max_block_parents => self.prior_max_block_parents;
            prior.rate.mergeset_size_limit => self.prior_mergeset_size_limit;
            prior.rate.merge_depth => self.prior_merge_depth;
            prior.rate.finality_depth => self.prior_finality_depth;
            prior.rate.pruning_depth => self.prior_pruning_depth;
            prior.rate.coinbase_maturity => self.prior_coinbase_maturity;
            prior.past_median_time_window_size => median;
            prior.difficulty_window_size => self.prior_difficulty_window_size;
            prior.tx.inputs => self.prior_max_tx_inputs;
            prior.tx.outputs => self.prior_max_tx_outputs;
            prior.tx.signature_script_len => self.prior_max_signature_script_len;
            prior.tx.script_public_key_len => self.prior_max_script_public_key_len;
        }
        let Some(crescendo) = self.crescendo else { return };
        for rules in [&mut params.crescendo, &mut params.toccata] {
            rules.rate = crescendo.rate();
            rules.past_median_time_window_size = crescendo.past_median_time_sampled_window_size;
            rules.difficulty_window_size = crescendo.sampled_difficulty_window_size;
            rules.tx.inputs = crescendo.max_tx_inputs;
            rules.tx.outputs = crescendo.max_tx_outputs;
            rules.tx.script_public_key_len = crescendo.max_script_public_key_len;
        }
        params.crescendo.tx.signature_script_len = crescendo.max_signature_script_len;
    }

    fn apply_later(&self, params: &mut Params) {
        for rules in [&mut params.crescendo, &mut params.toccata] {
            replace! {
                rules.rate => self.blockrate.map(Rate::rate);
                rules.past_median_time_window_size => self.past_median_time_window_size;
                rules.difficulty_window_size => self.difficulty_window_size;
                rules.tx.inputs => self.max_tx_inputs;
                rules.tx.outputs => self.max_tx_outputs;
                rules.tx.signature_script_len => self.max_signature_script_len;
                rules.tx.script_public_key_len => self.max_script_public_key_len;
            }
        }
        // Of storage and compute the later era has what the earlier has; only transient mass was raised.
        if let Some(prior) = self.prior_block_mass_limits.map(MassLimits::limits) {
            params.crescendo.mass = prior;
            params.toccata.mass =
                BlockMassLimits { transient: params.toccata.mass.transient, ..prior };
        }
        replace! {
            params.toccata.mass => self.block_mass_limits.map(MassLimits::limits);
            params.toccata.mass.transient => self.new_transient_mass_limit;
            params.crescendo.tx.signature_script_len => self.prior_max_signature_script_len;
            params.toccata.tx.signature_script_len => self.new_max_signature_script_len;
            params.pre_crescendo.rate.target_time_per_block => self.pre_crescendo_target_time_per_block;
        }
    }
}

impl MassLimits {
    const fn limits(self) -> BlockMassLimits {
        BlockMassLimits { storage: self.storage, compute: self.compute, transient: self.transient }
    }
}

impl Rate {
    const fn rate(self) -> BlockRate {
        BlockRate {
            target_time_per_block: self.target_time_per_block,
            ghostdag_k: self.ghostdag_k,
            past_median_time_sample_rate: self.past_median_time_sample_rate,
            difficulty_sample_rate: self.difficulty_sample_rate,
            max_block_parents: self.max_block_parents,
            mergeset_size_limit: self.mergeset_size_limit,
            merge_depth: self.merge_depth,
            finality_depth: self.finality_depth,
            pruning_depth: self.pruning_depth,
            coinbase_maturity: self.coinbase_maturity,
        }
    }
}

impl Crescendo {
    const fn rate(self) -> BlockRate {
        BlockRate {
            target_time_per_block: self.target_time_per_block,
            ghostdag_k: self.ghostdag_k,
            past_median_time_sample_rate: self.past_median_time_sample_rate,
            difficulty_sample_rate: self.difficulty_sample_rate,
            max_block_parents: self.max_block_parents,
            mergeset_size_limit: self.mergeset_size_limit,
            merge_depth: self.merge_depth,
            finality_depth: self.finality_depth,
            pruning_depth: self.pruning_depth,
            coinbase_maturity: self.coinbase_maturity,
        }
    }
}

fn check(rules: &Rules) -> Result<(), OverrideError> {
    let rate = &rules.rate;
    let positive = u64::MAX;
    [
        ("target_time_per_block", rate.target_time_per_block, 1000),
        ("past_median_time_sample_rate", rate.past_median_time_sample_rate, positive),
        ("difficulty_sample_rate", rate.difficulty_sample_rate, positive),
        ("max_block_parents", rate.max_block_parents.into(), positive),
        ("past_median_time_window_size", rules.past_median_time_window_size, 1 << 20),
        ("difficulty_window_size", rules.difficulty_window_size, 1 << 20),
        ("mergeset_size_limit", rate.mergeset_size_limit, 1 << 20),
    ]
    .into_iter()
    .try_for_each(|(name, actual, max)| {
        let fits = (1..=max).contains(&actual);
        if fits { Ok(()) } else { Err(OverrideError { name, min: 1, max, actual }) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Era, Network};

    fn read(json: &str) -> Overrides {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_shape_tells_the_era() {
        let devnet = || Params::of(Network::Devnet);
        let later = r#"{"block_mass_limits":{"storage":1,"compute":2,"transient":3},"crescendo_activation":0}"#;
        let params = read(later).apply(devnet()).unwrap();
        assert_eq!(params.era_at(0), Era::Toccata);
        assert_eq!(params.toccata.mass, BlockMassLimits { storage: 1, compute: 2, transient: 3 });

        let v2 = r#"{"prior_block_mass_limits":{"storage":1,"compute":2,"transient":3}}"#;
        let params = read(v2).apply(devnet()).unwrap();
        assert_eq!(params.era_at(0), Era::Crescendo);
        assert_eq!(params.crescendo.mass.transient, 3);
        assert_eq!(
            params.toccata.mass,
            BlockMassLimits { storage: 1, compute: 2, transient: 1_000_000 }
        );
        assert_eq!(read("{}").apply(devnet()), Ok(devnet()));
    }

    #[test]
    fn names_nobody_knows_and_zeros_are_refused() {
        assert!(serde_json::from_str::<Overrides>(r#"{"ghostdag_q":1}"#).is_err());
        assert_eq!(
            read(r#"{"difficulty_window_size":0}"#).apply(Params::of(Network::Mainnet)),
            Err(OverrideError { name: "difficulty_window_size", min: 1, max: 1 << 20, actual: 0 })
        );
    }
}
