//! `distance*.json`: the XOR metric, as the length of the distance in bits.

use std::path::Path;

use quintet_dht_protocol::key::Key;
use serde::Deserialize;

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Distance;

impl Suite for Distance {
    fn name(&self) -> &'static str {
        "distance"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "distance")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    a: Key,
    b: Key,
    distance: usize,
    leading_zero_bits: usize,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let distance = self.a.distance(self.b);
        expect_eq("distance", self.distance, distance.bit_length())?;
        expect_eq("leading_zero_bits", self.leading_zero_bits, distance.leading_zeros())?;
        expect_eq("common prefix", self.leading_zero_bits, self.a.common_prefix(self.b))?;
        expect_eq("distance the other way", distance, self.b.distance(self.a))
    }
}
