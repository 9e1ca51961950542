//! The project's vectors, where they are: all pass, all files are run, and no byte may change.

use std::fs;

use conformance::{file, print, run};
use tempfile::TempDir;

use crate::folder;

/// Bytes changed per file, spread evenly.
const FLIPS: usize = 40;

#[test]
fn every_vector_passes_and_every_file_is_run() {
    let Some(folder) = test_vectors::find("dht") else { return };
    let outcome = run("dht", &folder, None).unwrap();
    let mut text = Vec::new();
    print::text(&outcome, &mut text).unwrap();
    assert!(outcome.is_success(), "{}", String::from_utf8_lossy(&text));
    assert!(outcome.unclaimed.is_empty(), "{:?}", outcome.unclaimed);
    let run: u64 = outcome.rows.iter().filter(|row| row.suite != "sums").map(|row| row.files).sum();
    let files = file::walk(&folder).unwrap();
    let prose = files.iter().filter(|file| file.ends_with("README.md")).count();
    assert_eq!(run, (files.len() - prose) as u64, "a file was not opened");
}

/// Runs every suite of a kind whose vectors hold files for later as well; those files are claimed by no suite.
fn every_case_of(kind: &str) {
    let Some(folder) = test_vectors::find(kind) else { return };
    let outcome = run(kind, &folder, None).unwrap();
    let mut text = Vec::new();
    print::text(&outcome, &mut text).unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(outcome.is_success(), "{text}");
    for row in &outcome.rows {
        assert!(row.report.passed + row.report.skipped > 0, "{}: no case\n{text}", row.suite);
    }
}

#[test]
fn every_case_of_bitcoin_passes() {
    every_case_of("bitcoin");
}

#[test]
fn every_case_of_kaspa_passes() {
    every_case_of("kaspa");
}

#[test]
fn every_case_of_lux_passes() {
    every_case_of("lux");
}

#[test]
fn every_case_of_rollup_passes() {
    every_case_of("rollup");
}

/// The suites of Ethereum that take seconds; state and blockchain tests take minutes even optimised and belong to the runner.
const QUICK: [&str; 7] =
    ["basic", "difficulty", "ethers", "precompiles", "rlp", "transactions", "trie"];

#[test]
fn every_quick_case_of_ethereum_passes() {
    let Some(folder) = test_vectors::find("ethereum") else { return };
    for suite in QUICK {
        let outcome = run("ethereum", &folder, Some(suite)).unwrap();
        let mut text = Vec::new();
        print::text(&outcome, &mut text).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(outcome.is_success(), "{text}");
        let row = &outcome.rows[0].report;
        assert!(row.passed + row.skipped > 0, "{suite}: no case\n{text}");
    }
}

#[test]
fn a_flipped_byte_in_any_file_fails_the_run() {
    let Some(folder) = test_vectors::find("dht") else { return };
    let Some(sums) = folder.parent().map(|above| above.join("SHA256SUMS")) else { return };
    assert!(sums.is_file(), "the list of checksums belongs to the vectors");
    let copy = TempDir::new().unwrap();
    let below = copy.path().join("dht");
    folder::copy(&folder, &below);
    fs::write(copy.path().join("SHA256SUMS"), fs::read(&sums).unwrap()).unwrap();
    assert!(run("dht", &below, None).unwrap().is_success());
    for name in file::walk(&below).unwrap() {
        let path = below.join(&name);
        let original = fs::read(&path).unwrap();
        for at in (0..original.len()).step_by((original.len() / FLIPS).max(1)) {
            let mut changed = original.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            let outcome = run("dht", &below, Some("sums")).unwrap();
            assert!(!outcome.is_success(), "{} at {at}", name.display());
        }
        fs::write(&path, &original).unwrap();
    }
}

/// Values of which every digit is bound by a rule: even without checksums a change shows.
const BOUND: [(&str, &str, &[&str]); 4] = [
    ("bep33_bloom.json", "bep33", &["filter"]),
    (
        "bep44_items.json",
        "bep44",
        &[
            "value_bencoded",
            "signed_buffer",
            "public_key",
            "expanded_private_key",
            "target",
            "signature",
        ],
    ),
    ("bep5_messages.json", "bep5", &["bencoded"]),
    ("krpc_malformed_corpus.json", "malformed", &["id", "values"]),
];

#[test]
fn a_flipped_digit_fails_the_suite_itself_where_a_rule_binds_it() {
    let Some(folder) = test_vectors::find("dht") else { return };
    for (file, suite, fields) in BOUND {
        let Ok(original) = fs::read_to_string(folder.join(file)) else { continue };
        for (field, range) in fields.iter().flat_map(|field| values_of(&original, field)) {
            for at in range.clone().step_by((range.len() / FLIPS).max(7)) {
                let mut changed = original.clone().into_bytes();
                changed[at] ^= 1;
                let copy = folder::with(&[(file, &changed)]);
                let outcome = run("dht", copy.path(), Some(suite)).unwrap();
                assert!(!outcome.is_success(), "{file}: {field} at {at}");
            }
        }
    }
}

/// Returns where the texts of `field` lie, their quotes left out.
fn values_of<'a>(json: &str, field: &'a str) -> Vec<(&'a str, core::ops::Range<usize>)> {
    let marks = [format!("\"{field}\":\""), format!("\"{field}\": \""), format!("\"{field}\":[\"")];
    let starts =
        marks.iter().flat_map(|mark| json.match_indices(mark).map(|(at, _)| at + mark.len()));
    let range = |start: usize| Some(start..start + json[start..].find('"')?);
    starts.filter_map(range).map(|range| (field, range)).collect()
}
