//! `*_params.json`: files that override a network's parameters.

use std::path::Path;

use quintet_kaspa_protocol::params::{Network, Overrides, Params};
use serde_json::Value;

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct OverrideFiles;

impl Suite for OverrideFiles {
    fn name(&self) -> &'static str {
        "params"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "") && name.to_str().is_some_and(|name| name.ends_with("_params.json"))
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        for network in Network::ALL {
            report
                .case(format!("{} over {network}", file.name.display()), || check(&value, network));
        }
    }
}

/// Checks that what the file says arrives, value by value, and that nothing else changes.
fn check(value: &Value, network: Network) -> Result<(), Mismatch> {
    let failed = |error: String| Mismatch::new("parameters", "ones to apply", error);
    let overrides: Overrides =
        serde_json::from_value(value.clone()).map_err(|error| failed(error.to_string()))?;
    let own = Params::of(network);
    let params = overrides.apply(own.clone()).map_err(|error| failed(error.to_string()))?;
    let fields = value.as_object().ok_or_else(|| failed("no object".into()))?;
    let rate = fields.get("blockrate").and_then(Value::as_object);
    for (name, expected) in fields.iter().chain(rate.into_iter().flatten()) {
        if name != "blockrate" {
            expect_eq(name, Some(expected), field(&params, name).as_ref())?;
        }
    }
    expect_eq("genesis", own.genesis, params.genesis)?;
    expect_eq("rules before Crescendo", own.pre_crescendo, params.pre_crescendo)?;
    expect_eq("activation of Toccata", own.toccata_activation, params.toccata_activation)
}

/// Returns a parameter of the newest era by the name files give it.
fn field(params: &Params, name: &str) -> Option<Value> {
    let rules = &params.toccata;
    let rate = &rules.rate;
    let number = match name {
        "timestamp_deviation_tolerance" => params.timestamp_deviation_tolerance,
        "min_difficulty_window_size" => params.min_difficulty_window_size,
        "difficulty_window_size" => rules.difficulty_window_size,
        "past_median_time_window_size" => rules.past_median_time_window_size,
        "pruning_proof_m" => params.pruning_proof_m,
        "target_time_per_block" => rate.target_time_per_block,
        "ghostdag_k" => rate.ghostdag_k.into(),
        "past_median_time_sample_rate" => rate.past_median_time_sample_rate,
        "difficulty_sample_rate" => rate.difficulty_sample_rate,
        "max_block_parents" => rate.max_block_parents.into(),
        "mergeset_size_limit" => rate.mergeset_size_limit,
        "merge_depth" => rate.merge_depth,
        "finality_depth" => rate.finality_depth,
        "pruning_depth" => rate.pruning_depth,
        "coinbase_maturity" => rate.coinbase_maturity,
        "skip_proof_of_work" => return Some(params.skip_proof_of_work.into()),
        _ => return None,
    };
    Some(number.into())
}
