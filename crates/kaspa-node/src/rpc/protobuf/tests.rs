//! Bytes that protobufjs made of the reference's definitions, and hostile ones.

use std::collections::BTreeSet;

use proptest::prelude::*;
use quintet_kaspa_protocol::{tx::ScriptPublicKey, wire::Fields};
use quintet_primitives::{Hash256, hex};
use serde_json::Value as Json;

use super::{
    super::{
        model::{
            BlockAdded, EstimateNetworkHashesPerSecondRequest, FinalityConflict, GetBlockRequest,
            GetBlocksRequest, GetDaaScoreTimestampEstimateRequest, GetVirtualChainFromBlockRequest,
            NewBlockTemplate, PeerInfo, PruningPointUtxoSetOverride, RpcRawHeader, RpcTransaction,
            Scope, SinkBlueScoreChanged, SubmitBlockRequest, SubmitBlockResponse, SubmitReport,
            UtxosChanged, VirtualChainChanged, VirtualDaaScoreChanged,
        },
        table,
        wire::Wire,
    },
    frame::{Request, error_answer},
    *,
};

/// A line of the vectors: see `testing/interop/peers/kaspa/grpc_vectors.mjs`.
struct Vector {
    what: &'static str,
    number: u32,
    bytes: Vec<u8>,
    json: Json,
}

fn vectors() -> Vec<Vector> {
    let read = |line: &'static str| {
        let mut parts = line.splitn(4, ' ');
        let mut part = || parts.next().unwrap();
        let (what, number, digits, json) = (part(), part(), part(), part());
        let bytes = if digits == "-" { Vec::new() } else { hex::decode(digits).unwrap() };
        let json = serde_json::from_str(json).unwrap();
        Vector { what, number: number.parse().unwrap(), bytes, json }
    };
    include_str!("vectors.txt").lines().map(read).collect()
}

fn bytes_of(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.put_fields(&mut bytes);
    bytes
}

/// Reads a record and returns it as JSON and as protobuf.
pub(in super::super) fn reread<T: Message + Wire>(
    bytes: &[u8],
) -> Result<(Json, Vec<u8>), WireError> {
    let read = T::of_bytes(bytes)?;
    Ok((read.to_json(), bytes_of(&read)))
}

fn reread_told(number: u32, bytes: &[u8]) -> Result<(Json, Vec<u8>), WireError> {
    match number {
        1009 => reread::<BlockAdded>(bytes),
        1024 => reread::<VirtualChainChanged>(bytes),
        1051 => reread::<UtxosChanged>(bytes),
        1058 => reread::<SinkBlueScoreChanged>(bytes),
        1069 => reread::<PruningPointUtxoSetOverride>(bytes),
        1076 => reread::<VirtualDaaScoreChanged>(bytes),
        1083 => reread::<NewBlockTemplate>(bytes),
        other => panic!("no notification has number {other}"),
    }
}

fn reread_vector(vector: &Vector, bytes: &[u8]) -> Result<(Json, Vec<u8>), WireError> {
    match vector.what {
        "request" => (table::by_field(vector.number).unwrap().reread)(false, bytes),
        "answer" => (table::by_field(vector.number - 1).unwrap().reread)(true, bytes),
        "told" => reread_told(vector.number, bytes),
        other => panic!("what is {other}?"),
    }
}

#[test]
fn every_method_and_notification_has_the_bytes_of_the_references_definitions() {
    let vectors = vectors();
    for vector in &vectors {
        let name = format!("{} {}", vector.what, vector.number);
        let (json, bytes) =
            reread_vector(vector, &vector.bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(json, vector.json, "{name}");
        assert_eq!(hex::encode(&bytes), hex::encode(&vector.bytes), "{name}");
    }
    let seen: BTreeSet<_> = vectors.iter().map(|vector| (vector.what, vector.number)).collect();
    for method in table::methods() {
        assert!(seen.contains(&("request", method.grpc)), "{}", method.name);
        // Headers are told by their hashes alone: no JSON says the same.
        let is_one_way = method.name == "getHeaders";
        assert!(is_one_way || seen.contains(&("answer", method.grpc + 1)), "{}", method.name);
    }
    assert_eq!(seen.iter().filter(|(what, _)| *what == "told").count(), 7);
    let conflict = FinalityConflict { violating_block_hash: Hash256::new([7; 32]) };
    assert_eq!(
        bytes_of(&conflict)[..4],
        [0x0a, 64, b'0', b'7'],
        "the eighth notification is no vector: it is not among those told"
    );
}

#[test]
fn vectors_cut_short_at_every_byte_are_refused_or_read_and_never_panic() {
    for vector in vectors() {
        for end in 0..vector.bytes.len() {
            let cut = &vector.bytes[..end];
            let _ = reread_vector(&vector, cut);
        }
    }
}

#[test]
fn what_an_old_client_sends_is_read() {
    // Bytes of the npm package kaspa-rpc-client 1.1.8, whose definitions are those of the Go node.
    let old = hex::decode(&format!("8a40440a40{}1801", "3037".repeat(32))).unwrap();
    let asked = Request::read(&old).unwrap();
    assert_eq!((asked.id, asked.method), (0, 1025));
    let block = GetBlockRequest::of_bytes(asked.record).unwrap();
    assert_eq!(block, GetBlockRequest { hash: Hash256::new([7; 32]), include_transactions: true });
    let info = hex::decode("ba4200").unwrap();
    assert_eq!(Request::read(&info).unwrap(), Request { id: 0, method: 1063, record: &[] });
    let added = hex::decode("fa3e00").unwrap();
    let scopes = Request::read(&added).unwrap().scopes().unwrap().unwrap();
    assert_eq!(scopes, (vec![Scope::Event(0)], true));
    let stop = hex::decode("ca4200").unwrap();
    let scopes = Request::read(&stop).unwrap().scopes().unwrap().unwrap();
    assert_eq!(scopes, (vec![Scope::Utxos { addresses: vec![] }], false));
}

/// A request of notifications, with its command.
fn notify(method: u32, record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(method, record, &mut bytes);
    bytes
}

#[test]
fn a_command_begins_or_ends_notifications_and_a_third_one_is_an_error() {
    let scopes =
        |method, record: &[u8]| Request::read(&notify(method, record)).unwrap().scopes().unwrap();
    let command = |value: u8| [0xa8, 0x06, value];
    assert_eq!(scopes(1056, &command(0)).unwrap(), (vec![Scope::Event(5)], true));
    assert_eq!(scopes(1056, &command(1)).unwrap(), (vec![Scope::Event(5)], false));
    let both = vec![Scope::Event(2), Scope::Event(3)];
    assert_eq!(scopes(1039, &command(1)).unwrap(), (both, false));
    let chain = Scope::VirtualChain { with_ids: true };
    assert_eq!(scopes(1022, &[8, 1]).unwrap(), (vec![chain], true));
    assert_eq!(scopes(1070, &[]).unwrap(), (vec![Scope::Event(7)], false));
    assert!(scopes(1081, &command(2)).unwrap_err().to_string().contains("command"));
    assert!(Request::read(&notify(1063, &[])).unwrap().scopes().is_none());
}

#[test]
fn a_request_without_a_method_is_none_and_unknown_fields_are_passed_over() {
    assert!(Request::read(&[]).is_err());
    // An id alone.
    assert!(Request::read(&[0xa8, 0x06, 7]).is_err());
    let mut bytes = vec![0xa8, 0x06, 7, 0x0a, 1, b'x'];
    bytes.extend_from_slice(&notify(1063, &[]));
    assert_eq!(Request::read(&bytes).unwrap(), Request { id: 7, method: 1063, record: &[] });
    let many = [8, 1].repeat(100);
    assert!(Request::read(&many).is_err());
}

#[test]
fn an_error_answer_has_the_id_the_number_and_the_words() {
    let asked = Request { id: 300, method: 1012, record: &[] };
    let bytes = error_answer(&asked, "why");
    // 101: 300, 1013 { 1000 { 1: "why" } }.
    let expected = "a806ac02aa3f08c23e050a03776879";
    assert_eq!(hex::encode(&bytes), expected);
}

#[test]
fn a_refused_block_is_told_by_a_choice_and_by_words() {
    let refused = SubmitBlockResponse { report: SubmitReport::BlockInvalid };
    let bytes = bytes_of(&refused);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("Block was not submitted: block is invalid"), "{text}");
    assert_eq!(bytes[..2], [8, 1]);
    for report in [
        SubmitReport::Success,
        SubmitReport::BlockInvalid,
        SubmitReport::IsInIbd,
        SubmitReport::RouteIsFull,
    ] {
        let response = SubmitBlockResponse { report };
        assert_eq!(SubmitBlockResponse::of_bytes(&bytes_of(&response)).unwrap(), response);
    }
}

#[test]
fn what_is_not_there_is_a_default_or_an_error_that_names_it() {
    let blocks = GetBlocksRequest::of_bytes(&[]).unwrap();
    assert_eq!(blocks.low_hash, None);
    // An empty text is nothing, too.
    assert_eq!(GetBlocksRequest::of_bytes(&[0x0a, 0]).unwrap().low_hash, None);
    let error = GetBlockRequest::of_bytes(&[]).unwrap_err().to_string();
    assert!(error.contains("hash: a hash of 64"), "{error}");
    let error = GetBlockRequest::of_bytes(&[0x0a, 2, b'z', b'z']).unwrap_err().to_string();
    assert!(error.contains("zz"), "{error}");
    let error = SubmitBlockRequest::of_bytes(&[]).unwrap_err().to_string();
    assert!(error.contains("block: a RpcRawBlock"), "{error}");
    let confirmations = |bytes: &[u8]| {
        let mut record = vec![0x0a, 64];
        record.extend_from_slice("07".repeat(32).as_bytes());
        record.extend_from_slice(bytes);
        GetVirtualChainFromBlockRequest::of_bytes(&record).unwrap().min_confirmation_count
    };
    assert_eq!((confirmations(&[]), confirmations(&[0x18, 0])), (None, Some(0)));
}

#[test]
fn numbers_come_packed_and_one_by_one() {
    let packed = GetDaaScoreTimestampEstimateRequest::of_bytes(&[0x0a, 3, 1, 0x80, 1]).unwrap();
    let single = GetDaaScoreTimestampEstimateRequest::of_bytes(&[8, 1, 8, 0x80, 1]).unwrap();
    assert_eq!(packed.daa_scores, [1, 128]);
    assert_eq!(single, packed);
}

#[test]
fn a_number_out_of_its_types_range_is_refused() {
    let big = [8, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert!(EstimateNetworkHashesPerSecondRequest::of_bytes(&big).is_err());
    let mut room = Room::of(10);
    assert!(ScriptPublicKey::of_fields(&[8, 0x80, 0x80, 4], &mut room).is_err());
    let negative = PeerInfo::of_bytes(&hex::decode("38ffffffffffffffffff01").unwrap());
    // The offset is read; what is missing is another field.
    assert!(negative.unwrap_err().to_string().starts_with("expected id"), "an id is missing");
}

#[test]
fn a_message_of_empty_items_does_not_fill_the_memory() {
    // Two bytes each: outputs without anything are refused for what they lack, levels without parents for their number.
    let levels = [0x62, 0].repeat(1 << 20);
    let mut room = Room::of(levels.len());
    let error = RpcRawHeader::of_fields(&levels, &mut room).unwrap_err();
    assert!(error.to_string().contains("too many items"), "{error}");
    let entries = [0x1a, 4, 0x12, 0, 0x12, 0].repeat(1 << 18);
    assert!(RpcTransaction::of_bytes(&entries).is_err());
}

#[test]
fn a_message_of_real_items_has_room() {
    for vector in vectors() {
        let read = reread_vector(&vector, &vector.bytes);
        assert!(read.is_ok(), "{} {}", vector.what, vector.number);
    }
    // As many levels as there are, with one parent each.
    let mut level = vec![0x0a, 64];
    level.extend_from_slice("07".repeat(32).as_bytes());
    let mut bytes = Vec::new();
    (0..255).for_each(|_| put_bytes(12, &level, &mut bytes));
    let mut room = Room::of(bytes.len());
    let error = RpcRawHeader::of_fields(&bytes, &mut room).unwrap_err();
    assert!(!error.to_string().contains("too many"), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(asked) = Request::read(&bytes) {
            let _ = asked.scopes();
        }
        for method in table::methods() {
            let reread = table::by_field(method.grpc).unwrap().reread;
            for is_answer in [false, true] {
                // What can be read reads the same again.
                if let Ok((json, again)) = reread(is_answer, &bytes) {
                    prop_assert_eq!(reread(is_answer, &again).unwrap().0, json);
                }
            }
        }
    }

    #[test]
    fn numbers_of_all_lengths_are_read_back(value in any::<u64>()) {
        let mut bytes = Vec::new();
        put_varint(value, &mut bytes);
        prop_assert_eq!(Fields::new(&bytes).varint().unwrap(), value);
    }
}
