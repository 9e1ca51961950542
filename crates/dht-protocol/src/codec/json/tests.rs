//! The fields as people write them, and what is refused.

use super::*;
use crate::{codec::DecodeErrorKind, key::Key, message::*};

const ID: &str = "1111111111111111111111111111111111111111";

fn refused(packet: &str) -> DecodeErrorKind {
    decode(packet.as_bytes()).expect_err(packet).kind
}

fn query(rest: &str) -> String {
    format!(r#"{{"type":"query","tid":"0000002a","sender":"{ID}",{rest}}}"#)
}

#[test]
fn a_query_reads_as_it_is_written() {
    let packet = query(&format!(r#""op":"FIND_NODE","target":"{ID}""#));
    let message = decode(packet.as_bytes()).unwrap();
    let Body::Query(query) = &message.body else { panic!("a query was sent") };
    assert_eq!(query.request, Request::FindNode { target: Key::new([0x11; 20]) });
    let mut out = Vec::new();
    encode(&message, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), packet);
}

#[test]
fn numbers_of_64_bits_are_strings_in_one_spelling() {
    let get = |seq: &str| {
        query(&format!(r#""op":"FIND_VALUE","kind":"item","key":"{ID}","newer_than":{seq}"#))
    };
    assert!(decode(get(r#""-9223372036854775808""#).as_bytes()).is_ok());
    for bad in [r#""01""#, r#""+1""#, r#""""#, r#""9223372036854775808""#] {
        assert!(matches!(refused(&get(bad)), DecodeErrorKind::Malformed { .. }), "{bad}");
    }
    assert!(matches!(refused(&get("1")), DecodeErrorKind::Json { .. }));
}

#[test]
fn unknown_repeated_and_misplaced_fields_are_refused() {
    let unknown = query(r#""op":"PING","colour":"red""#);
    assert!(refused(&unknown).to_string().contains("unknown field `colour`"));
    let repeated = query(r#""op":"PING","op":"PING""#);
    assert!(refused(&repeated).to_string().contains("duplicate field"));
    let misplaced = query(r#""op":"PING","salt":"00""#);
    assert_eq!(refused(&misplaced), DecodeErrorKind::Unexpected { field: "salt".into() });
    let observed = query(r#""op":"PING","observed":"192.0.2.1:1""#);
    assert_eq!(refused(&observed), DecodeErrorKind::Unexpected { field: "observed".into() });
}

#[test]
fn a_refused_query_can_be_answered() {
    let error = decode(query(r#""op":"FIND_NODE""#).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "expected a field target, got none");
    assert_eq!(error.reply_code(), Some(code::PROTOCOL));
    assert_eq!(error.reply().unwrap().1.tid.as_u32(), Some(42));
}

#[test]
fn deep_and_long_packets_are_refused_before_they_are_parsed() {
    let deep = query(&format!(r#""op":{}1{}"#, "[".repeat(4), "]".repeat(4)));
    assert!(refused(&deep).to_string().contains("open brackets"));
    let brackets_in_text = query(r#""op":"[[[[[[[[\"[[""#);
    assert!(decode(brackets_in_text.as_bytes()).is_ok());
    let long = query(&format!(r#""op":"{}""#, "x".repeat(PACKET_MAX)));
    assert!(matches!(refused(&long), DecodeErrorKind::TooLong { .. }));
}

#[test]
fn more_than_eight_contacts_or_a_wrong_family_are_refused() {
    let response = |field: &str, addr: &str, count: usize| {
        let contacts = vec![format!(r#"{{"id":"{ID}","addr":"{addr}"}}"#); count].join(",");
        format!(r#"{{"type":"response","tid":"01","sender":"{ID}","{field}":[{contacts}]}}"#)
    };
    assert!(decode(response("nodes", "192.0.2.1:1", 8).as_bytes()).is_ok());
    assert!(decode(response("nodes6", "[2001:db8::1]:1", 8).as_bytes()).is_ok());
    for bad in [
        response("nodes", "192.0.2.1:1", 9),
        response("nodes", "[2001:db8::1]:1", 1),
        response("nodes6", "192.0.2.1:1", 1),
        response("nodes", "192.0.2.1", 1),
        response("nodes6", "[2001:db8:0::1]:1", 1),
        response("nodes6", "[fe80::1%3]:1", 1),
    ] {
        assert!(matches!(refused(&bad), DecodeErrorKind::Malformed { .. }), "{bad}");
    }
}

#[test]
fn a_value_too_big_is_answered_205() {
    let store = query(&format!(
        r#""op":"STORE","kind":"raw","key":"{ID}","token":"00","value":"{}""#,
        "00".repeat(VALUE_MAX + 1)
    ));
    let error = decode(store.as_bytes()).unwrap_err();
    assert_eq!(error.reply_code(), Some(code::VALUE_TOO_BIG));
}
