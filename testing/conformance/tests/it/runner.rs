//! What the runner makes of good, bad, empty, strange and compressed files.

use std::path::{Path, PathBuf};

use conformance::{
    Outcome, RunError, print,
    run::{run, suites_of},
};
use quintet_crypto::digest::sha256;

use crate::folder::{self, DISTANCE};

fn outcome(files: &[(&str, &[u8])]) -> Outcome {
    let folder = folder::with(files);
    run("dht", folder.path(), None).unwrap()
}

fn text(outcome: &Outcome) -> String {
    let mut out = Vec::new();
    print::text(outcome, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_folder_of_right_vectors_succeeds() {
    let outcome = outcome(&[("distance.json", DISTANCE.as_bytes())]);
    assert!(outcome.is_success(), "{}", text(&outcome));
    assert_eq!(outcome.totals(), (1, 0, 0));
    assert_eq!(text(&outcome).lines().last(), Some("1 passed, 0 failed, 0 skipped"));
}

#[test]
fn a_wrong_case_fails_with_what_was_expected_and_what_came() {
    let wrong = DISTANCE.replace("152", "151");
    let outcome = outcome(&[("distance.json", wrong.as_bytes())]);
    assert!(!outcome.is_success());
    let text = text(&outcome);
    assert!(text.contains("failed: distance: distance.json[0]: leading_zero_bits"), "{text}");
    assert!(text.contains("expected 151") && text.contains("got      152"), "{text}");
}

#[test]
fn a_case_with_an_unknown_or_missing_field_fails() {
    for wrong in [DISTANCE.replace("\"b\"", "\"c\""), DISTANCE.replace("\"distance\": 8,", "")] {
        assert_eq!(outcome(&[("distance.json", wrong.as_bytes())]).totals(), (0, 1, 0));
    }
}

#[test]
fn a_file_without_a_case_fails() {
    let outcome = outcome(&[("distance.json", b"[]")]);
    assert!(!outcome.is_success());
    assert!(text(&outcome).contains("without a case: distance.json"));
}

#[test]
fn an_empty_or_broken_file_fails() {
    let files: [&[u8]; 3] = [b"", b"[{", b"7"];
    for content in files {
        let outcome = outcome(&[("distance.json", content)]);
        assert!(!outcome.is_success());
        assert!(text(&outcome).contains("unreadable: distance.json: expected"));
    }
    let outcome = outcome(&[("distance.json.gz", b"no gzip")]);
    assert!(!outcome.is_success());
}

#[test]
fn a_file_no_suite_claims_is_named_and_prose_is_not() {
    let outcome = outcome(&[
        ("distance.json", DISTANCE.as_bytes()),
        ("surprise.bin", b"?"),
        ("README.md", b"words"),
    ]);
    assert_eq!(outcome.unclaimed, [PathBuf::from("surprise.bin")]);
    assert!(text(&outcome).contains("claimed by no suite: surprise.bin"));
}

#[test]
fn more_files_of_a_sort_are_run_plain_or_compressed_in_any_folder() {
    let compressed = folder::gzip(DISTANCE.as_bytes());
    let outcome = outcome(&[
        ("distance.json", DISTANCE.as_bytes()),
        ("distance_2.json.gz", &compressed),
        ("more/distance_far.json", DISTANCE.as_bytes()),
    ]);
    assert!(outcome.is_success(), "{}", text(&outcome));
    assert_eq!(outcome.totals(), (3, 0, 0));
}

#[test]
fn a_list_of_checksums_in_the_folder_or_above_is_checked() {
    let digest = sha256(&[DISTANCE.as_bytes()]).to_string();
    let list = format!("{digest}  ./dht/distance.json\n{digest}  ./dht/missing.json\n");
    let changed = DISTANCE.replace("[{", "[ {");
    for (content, success) in [(DISTANCE, true), (changed.as_str(), false)] {
        let files = [("SHA256SUMS", list.as_bytes()), ("dht/distance.json", content.as_bytes())];
        let folder = folder::with(&files);
        let below = run("dht", &folder.path().join("dht"), None).unwrap();
        assert_eq!(below.is_success(), success, "{}", text(&below));
        let here = run("dht", folder.path(), None).unwrap();
        assert_eq!((here.is_success(), here.totals().2), (success, 1));
    }
}

#[test]
fn a_folder_without_checksums_says_so() {
    let outcome = outcome(&[("distance.json", DISTANCE.as_bytes())]);
    assert!(text(&outcome).lines().any(|line| line.starts_with("sums: no SHA256SUMS")));
}

#[test]
fn unknown_kinds_suites_and_folders_are_errors_that_name_the_known() {
    let folder = folder::with(&[("distance.json", DISTANCE.as_bytes())]);
    let unknown = run("litecoin", folder.path(), None).unwrap_err();
    let expected =
        "unknown kind `litecoin`: expected one of bitcoin, dht, ethereum, kaspa, lux, rollup";
    assert_eq!(unknown.to_string(), expected);
    let unknown = run("dht", folder.path(), Some("bep99")).unwrap_err().to_string();
    assert!(unknown.contains("bep44") && unknown.contains("sums"), "{unknown}");
    let missing = run("dht", Path::new("no/such/folder"), None);
    assert!(matches!(missing, Err(RunError::Folder(_))));
    let empty = folder::with(&[]);
    assert!(matches!(run("dht", empty.path(), None), Err(RunError::Empty { .. })));
}

#[test]
fn a_case_that_cannot_be_tried_is_counted_with_its_reason() {
    let digest = sha256(&[DISTANCE.as_bytes()]).to_string();
    let list = format!("{digest}  distance.json\n{digest}  missing.json\n");
    let outcome =
        outcome(&[("SHA256SUMS", list.as_bytes()), ("distance.json", DISTANCE.as_bytes())]);
    assert!(text(&outcome).contains("skipped: sums: 1: listed and not in the folder"));
    let json = print::json(&outcome);
    let suites = json["suites"].as_array().unwrap();
    let sums = suites.iter().find(|suite| suite["suite"] == "sums").unwrap();
    assert_eq!(sums["skipped_because"]["listed and not in the folder"], 1);
}

#[test]
fn no_two_suites_of_bitcoin_claim_one_file() {
    let suites = suites_of("bitcoin").unwrap();
    for name in [
        "bip/bip158_testnet19.json",
        "bip/bip173.json",
        "bip/bip324_ellswift_decode.csv",
        "bip/bip32_valid.json",
        "bip/bip341_wallet_vectors.json",
        "core/asmap.raw",
        "core/base58_encode_decode.json",
        "core/blockfilters.json",
        "core/key_io_valid.json",
        "core/rpc_bip67.json",
        "core/rpc_psbt.json",
        "core/util/txcreate1.hex",
        "core/util/txcreate2.json",
        "p2p/compact426884.raw",
        "p2p/merkle300025.raw",
        "wallet/bip39-wordlists/english.txt",
        "wallet/bip39.en.json",
        "wallet/bip69.json",
        "wallet/huge_witness.hex",
        "wallet/nbitcoin_psbt.json",
        "wallet/rust-bitcoin-psbt/psbt1.hex",
    ] {
        let claims = suites.iter().filter(|suite| suite.claims(Path::new(name))).count();
        assert_eq!(claims, 1, "{name}");
    }
}

#[test]
fn one_suite_can_be_run_alone() {
    let folder = folder::with(&[("distance.json", DISTANCE.as_bytes()), ("bep33_x.json", b"[]")]);
    let outcome = run("dht", folder.path(), Some("distance")).unwrap();
    assert!(outcome.is_success());
    assert_eq!(outcome.rows.len(), 1);
    assert!(outcome.unclaimed.is_empty());
}

#[test]
fn the_json_form_holds_what_the_text_says() {
    let json = print::json(&outcome(&[("distance.json", b"[{}]"), ("odd.txt", b"")]));
    assert_eq!(json["success"], false);
    assert_eq!(json["failed"], 1);
    assert_eq!(json["unclaimed"][0], "odd.txt");
    let suites = json["suites"].as_array().unwrap();
    let distance = suites.iter().find(|suite| suite["suite"] == "distance").unwrap();
    assert_eq!(distance["failures"][0]["case"], "distance.json[0]");
}

#[test]
fn no_two_suites_claim_one_file() {
    let suites = suites_of("dht").unwrap();
    for name in [
        "bencode_decode.json",
        "bep33_bloom.json",
        "bep42_node_ids.json",
        "bep44_items.json",
        "bep5_messages.json",
        "distance.json",
        "krpc_malformed_corpus.json",
        "krpc_messages.json",
    ] {
        let claims = suites.iter().filter(|suite| suite.claims(Path::new(name))).count();
        assert_eq!(claims, 1, "{name}");
    }
}
