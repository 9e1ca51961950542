//! Bytes and JSON of records against what the reference's serializer makes of them, and hostile bytes.

use proptest::prelude::*;
use quintet_kaspa_protocol::tx::ScriptPublicKey;
use quintet_primitives::Hash256;
use serde_json::json;

use super::*;
use crate::rpc::model::{
    GetInfoRequest, GetVirtualChainFromBlockRequest, RpcOutpoint, RpcUtxoEntry, Scope,
    SubmitTransactionRequest, UtxosChanged,
};

#[test]
fn a_payload_is_counted_and_begins_with_its_version() {
    let mut bytes = Vec::new();
    put_payload(&GetInfoRequest {}, &mut bytes);
    assert_eq!(bytes, [2, 0, 0, 0, 1, 0]);
    let outpoint = RpcOutpoint { transaction_id: Hash256::new([7; 32]), index: 3 };
    let mut bytes = Vec::new();
    put_payload(&vec![outpoint.clone()], &mut bytes);
    let mut expected = vec![4 + 4 + 37, 0, 0, 0, 1, 0, 0, 0, 37, 0, 0, 0, 1];
    expected.extend_from_slice(&[7; 32]);
    expected.extend_from_slice(&[3, 0, 0, 0]);
    assert_eq!(bytes, expected);
    assert_eq!(take_payload::<Vec<RpcOutpoint>>(&mut &bytes[..]).unwrap(), vec![outpoint]);
}

#[test]
fn an_older_writer_is_understood_and_a_newer_one_too() {
    let entry = RpcUtxoEntry {
        amount: 5,
        script_public_key: ScriptPublicKey::new(0, &[0x51]),
        block_daa_score: 9,
        is_coinbase: true,
        covenant_id: None,
    };
    let mut bytes = Vec::new();
    entry.put_versioned(&mut bytes);
    let mut old = bytes.clone();
    old[0] = 1;
    old.pop();
    assert_eq!(RpcUtxoEntry::take_versioned(&mut &old[..]).unwrap(), entry);
    let mut new = Vec::new();
    put_payload(&GetInfoRequest {}, &mut new);
    new.splice(0..4, [6, 0, 0, 0]);
    new.extend_from_slice(&[1, 2, 3, 4]);
    assert!(take_payload::<GetInfoRequest>(&mut &new[..]).is_ok());
}

#[test]
fn json_has_camel_case_names_and_absent_fields_are_null() {
    let asked = json!({ "startHash": "00".repeat(32), "includeAcceptedTransactionIds": true });
    let request = GetVirtualChainFromBlockRequest::of_json(&asked).unwrap();
    assert_eq!(request.min_confirmation_count, None);
    assert!(request.to_json().get("minConfirmationCount").unwrap().is_null());
    let refused = GetVirtualChainFromBlockRequest::of_json(&json!({})).unwrap_err();
    assert!(refused.to_string().contains("startHash"), "{refused}");
    let scope = Scope::of_json(&json!({ "UtxosChanged": { "addresses": [] } })).unwrap();
    assert_eq!(scope, Scope::Utxos { addresses: vec![] });
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = take_payload::<SubmitTransactionRequest>(&mut &bytes[..]);
        let _ = take_payload::<UtxosChanged>(&mut &bytes[..]);
        let _ = Scope::take_versioned(&mut &bytes[..]);
    }
}
