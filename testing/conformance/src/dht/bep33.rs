//! `bep33_*.json`: the Bloom filter of BEP 33's example.

use std::{net::IpAddr, path::Path};

use quintet_dht_protocol::bloom::Bloom;
use serde::Deserialize;

use super::array;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

/// Most addresses inserted for one case; a filter is full long before.
const ADDRESSES_MAX: u128 = 1 << 20;

/// Decimals an estimate is quoted with, as a factor.
const DECIMALS: f64 = 1e4;

pub(super) struct Bep33;

impl Suite for Bep33 {
    fn name(&self) -> &'static str {
        "bep33"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bep33_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    ranges: Vec<String>,
    inserted: u128,
    filter: String,
    estimate: f64,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        // A union of the ranges' filters is the filter of all.
        let mut bloom = Bloom::default();
        let mut inserted = 0;
        for range in &self.ranges {
            let mut part = Bloom::default();
            inserted += insert(range, &mut part)?;
            bloom.union(&part);
        }
        expect_eq("inserted", self.inserted, inserted)?;
        let filter = array("filter", &self.filter)?;
        expect_eq("filter", &filter, bloom.as_bytes())?;
        // Some round and some cut the decimals.
        let (expected, actual) = ((self.estimate * DECIMALS).round(), bloom.estimate() * DECIMALS);
        let fits = [actual.round(), actual.floor()].iter().any(|a| (a - expected).abs() < 0.5);
        if !fits {
            return Err(Mismatch::new("estimate", self.estimate, bloom.estimate()));
        }
        Ok(())
    }
}

/// Inserts every address of `first-last` and returns how many there are.
fn insert(range: &str, bloom: &mut Bloom) -> Result<u128, Mismatch> {
    let malformed = || Mismatch::new("range", "two addresses of one family and a hyphen", range);
    let (first, last) = range.split_once('-').ok_or_else(malformed)?;
    let (first, last): (IpAddr, IpAddr) =
        (first.parse().map_err(|_| malformed())?, last.parse().map_err(|_| malformed())?);
    let (from, to) = (bits(first), bits(last));
    let count = to.checked_sub(from).and_then(|count| count.checked_add(1));
    let count = count
        .filter(|count| *count <= ADDRESSES_MAX && first.is_ipv4() == last.is_ipv4())
        .ok_or_else(malformed)?;
    for address in from..=to {
        let ip = u32::try_from(address).ok().filter(|_| first.is_ipv4());
        bloom.insert(ip.map_or_else(
            || IpAddr::from(address.to_be_bytes()),
            |ip| IpAddr::from(ip.to_be_bytes()),
        ));
    }
    Ok(count)
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}
