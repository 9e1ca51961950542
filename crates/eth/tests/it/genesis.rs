//! First blocks everybody knows.

use alloy_primitives::b256;
use quintet_eth::{genesis, state::root::of_new_state, trie::EMPTY_ROOT};

#[test]
fn a_state_without_accounts_has_the_root_of_an_empty_trie_not_the_hash_of_nothing() {
    assert_eq!(of_new_state(&Default::default()), EMPTY_ROOT);
    let expected = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    assert_eq!(EMPTY_ROOT, expected);
}

#[test]
fn each_fork_of_a_first_block_adds_its_fields() {
    let base = r#"{"config":{"chainId":1,"londonBlock":0FORKS},"difficulty":"0x0","gasLimit":"0x1","alloc":{}}"#;
    let header = |forks: &str| {
        let genesis = genesis::read(base.replace("FORKS", forks).as_bytes()).unwrap();
        genesis::block(&genesis).unwrap().0
    };
    let london = header("");
    assert_eq!((london.base_fee_per_gas, london.withdrawals_root), (Some(1_000_000_000), None));
    let shanghai = header(r#","shanghaiTime":0"#);
    assert_eq!((shanghai.withdrawals_root, shanghai.blob_gas_used), (Some(EMPTY_ROOT), None));
    let cancun = header(r#","shanghaiTime":0,"cancunTime":0"#);
    assert_eq!((cancun.excess_blob_gas, cancun.requests_hash), (Some(0), None));
    let prague = header(r#","shanghaiTime":0,"cancunTime":0,"pragueTime":0"#);
    assert!(prague.requests_hash.is_some());
    let later = header(r#","shanghaiTime":0,"cancunTime":1"#);
    assert_eq!(later.parent_beacon_block_root, None);
}

#[test]
fn a_file_that_is_no_genesis_is_refused_with_the_place() {
    let error = genesis::read(br#"{"config":7}"#).unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
}
