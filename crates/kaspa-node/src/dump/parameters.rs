//! The first line of a file: parameters by the reference's names.
//!
//! The reference wrote them in shapes that tell the era ([`Overrides`] reads them all). Here the shape is the one that can say the eras the
//! parameters have:
//!
//! | Crescendo | Toccata | shape |
//! |---|---|---|
//! | any | since genesis | the latest: `block_mass_limits` |
//! | since genesis | later or never | v2.0.1: `prior_block_mass_limits` |
//! | later or never | later or never | v1.0.1: `prior_…` and `crescendo` |
//!
//! What was written is read back before it is handed out, so that no file says other parameters than its blocks were made under.

use quintet_kaspa_protocol::params::{
    BlockMassLimits, BlockRate, ForkActivation, Overrides, Params, Rules,
};
use serde_json::{Map, Value, json};

use super::DumpError;

/// Writes parameters.
pub(super) fn write(params: &Params) -> Result<Value, DumpError> {
    let mut line = shared(params);
    if params.toccata_activation == ForkActivation::ALWAYS {
        latest(&mut line, params);
    } else if params.crescendo_activation == ForkActivation::ALWAYS {
        crescendo_first(&mut line, params);
    } else {
        three_eras(&mut line, params);
    }
    let line = Value::Object(line);
    let unsayable = || DumpError::Unsayable { network: params.network };
    let read: Overrides = serde_json::from_value(line.clone()).map_err(|_| unsayable())?;
    let read = read.apply(Params::of(params.network)).map_err(|_| unsayable())?;
    if says_the_same(&read, params) { Ok(line) } else { Err(unsayable()) }
}

/// Compares parameters in what is of use: rules of eras that never hold are of none.
fn says_the_same(read: &Params, params: &Params) -> bool {
    let toccata_always = params.toccata_activation == ForkActivation::ALWAYS;
    let crescendo_always = params.crescendo_activation == ForkActivation::ALWAYS;
    let never = |activation| activation == ForkActivation::NEVER;
    let mut read = read.clone();
    read.genesis = params.genesis;
    if toccata_always || crescendo_always {
        read.pre_crescendo = params.pre_crescendo;
    }
    if toccata_always || never(params.crescendo_activation) {
        read.crescendo = params.crescendo;
    }
    if toccata_always {
        read.crescendo_activation = params.crescendo_activation;
    }
    if never(params.toccata_activation) {
        read.toccata = params.toccata;
    }
    read == *params
}

fn shared(params: &Params) -> Map<String, Value> {
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
    put("timestamp_deviation_tolerance", params.timestamp_deviation_tolerance.into());
    put("min_difficulty_window_size", params.min_difficulty_window_size.into());
    put(
        "coinbase_payload_script_public_key_max_len",
        params.coinbase_payload_script_len_max.into(),
    );
    put("max_coinbase_payload_len", params.coinbase_payload_len_max.into());
    put("mass_per_tx_byte", params.mass_per_tx_byte.into());
    put("mass_per_script_pub_key_byte", params.mass_per_script_pub_key_byte.into());
    put("mass_per_sig_op", params.mass_per_sig_op.into());
    put("storage_mass_parameter", params.storage_mass_parameter.into());
    put("deflationary_phase_daa_score", params.deflationary_phase_daa_score.into());
    put("pre_deflationary_phase_base_subsidy", params.pre_deflationary_subsidy.into());
    put("skip_proof_of_work", params.skip_proof_of_work.into());
    put("max_block_level", params.max_block_level.into());
    put("pruning_proof_m", params.pruning_proof_m.into());
    put("crescendo_activation", params.crescendo_activation.daa_score().into());
    line
}

/// The rules of Toccata alone.
fn latest(line: &mut Map<String, Value>, params: &Params) {
    let rules = &params.toccata;
    sizes(line, rules);
    let lanes = &params.lanes;
    let lanes =
        json!({"lanes_per_block": lanes.lanes_per_block, "gas_per_lane": lanes.gas_per_lane});
    line.insert("max_signature_script_len".into(), rules.tx.signature_script_len.into());
    line.insert("block_mass_limits".into(), masses(&rules.mass));
    line.insert("block_lane_limits".into(), lanes);
}

/// Crescendo since genesis, Toccata perhaps later.
fn crescendo_first(line: &mut Map<String, Value>, params: &Params) {
    let Params { crescendo, toccata, .. } = params;
    sizes(line, crescendo);
    let lanes = &params.lanes;
    let lanes =
        json!({"lanes_per_block": lanes.lanes_per_block, "gas_per_lane": lanes.gas_per_lane});
    line.insert("block_lane_limits".into(), lanes);
    line.insert("prior_max_signature_script_len".into(), crescendo.tx.signature_script_len.into());
    line.insert("new_max_signature_script_len".into(), toccata.tx.signature_script_len.into());
    line.insert("prior_block_mass_limits".into(), masses(&crescendo.mass));
    line.insert("new_transient_mass_limit".into(), toccata.mass.transient.into());
    line.insert("toccata_activation".into(), params.toccata_activation.daa_score().into());
}

/// What the second shape and the latest share.
fn sizes(line: &mut Map<String, Value>, rules: &Rules) {
    let mut put = |name: &str, value: u64| line.insert(name.to_owned(), value.into());
    put("past_median_time_window_size", rules.past_median_time_window_size);
    put("difficulty_window_size", rules.difficulty_window_size);
    put("max_tx_inputs", rules.tx.inputs);
    put("max_tx_outputs", rules.tx.outputs);
    put("max_script_public_key_len", rules.tx.script_public_key_len);
    line.insert("blockrate".into(), Value::Object(rate(&rules.rate)));
}

/// The rules before Crescendo and those since.
fn three_eras(line: &mut Map<String, Value>, params: &Params) {
    let Params { pre_crescendo: prior, crescendo, .. } = params;
    let mut put = |name: &str, value: u64| line.insert(name.to_owned(), value.into());
    put("prior_ghostdag_k", prior.rate.ghostdag_k.into());
    put("prior_target_time_per_block", prior.rate.target_time_per_block);
    put("prior_difficulty_window_size", prior.difficulty_window_size);
    put("prior_max_block_parents", prior.rate.max_block_parents.into());
    put("prior_mergeset_size_limit", prior.rate.mergeset_size_limit);
    put("prior_merge_depth", prior.rate.merge_depth);
    put("prior_finality_depth", prior.rate.finality_depth);
    put("prior_pruning_depth", prior.rate.pruning_depth);
    put("prior_coinbase_maturity", prior.rate.coinbase_maturity);
    put("prior_max_tx_inputs", prior.tx.inputs);
    put("prior_max_tx_outputs", prior.tx.outputs);
    put("prior_max_signature_script_len", prior.tx.signature_script_len);
    put("prior_max_script_public_key_len", prior.tx.script_public_key_len);
    put("max_block_mass", prior.mass.compute);
    put("toccata_activation", params.toccata_activation.daa_score());
    let mut later = rate(&crescendo.rate);
    let mut put = |name: &str, value: u64| later.insert(name.to_owned(), value.into());
    put("past_median_time_sampled_window_size", crescendo.past_median_time_window_size);
    put("sampled_difficulty_window_size", crescendo.difficulty_window_size);
    put("max_tx_inputs", crescendo.tx.inputs);
    put("max_tx_outputs", crescendo.tx.outputs);
    put("max_signature_script_len", crescendo.tx.signature_script_len);
    put("max_script_public_key_len", crescendo.tx.script_public_key_len);
    line.insert("crescendo".into(), Value::Object(later));
}

fn masses(limits: &BlockMassLimits) -> Value {
    let BlockMassLimits { storage, compute, transient } = limits;
    json!({"storage": storage, "compute": compute, "transient": transient})
}

fn rate(rate: &BlockRate) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: u64| fields.insert(name.to_owned(), value.into());
    put("target_time_per_block", rate.target_time_per_block);
    put("ghostdag_k", rate.ghostdag_k.into());
    put("past_median_time_sample_rate", rate.past_median_time_sample_rate);
    put("difficulty_sample_rate", rate.difficulty_sample_rate);
    put("max_block_parents", rate.max_block_parents.into());
    put("mergeset_size_limit", rate.mergeset_size_limit);
    put("merge_depth", rate.merge_depth);
    put("finality_depth", rate.finality_depth);
    put("pruning_depth", rate.pruning_depth);
    put("coinbase_maturity", rate.coinbase_maturity);
    fields
}
