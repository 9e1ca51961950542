//! `difficulty/`: how hard the next block is to mine, fork by fork.

use std::{collections::BTreeMap, path::Path};

use alloy_primitives::U256;
use quintet_evm::{header::difficulty, schedule::Fork};
use serde::Deserialize;

use super::lies_in;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Difficulties;

impl Suite for Difficulties {
    fn name(&self) -> &'static str {
        "difficulty"
    }

    fn claims(&self, name: &Path) -> bool {
        lies_in(name, "difficulty") && name.extension().is_some_and(|extension| extension == "json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        type Groups = BTreeMap<String, BTreeMap<String, serde_json::Value>>;
        let groups: Groups = match serde_json::from_slice(&file.bytes) {
            Ok(groups) => groups,
            Err(error) => {
                report.unreadable = Some(format!("expected cases by fork: {error}"));
                return;
            }
        };
        let forks = groups.into_values().flatten().filter(|(fork, _)| fork != "_info");
        for (name, cases) in forks {
            let cases: BTreeMap<String, serde_json::Value> = match serde_json::from_value(cases) {
                Ok(cases) => cases,
                Err(error) => {
                    report
                        .case(&name, || Err(Mismatch::new("cases", "by name", error.to_string())));
                    continue;
                }
            };
            for (case, value) in cases {
                let fork = Fork::by_name(&name);
                report.json_case(
                    format!("{}: {name} {case}", file.name.display()),
                    value,
                    |case: Case| {
                        case.check(
                            fork.ok_or_else(|| Mismatch::new("fork", "a known name", &name))?,
                        )
                    },
                );
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    parent_timestamp: U256,
    parent_difficulty: U256,
    current_timestamp: U256,
    current_block_number: U256,
    current_difficulty: U256,
    parent_uncles: U256,
}

impl Case {
    fn check(&self, fork: Fork) -> Result<(), Mismatch> {
        let elapsed = self.current_timestamp.saturating_sub(self.parent_timestamp).saturating_to();
        let number = self.current_block_number.saturating_to();
        let uncles = !self.parent_uncles.is_zero();
        let actual = difficulty::next(fork, self.parent_difficulty, elapsed, number, uncles);
        expect_eq("difficulty", self.current_difficulty, actual)
    }
}
