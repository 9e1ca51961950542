//! The layout byte by byte, and what is refused.

use quintet_primitives::hex;

use super::*;
use crate::{
    codec::{DecodeErrorKind, EncodeError},
    key::Key,
    message::*,
};

fn header(version_flags: u8, op: u8, kind: u8, parts: u8) -> Vec<u8> {
    let mut packet = vec![MAGIC, version_flags, op << 3 | kind, parts];
    packet.extend([0, 0, 0, 42, 0, 0, 0, 7]);
    packet.extend([0x11; 20]);
    packet
}

fn refused(packet: &[u8]) -> DecodeErrorKind {
    decode(packet).expect_err(&hex::encode(packet)).kind
}

fn ping() -> Message {
    let query = Query { sender: Key::new([0x11; 20]), want: Want::Unsaid, request: Request::Ping };
    Message {
        tid: TransactionId::from(42),
        network: NetworkId(7),
        version: None,
        read_only: false,
        observed: None,
        body: Body::Query(query),
    }
}

#[test]
fn a_ping_is_the_header_alone() {
    let mut packet = Vec::new();
    encode(&ping(), &mut packet).unwrap();
    assert_eq!(packet, header(0x10, op::PING, 0, 0));
    assert_eq!(decode(&packet), Ok(ping()));
}

#[test]
fn flags_say_read_only_and_wanted_families() {
    let read = decode(&header(0x10 | flag::READ_ONLY | flag::WANT_V6, op::PING, 0, 0)).unwrap();
    let Body::Query(query) = read.body else { panic!("a query was sent") };
    assert_eq!((read.read_only, query.want), (true, Want::V6));
    let signed = header(0x10 | flag::SIGNED, op::PING, 0, 0);
    assert!(matches!(refused(&signed), DecodeErrorKind::Unexpected { .. }));
    let answer = header(0x10 | flag::READ_ONLY, op::RESPONSE, 0, 0);
    assert!(matches!(refused(&answer), DecodeErrorKind::Unexpected { .. }));
}

#[test]
fn unknown_parts_are_skipped_when_optional_and_refused_when_not() {
    let with = |tag: u8| [&header(0x10, op::PING, 0, 1)[..], &[tag, 0, 2, 9, 9]].concat();
    assert_eq!(decode(&with(TAG_OPTIONAL)), Ok(ping()));
    assert_eq!(decode(&with(255)), Ok(ping()));
    assert_eq!(refused(&with(TAG_OPTIONAL - 1)), DecodeErrorKind::UnknownPart { tag: 127 });
    assert_eq!(refused(&with(2)), DecodeErrorKind::UnknownPart { tag: 2 });
    // A salt is known and has no business in a ping.
    assert_eq!(refused(&with(5)), DecodeErrorKind::Unexpected { field: "salt".into() });
}

#[test]
fn parts_ascend_and_are_as_many_as_the_header_says() {
    let version = [3, 0, 4, b'Q', b'T', 0, 1];
    let one = [&header(0x10, op::PING, 0, 1)[..], &version].concat();
    assert_eq!(decode(&one).unwrap().version, Some(*b"QT\0\x01"));
    let twice = [&header(0x10, op::PING, 0, 2)[..], &version, &version].concat();
    assert!(matches!(refused(&twice), DecodeErrorKind::Malformed { field: "parts", .. }));
    let uncounted = [&header(0x10, op::PING, 0, 0)[..], &version].concat();
    assert_eq!(refused(&uncounted), DecodeErrorKind::Trailing { actual: 7 });
    let missing = header(0x10, op::PING, 0, 1);
    assert_eq!(refused(&missing), DecodeErrorKind::Truncated { expected: 35, actual: 32 });
}

#[test]
fn padding_of_zeros_is_ignored_and_other_padding_refused() {
    let with = |byte: u8| [&header(0x10, op::PING, 0, 1)[..], &[0, 0, 2, 0, byte]].concat();
    assert_eq!(decode(&with(0)), Ok(ping()));
    assert!(matches!(refused(&with(1)), DecodeErrorKind::Malformed { field: "padding", .. }));
}

#[test]
fn a_refused_query_can_be_answered_with_its_id_and_network() {
    let unknown = decode(&header(0x10, 6, 0, 0)).unwrap_err();
    assert_eq!(unknown.kind, DecodeErrorKind::UnknownOp { op: 6 });
    assert_eq!(unknown.reply_code(), Some(code::METHOD_UNKNOWN));
    let (codec, reply) = unknown.reply().unwrap();
    assert_eq!((reply.tid.as_u32(), reply.network), (Some(42), NetworkId(7)));
    let mut packet = Vec::new();
    crate::codec::encode(codec, &reply, &mut packet).unwrap();
    assert_eq!(decode(&packet), Ok(reply));
    let answer = decode(&header(0x10, op::RESPONSE, 7, 0)).unwrap_err();
    assert_eq!(answer.reply(), None);
}

#[test]
fn another_version_or_length_is_refused() {
    let newer = header(0x20, op::PING, 0, 0);
    assert_eq!(refused(&newer), DecodeErrorKind::Version { expected: 1, actual: 2 });
    let long = [header(0x10, op::PING, 0, 0), vec![0; PACKET_MAX]].concat();
    assert_eq!(refused(&long), DecodeErrorKind::TooLong { limit: 1_200, actual: 1_232 });
}

#[test]
fn kinds_that_an_operation_does_not_have_are_refused() {
    for (op, kind) in [(op::PING, 1), (op::FIND_VALUE, 2), (op::STORE, 4), (op::RESPONSE, 5)] {
        let packet = [header(0x10, op, kind, 0), vec![0; 20 + 104]].concat();
        assert!(
            matches!(
                refused(&packet),
                DecodeErrorKind::Malformed { field: "kind", .. } | DecodeErrorKind::Trailing { .. }
            ),
            "{op} {kind}"
        );
    }
}

#[test]
fn foreign_transaction_ids_and_unknown_methods_have_no_native_form() {
    let foreign = Message { tid: TransactionId::from_slice(b"ab").unwrap(), ..ping() };
    let request = Request::Unknown { method: "vote".into(), target: None };
    let query = Query { sender: Key::default(), want: Want::Unsaid, request };
    let unknown = Message { body: Body::Query(query), ..ping() };
    for message in [foreign, unknown] {
        let refused = encode(&message, &mut Vec::new());
        assert!(matches!(refused, Err(EncodeError::NotExpressible { .. })));
    }
}
