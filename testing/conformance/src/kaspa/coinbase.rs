//! `coinbase.json`: a payload of the main network, the emission by month, and subsidies of blocks.

use std::path::Path;

use quintet_kaspa_protocol::{
    coinbase::CoinbasePayload,
    params::{ForkActivation, Network, Params},
    subsidy::{block_subsidy, subsidy_per_second},
};
use quintet_primitives::hex;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Coinbase;

impl Suite for Coinbase {
    fn name(&self) -> &'static str {
        "coinbase"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "coinbase")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        let vectors: Vectors = match serde_json::from_value(value) {
            Ok(vectors) => vectors,
            Err(error) => {
                report.unreadable = Some(format!("expected vectors of coinbases: {error}"));
                return;
            }
        };
        report.case("payload", || vectors.payload.check());
        for (month, expected) in (0..).zip(vectors.subsidy_per_second_by_month) {
            let actual = subsidy_per_second(month);
            report.case(format!("month {month}"), || expect_eq("subsidy", expected, actual));
        }
        // The checks speak of the main network at one block per second for ever.
        let params = Params {
            crescendo_activation: ForkActivation::NEVER,
            toccata_activation: ForkActivation::NEVER,
            ..Params::of(Network::Mainnet)
        };
        for check in vectors.subsidy_checks.cases {
            let actual = block_subsidy(&params, check.daa_score);
            let case = format!("daa score {}", check.daa_score);
            report.case(case, || expect_eq("subsidy", check.subsidy, actual));
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    payload: Payload,
    subsidy_per_second_by_month: Vec<u64>,
    subsidy_checks: Checks,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    hex: String,
    blue_score: u64,
    subsidy: u64,
    script_version: u16,
    script: String,
    extra_data: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checks {
    #[serde(rename = "note")]
    _note: String,
    cases: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    daa_score: u64,
    subsidy: u64,
}

impl Payload {
    fn check(&self) -> Result<(), Mismatch> {
        let params = Params::of(Network::Mainnet);
        let encoded = bytes("hex", &self.hex)?;
        let payload = CoinbasePayload::decode(&params, &encoded)
            .map_err(|error| Mismatch::new("payload", "one of a coinbase", error.to_string()))?;
        let script = &payload.miner.script_public_key;
        expect_eq("blue_score", self.blue_score, payload.blue_score)?;
        expect_eq("subsidy", self.subsidy, payload.subsidy)?;
        expect_eq("script_version", self.script_version, script.version)?;
        expect_eq("script", &self.script, &hex::encode(&script.script))?;
        expect_eq("extra_data", &self.extra_data, &hex::encode(payload.miner.extra_data))?;
        expect_eq("payload written", Ok(encoded.clone()), payload.encode(&params))
    }
}
