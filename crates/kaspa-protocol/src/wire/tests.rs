//! Every message comes back as it was sent; what is none is refused for what is wrong with it.

use std::sync::Arc;

use prost::Message as _;
use quintet_primitives::Hash256;

use super::{Frame, Kind, Message, SentLane, Version, WireError, header_bytes, proto};
use crate::{
    block::Block,
    header::{Header, LevelParents, LevelParentsError},
    lanes::{Lane, LaneMetadata, LaneProof, ProofEnd},
    params::{Network, Params},
    proof::{TrustedGhostdag, TrustedGhostdagData, TrustedHeader},
    tx::{
        ComputeCommit, CovenantBinding, Outpoint, ScriptPublicKey, SubnetworkId, Transaction,
        TransactionInput, TransactionOutput, UtxoEntry,
    },
};

fn hash(byte: u8) -> Hash256 {
    Hash256::new([byte; 32])
}

fn header() -> Header {
    let parents = LevelParents::from_runs([
        (1, vec![hash(1), hash(2)]),
        (7, vec![hash(1)]),
        (250, vec![hash(9)]),
    ]);
    let genesis = Params::of(Network::Mainnet).genesis.block().header;
    Header {
        version: 2,
        parents: parents.unwrap(),
        timestamp: 1_700_000_000_123,
        nonce: u64::MAX,
        daa_score: 3,
        blue_work: "1234567890123456789012".parse().unwrap(),
        blue_score: 4,
        pruning_point: hash(8),
        ..genesis
    }
}

fn transaction(version: u16) -> Transaction {
    let compute_commit = match version {
        0 => ComputeCommit::SigOpCount(255),
        _ => ComputeCommit::ComputeBudget(65_535),
    };
    let covenant = CovenantBinding { authorizing_input: 3, covenant_id: hash(4) };
    let output = TransactionOutput::new(5, ScriptPublicKey::new(1, &[0x51; 60]));
    Transaction {
        version,
        inputs: vec![TransactionInput {
            previous_outpoint: Outpoint::new(hash(5), u32::MAX),
            signature_script: vec![1, 2, 3],
            sequence: u64::MAX,
            compute_commit,
        }],
        outputs: vec![output.clone(), TransactionOutput { covenant: Some(covenant), ..output }],
        lock_time: 7,
        subnetwork_id: SubnetworkId::new([6; 20]),
        gas: 8,
        payload: vec![9; 10],
        storage_mass: 11,
    }
}

fn block() -> Box<Block> {
    Box::new(Block { header: header(), transactions: vec![transaction(0), transaction(1)] })
}

fn ghostdag() -> TrustedGhostdag {
    TrustedGhostdag {
        blue_score: 1,
        blue_work: "77".parse().unwrap(),
        selected_parent: hash(1),
        blues: vec![hash(1), hash(2)],
        reds: vec![hash(3)],
        anticone_sizes: vec![(hash(2), 17)],
    }
}

fn trusted() -> TrustedHeader {
    TrustedHeader { header: Arc::new(header()), ghostdag: ghostdag() }
}

fn lane(end: ProofEnd) -> SentLane {
    let proof = LaneProof { empty: [0xf0; 32], siblings: vec![hash(1), hash(2)], end };
    let lane = Lane { tip: hash(3), blue_score: 4 };
    SentLane { key: hash(5), lane, proof: Some(proof) }
}

fn version() -> Version {
    Version {
        protocol_version: 11,
        network: "kaspa-devnet".to_owned(),
        services: 1,
        timestamp: 2,
        address: Some("[2001:db8::1]:16611".parse().unwrap()),
        id: [3; 16],
        user_agent: "/quintet:1/".to_owned(),
        disable_relay_tx: true,
        subnetwork_id: Some(SubnetworkId::new([1; 20])),
    }
}

/// One message of every kind.
#[expect(clippy::too_many_lines, reason = "it is a list, as long as there are kinds")]
fn messages() -> Vec<Message> {
    let two = vec![hash(1), hash(2)];
    let utxo = UtxoEntry {
        amount: 1,
        script_public_key: ScriptPublicKey::new(0, &[0x51]),
        block_daa_score: 2,
        is_coinbase: true,
        covenant_id: Some(hash(3)),
    };
    let lanes = vec![
        lane(ProofEnd::Full),
        lane(ProofEnd::Alone { depth: 3 }),
        lane(ProofEnd::Other { depth: 200, key: hash(6), leaf: hash(7) }),
        SentLane { proof: None, ..lane(ProofEnd::Full) },
    ];
    let hashed = TrustedGhostdagData { hash: hash(4), ghostdag: ghostdag() };
    let metadata = LaneMetadata {
        lanes_root: hash(1),
        payload_and_context: hash(2),
        parent_commitment: hash(3),
        active_lanes: 4,
    };
    let headers = vec![Arc::new(header())];
    vec![
        Message::Addresses(vec!["1.2.3.4:5".parse().unwrap(), "[::1]:65535".parse().unwrap()]),
        Message::Block(block()),
        Message::Transaction(Box::new(transaction(1))),
        Message::BlockLocator(two.clone()),
        Message::RequestAddresses,
        Message::RequestRelayBlocks(two.clone()),
        Message::RequestTransactions(two.clone()),
        Message::IbdBlock(block()),
        Message::InvRelayBlock(hash(1)),
        Message::InvTransactions(two.clone()),
        Message::Ping(1),
        Message::Pong(u64::MAX),
        Message::Verack,
        Message::Version(Box::new(version())),
        Message::TransactionNotFound(hash(1)),
        Message::Reject("so".to_owned()),
        Message::PruningPointUtxoSetChunk(vec![(Outpoint::new(hash(1), 2), utxo)]),
        Message::RequestIbdBlocks(two.clone()),
        Message::UnexpectedPruningPoint,
        Message::RequestNextPruningPointUtxoSetChunk,
        Message::DonePruningPointUtxoSetChunks,
        Message::DoneBlocksWithTrustedData,
        Message::RequestPruningPointAndItsAnticone,
        Message::BlockHeaders(headers.clone()),
        Message::RequestNextHeaders,
        Message::DoneHeaders,
        Message::RequestPruningPointUtxoSet(hash(1)),
        Message::RequestHeaders { low: hash(1), high: hash(2) },
        Message::RequestBlockLocator { high: hash(1), limit: 9 },
        Message::PruningPoints(headers.clone()),
        Message::RequestPruningPointProof,
        Message::PruningPointProof(vec![headers.clone(), vec![], headers.clone()]),
        Message::Ready,
        Message::BlockWithTrustedData(block()),
        Message::TrustedData { window: vec![trusted()], ghostdag: vec![hashed] },
        Message::RequestIbdChainBlockLocator { low: None, high: Some(hash(2)) },
        Message::IbdChainBlockLocator(two.clone()),
        Message::RequestAntipast { block: hash(1), context: hash(2) },
        Message::RequestNextPruningPointAndItsAnticoneBlocks,
        Message::BlockBody(vec![transaction(0), transaction(1)]),
        Message::RequestBlockBodies(two),
        Message::RequestPruningPointSmtState(hash(1)),
        Message::SmtMetadata(metadata),
        Message::SmtLaneChunk(lanes),
        Message::RequestNextPruningPointSmtChunk,
        Message::PruningPointProofChunk { level: 250, headers },
        Message::PruningPointProofChunksEnd,
        Message::TrustedDataChunk(vec![trusted()]),
        Message::TrustedDataChunksEnd,
    ]
}

#[test]
fn every_kind_of_message_comes_back_as_it_was_sent() {
    let kinds: Vec<Kind> = messages().iter().map(Message::kind).collect();
    assert_eq!(kinds, Kind::ALL, "one of each kind, in order");
    for message in messages() {
        let frame = Frame { request_id: 1, response_id: u32::MAX, message };
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    }
}

#[test]
fn a_message_lies_in_the_field_of_its_kind() {
    for message in messages() {
        let (kind, bytes) = (message.kind(), Frame::new(message).encode());
        let mut tag = u64::from(kind.field()) << 3 | 2;
        let mut expected = Vec::new();
        while tag >= 0x80 {
            expected.push(u8::try_from(tag & 0x7f).unwrap() | 0x80);
            tag >>= 7;
        }
        expected.push(u8::try_from(tag).unwrap());
        assert!(bytes.starts_with(&expected), "{kind}");
        assert_eq!(Kind::from_field(kind.field()), Some(kind));
    }
}

#[test]
fn a_message_cut_at_any_byte_is_refused_or_is_another_one() {
    for message in messages() {
        let frame = Frame::new(message);
        let bytes = frame.encode();
        for len in 0..bytes.len().min(4000) {
            // What is cut at the end of a field is a shorter message, or lacks a field.
            assert_ne!(Frame::decode(&bytes[..len]).as_ref(), Ok(&frame), "{len} bytes");
        }
    }
}

#[test]
fn a_bit_flipped_anywhere_never_panics() {
    for message in messages() {
        let bytes = Frame::new(message).encode();
        for at in 0..bytes.len().min(2000) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            if let Ok(frame) = Frame::decode(&bytes) {
                assert_eq!(Frame::decode(&frame.encode()), Ok(frame), "byte {at}");
            }
        }
    }
}

/// Wraps a payload whose bytes are these.
fn wrap(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let key = prost::encoding::WireType::LengthDelimited;
    prost::encoding::encode_key(kind.field(), key, &mut bytes);
    prost::encoding::encode_varint(payload.len() as u64, &mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}

#[test]
fn a_frame_has_one_payload_of_a_known_kind() {
    assert_eq!(Frame::decode(&[]), Err(WireError::NoPayload));
    // Field 36 went with protocol 5.
    assert_eq!(Frame::decode(&[0xa2, 0x02, 0x00]), Err(WireError::NoPayload));
    let two = [wrap(Kind::Verack, &[]), wrap(Kind::Ready, &[])].concat();
    let (first, second) = (Kind::Verack, Kind::Ready);
    assert_eq!(Frame::decode(&two), Err(WireError::TwoPayloads { first, second }));
    // Fields that nobody knows are passed over.
    let known = [wrap(Kind::Verack, &[]), vec![0xc8, 0x3e, 0x07]].concat();
    assert_eq!(Frame::decode(&known), Ok(Frame::new(Message::Verack)));
}

#[test]
fn length_and_number_of_fields_are_bounded_for_each_kind() {
    for &kind in Kind::ALL {
        let limits = kind.limits();
        if limits.bytes < 1 << 20 {
            let long = wrap(kind, &vec![0; limits.bytes + 1]);
            let (max, actual) = (limits.bytes, limits.bytes + 1);
            assert_eq!(Frame::decode(&long), Err(WireError::TooLong { kind, max, actual }));
        }
        if 2 * (limits.fields + 1) <= limits.bytes {
            let many = wrap(kind, &[0x0a, 0x00].repeat(limits.fields + 1));
            assert_eq!(
                Frame::decode(&many),
                Err(WireError::TooMany { kind, max: limits.fields }),
                "{kind}"
            );
        }
    }
}

/// Decodes a block whose header was changed before.
fn with_header(change: impl FnOnce(&mut proto::Header)) -> Result<Frame, WireError> {
    let mut frame = proto::KaspadMessage::decode(&Frame::new(Message::Block(block())).encode()[..]);
    let Some(proto::Payload::Block(block)) = &mut frame.as_mut().unwrap().payload else {
        unreachable!()
    };
    change(block.header.as_mut().unwrap());
    Frame::decode(&frame.unwrap().encode_to_vec())
}

#[test]
fn headers_are_refused_for_what_is_wrong_with_them() {
    assert!(with_header(|_| {}).is_ok());
    let absent = with_header(|header| header.pruning_point = None);
    assert_eq!(absent, Err(WireError::Absent { what: "the pruning point" }));
    let short =
        with_header(|header| header.utxo_commitment = Some(proto::Bytes { bytes: vec![1] }));
    assert!(matches!(short, Err(WireError::Length { actual: 1, .. })));
    let version = with_header(|header| header.version = 65_536);
    let what = "a header's version";
    assert_eq!(version, Err(WireError::TooLarge { what, max: 65_535, actual: 65_536 }));
    let time = with_header(|header| header.timestamp = -1);
    assert_eq!(time, Err(WireError::NegativeTime { actual: -1 }));
    let work = with_header(|header| header.blue_work = vec![1; 25]);
    assert!(matches!(work, Err(WireError::Length { actual: 25, .. })));
    let order = with_header(|header| header.parents.swap(0, 1));
    let run = LevelParentsError::RunsNotIncreasing { run: 1, previous: 7, actual: 1 };
    assert_eq!(order, Err(WireError::Parents(run)));
    let level = with_header(|header| header.parents[2].cumulative_level = 256);
    assert!(matches!(level, Err(WireError::TooLarge { actual: 256, .. })));
    let twice = with_header(|header| {
        header.parents[1] = {
            let hashes = header.parents[0].hashes.clone();
            proto::LevelParents { hashes, cumulative_level: 7 }
        }
    });
    assert_eq!(twice, Err(WireError::Parents(LevelParentsError::RunsNotMerged { run: 1 })));
}

#[test]
fn transactions_are_refused_for_what_is_wrong_with_them() {
    let with = |change: fn(&mut proto::Transaction)| {
        let bytes = Frame::new(Message::Transaction(Box::new(transaction(0)))).encode();
        let mut frame = proto::KaspadMessage::decode(&bytes[..]).unwrap();
        let Some(proto::Payload::Transaction(tx)) = &mut frame.payload else { unreachable!() };
        change(tx);
        Frame::decode(&frame.encode_to_vec())
    };
    assert!(with(|_| {}).is_ok());
    assert!(matches!(with(|tx| tx.version = 1 << 16), Err(WireError::TooLarge { .. })));
    // 256 signature operations do not fit into version 0, as a budget of version 1 they do.
    assert!(matches!(
        with(|tx| tx.inputs[0].compute_commit = 256),
        Err(WireError::TooLarge { .. })
    ));
    assert!(with(|tx| (tx.version, tx.inputs[0].compute_commit) = (1, 256)).is_ok());
    assert!(matches!(
        with(|tx| tx.inputs[0].previous_outpoint = None),
        Err(WireError::Absent { .. })
    ));
    assert!(matches!(with(|tx| tx.subnetwork_id = None), Err(WireError::Absent { .. })));
    assert!(matches!(
        with(|tx| tx.outputs[0].script_public_key = None),
        Err(WireError::Absent { .. })
    ));
    let long = with(|tx| tx.subnetwork_id = Some(proto::Bytes { bytes: vec![0; 21] }));
    assert!(matches!(long, Err(WireError::Length { actual: 21, .. })));
}

#[test]
fn addresses_and_agents_of_peers_are_bounded() {
    let with = |change: fn(&mut proto::Version)| {
        let bytes = Frame::new(Message::Version(Box::new(version()))).encode();
        let mut frame = proto::KaspadMessage::decode(&bytes[..]).unwrap();
        let Some(proto::Payload::Version(version)) = &mut frame.payload else { unreachable!() };
        change(version);
        Frame::decode(&frame.encode_to_vec())
    };
    let long = with(|version| version.user_agent = "ä".repeat(200)).unwrap();
    let Message::Version(read) = long.message else { unreachable!() };
    assert_eq!(read.user_agent, "ä".repeat(128), "cut between letters");
    assert!(matches!(with(|version| version.id = vec![1; 15]), Err(WireError::Length { .. })));
    let odd = with(|version| version.address.as_mut().unwrap().ip = vec![1; 5]);
    assert!(matches!(odd, Err(WireError::Length { actual: 5, .. })));
    let port = with(|version| version.address.as_mut().unwrap().port = 1 << 16);
    assert!(matches!(port, Err(WireError::TooLarge { .. })));
}

#[test]
fn the_length_of_a_header_is_not_underestimated() {
    let header = header();
    let frame = Frame::new(Message::BlockHeaders(vec![Arc::new(header.clone())]));
    assert!(header_bytes(&header) >= frame.encode().len());
}
