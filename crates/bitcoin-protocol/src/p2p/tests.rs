//! Messages survive the wire, strangers do not get through it, and the handshake is Bitcoin Core's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bitcoin::{BlockHash, hashes::Hash as _};
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{Block, block::header_hash, network::Params};

const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];

fn version(number: u32) -> VersionMessage {
    VersionMessage {
        version: number,
        services: Services::NETWORK | Services::WITNESS,
        time: 1_700_000_000,
        receiver: (Services::empty(), SocketAddr::from(([127, 0, 0, 1], 18444))),
        nonce: 7,
        user_agent: "/quintet:0.1.0/".to_owned(),
        height: 12,
        relay: true,
    }
}

fn peer(octet: u8) -> PeerAddress {
    let address = NetworkAddress::Ip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, octet)));
    PeerAddress { time: 5, services: Services::NETWORK, address, port: 8333 }
}

/// One of each message with something to say.
fn samples() -> Vec<Message> {
    let genesis = Block::decode(Params::regtest().genesis).unwrap();
    let hash = genesis.hash();
    let block = Inventory::block(InventoryKind::WitnessBlock, hash);
    let locator = Locator { hashes: vec![hash; 3], stop: BlockHash::all_zeros() };
    let whole = Bytes::copy_from_slice(genesis.transactions().get(0).unwrap().bytes());
    let transaction = crate::Transaction::decode(whole.clone()).unwrap();
    vec![
        Message::Version(version(PROTOCOL_VERSION)),
        Message::Verack,
        Message::WtxidRelay,
        Message::SendAddrV2,
        Message::Feature { id: "name".to_owned(), data: Bytes::from_static(&[1, 2]) },
        Message::SendHeaders,
        Message::SendCmpct { announce: 1, version: COMPACT_BLOCKS },
        Message::FeeFilter(1_000),
        Message::Ping(Some(9)),
        Message::Pong(Some(9)),
        Message::GetAddr,
        Message::Addr(vec![peer(1), peer(2)]),
        Message::AddrV2(vec![
            peer(1),
            PeerAddress { address: NetworkAddress::TorV3([3; 32]), ..peer(2) },
            PeerAddress { address: NetworkAddress::I2p([4; 32]), ..peer(2) },
            PeerAddress { address: NetworkAddress::Cjdns([0xfc; 16]), ..peer(2) },
            PeerAddress { address: NetworkAddress::Ip("2001:db8::1".parse().unwrap()), ..peer(2) },
        ]),
        Message::Inv(vec![block, Inventory { kind: InventoryKind::Wtx, hash: [1; 32] }]),
        Message::GetData(vec![block]),
        Message::NotFound(vec![Inventory { kind: InventoryKind::Unknown(99), hash: [2; 32] }]),
        Message::GetHeaders(locator.clone()),
        Message::GetBlocks(locator),
        Message::Headers(vec![*genesis.header(); 2]),
        Message::Block(genesis),
        Message::Tx(transaction),
        Message::MemPool,
        Message::GetBlockTxn { block: hash, places: vec![0, 1, 7, 300] },
        Message::BlockTxn { block: hash, transactions: vec![whole; 2] },
    ]
}

#[test]
fn every_message_comes_back_from_the_wire_as_it_was_sent() {
    for message in samples() {
        let payload = Bytes::from(message.payload());
        let read = Message::decode(message.command(), &payload).unwrap();
        assert_eq!(format!("{read:?}"), format!("{message:?}"));
    }
}

#[test]
fn a_payload_cut_short_at_any_byte_is_refused_or_says_less() {
    for message in samples() {
        let payload = Bytes::from(message.payload());
        for cut in 0..payload.len() {
            let read = Message::decode(message.command(), &payload.slice(..cut));
            let shorter = |read: &Message| format!("{read:?}") != format!("{message:?}");
            // `version` and `ping` may end early, as they did in old versions, and `relay` is true unless said.
            let excused = matches!(message, Message::Version(_)) && cut == payload.len() - 1;
            assert!(read.as_ref().map_or(true, shorter) || excused, "{message:?} cut at {cut}");
        }
    }
}

#[test]
fn bytes_after_a_message_are_passed_over() {
    for message in samples() {
        if matches!(message, Message::Feature { .. } | Message::Version(_)) {
            continue;
        }
        let mut payload = message.payload();
        payload.push(0);
        let read = Message::decode(message.command(), &payload.into());
        assert!(read.is_ok(), "{message:?}: {read:?}");
    }
}

#[test]
fn a_list_longer_than_its_limit_is_misbehaviour_and_reserves_nothing() {
    for (name, limit) in
        [("inv", 50_000_u32), ("getdata", 50_000), ("headers", 2_000), ("addr", 1_000)]
    {
        let mut payload = vec![0xfe];
        payload.extend_from_slice(&(limit + 1).to_le_bytes());
        let payload = if limit < 0x1_0000 {
            let mut short = vec![0xfd];
            short.extend_from_slice(&(limit + 1).to_le_bytes()[..2]);
            short
        } else {
            payload
        };
        let error = Message::decode(Command::new(name), &payload.into()).unwrap_err();
        assert!(error.is_misbehaviour(), "{name}: {error}");
    }
}

#[test]
fn an_address_of_an_unknown_network_is_passed_over_and_one_of_the_wrong_length_refused() {
    let entry = |network: u8, len: u8| {
        let mut payload = vec![1, 0, 0, 0, 0, 1, network, len];
        payload.extend(std::iter::repeat_n(1, usize::from(len) + 2));
        Message::decode(Command::new("addrv2"), &payload.into())
    };
    assert!(matches!(entry(99, 7), Ok(Message::AddrV2(list)) if list.is_empty()));
    assert!(matches!(entry(3, 10), Ok(Message::AddrV2(list)) if list.is_empty()), "second onions");
    assert!(matches!(entry(1, 5), Err(MessageError::AddressLength { network: 1, .. })));
    assert!(matches!(entry(6, 16), Ok(Message::AddrV2(list)) if list.is_empty()), "not fc00::/8");
}

fn frames(framer: &mut Framer) -> Vec<Frame> {
    std::iter::from_fn(|| framer.next_frame().unwrap()).collect()
}

#[test]
fn a_stream_is_cut_into_its_messages_whatever_the_pieces_it_comes_in() {
    let stream: Vec<u8> = samples().iter().flat_map(|message| message.to_frame(MAGIC)).collect();
    for piece in [1, 7, 24, 1_000] {
        let mut framer = Framer::new(MAGIC);
        let mut names = Vec::new();
        for bytes in stream.chunks(piece) {
            framer.push(bytes);
            for frame in frames(&mut framer) {
                let Frame::Whole { command, .. } = frame else { panic!("spoilt") };
                names.push(command);
            }
        }
        let expected: Vec<_> = samples().iter().map(Message::command).collect();
        assert_eq!(names, expected);
    }
}

#[test]
fn a_wrong_checksum_or_name_costs_the_message_and_no_more() {
    let ping = Message::Ping(Some(1)).to_frame(MAGIC);
    for at in [5, 20, 25] {
        let mut spoilt = ping.clone();
        spoilt[at] ^= 0x80;
        let mut framer = Framer::new(MAGIC);
        framer.push(&spoilt);
        framer.push(&ping);
        let got = frames(&mut framer);
        assert!(matches!(got[0], Frame::Spoilt { bytes: 32 }), "byte {at}");
        assert!(matches!(got[1], Frame::Whole { .. }));
    }
}

#[test]
fn another_network_and_a_message_beyond_the_limit_end_the_stream() {
    let mut framer = Framer::new(MAGIC);
    framer.push(&[1, 2, 3, 4]);
    assert!(matches!(framer.next_frame(), Err(FrameError::Magic { .. })));
    let mut framer = Framer::new(MAGIC);
    let mut header = Message::Verack.to_frame(MAGIC);
    header[16..20].copy_from_slice(&4_000_001_u32.to_le_bytes());
    framer.push(&header[..20]);
    assert_eq!(framer.next_frame(), Err(FrameError::TooLarge { actual: 4_000_001 }));
}

#[test]
fn a_claimed_length_reserves_no_more_than_a_step() {
    let mut framer = Framer::new(MAGIC);
    let mut header = Message::Verack.to_frame(MAGIC);
    header[16..20].copy_from_slice(&4_000_000_u32.to_le_bytes());
    framer.push(&header);
    assert_eq!(framer.next_frame(), Ok(None));
    assert!(framer.buffer().capacity() <= 2 * frame::GROW_BYTES);
}

/// Sends everything to and fro until nobody has anything to say.
fn shake(a: &mut Handshake, b: &mut Handshake, first: Message) -> Result<(), Refusal> {
    let (mut to_b, mut to_a) = (vec![first], Vec::new());
    while !(to_a.is_empty() && to_b.is_empty()) {
        for message in std::mem::take(&mut to_b) {
            b.receive(message, |_| false, &mut to_a)?;
        }
        for message in std::mem::take(&mut to_a) {
            a.receive(message, |_| false, &mut to_b)?;
        }
    }
    Ok(())
}

#[test]
fn two_nodes_agree_on_what_both_understand() {
    for (theirs, modern) in [(PROTOCOL_VERSION, true), (70_015, false)] {
        let (mut a, first) = Handshake::outbound(version(PROTOCOL_VERSION), Services::NETWORK);
        let mut b = Handshake::inbound(version(theirs));
        shake(&mut a, &mut b, first).unwrap();
        assert!(a.is_open() && b.is_open());
        assert_eq!(a.common_version(), theirs);
        assert_eq!((a.wtxid_relay(), a.wants_addrv2(), b.wtxid_relay()), (modern, modern, modern));
    }
}

#[test]
fn nothing_is_heard_before_the_version_nor_answered_before_the_verack() {
    let mut handshake = Handshake::inbound(version(PROTOCOL_VERSION));
    let mut out = Vec::new();
    for message in samples().into_iter().skip(1) {
        let passed = handshake.receive(message, |_| false, &mut out).unwrap();
        assert!(matches!(passed, Passed::Absorbed));
    }
    assert!(out.is_empty());
    let introduced = handshake.receive(Message::Version(version(70_016)), |_| false, &mut out);
    assert!(matches!(introduced, Ok(Passed::Introduced)));
    let names: Vec<_> = out.iter().map(|message| message.command().as_str().to_owned()).collect();
    assert_eq!(names, ["version", "wtxidrelay", "sendaddrv2", "verack"]);
    let ping = handshake.receive(Message::Ping(Some(1)), |_| false, &mut out);
    assert!(matches!(ping, Ok(Passed::Absorbed)));
}

#[test]
fn what_is_agreed_on_before_the_verack_is_refused_after_it() {
    for command in ["wtxidrelay", "sendaddrv2", "feature"] {
        let (mut a, first) = Handshake::outbound(version(PROTOCOL_VERSION), Services::empty());
        let mut b = Handshake::inbound(version(PROTOCOL_VERSION));
        shake(&mut a, &mut b, first).unwrap();
        let late = samples().into_iter().find(|message| message.command().as_str() == command);
        let refused = a.receive(late.unwrap(), |_| false, &mut Vec::new()).unwrap_err();
        assert_eq!(refused, Refusal::Late { command });
    }
}

#[test]
fn old_peers_oneself_and_peers_without_blocks_are_refused() {
    let receive = |handshake: &mut Handshake, theirs, own| {
        handshake.receive(Message::Version(theirs), |_| own, &mut Vec::new()).unwrap_err()
    };
    let mut inbound = Handshake::inbound(version(PROTOCOL_VERSION));
    let refused = receive(&mut inbound, version(31_799), false);
    assert_eq!(refused.to_string(), "peer using obsolete version 31799");
    assert_eq!(receive(&mut inbound, version(31_800), true), Refusal::Oneself);
    let (mut outbound, _) = Handshake::outbound(version(PROTOCOL_VERSION), Services::P2P_V2);
    assert!(matches!(receive(&mut outbound, version(70_016), false), Refusal::Services { .. }));
}

#[test]
fn services_have_the_names_of_getpeerinfo() {
    let services = Services::from_bits_retain(0xc09 | 1 << 24);
    assert_eq!(
        services.names(),
        ["NETWORK", "WITNESS", "NETWORK_LIMITED", "P2P_V2", "UNKNOWN[2^24]"]
    );
}

#[test]
fn a_compact_block_of_main_comes_through() {
    let genesis = Params::main().genesis;
    let header: &[u8; 80] = genesis.first_chunk().unwrap();
    let mut payload = header.to_vec();
    payload.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    payload.extend_from_slice(&genesis[81..]);
    let Ok(Message::CmpctBlock(read)) =
        Message::decode(Command::new("cmpctblock"), &payload.clone().into())
    else {
        panic!("refused")
    };
    assert_eq!(read.hash(), header_hash(header));
    assert_eq!(Message::CmpctBlock(read).payload(), payload);
}

proptest! {
    #[test]
    fn any_bytes_are_cut_and_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), which in 0_usize..26) {
        let mut names: Vec<_> = samples().iter().map(Message::command).collect();
        names.push(Command::new("cmpctblock"));
        let command = names[which % names.len()];
        if let Ok(message) = Message::decode(command, &Bytes::from(bytes.clone())) {
            let again = Message::decode(command, &message.payload().into()).unwrap();
            prop_assert_eq!(format!("{:?}", again), format!("{:?}", message));
        }
        let mut framer = Framer::new(MAGIC);
        framer.push(&MAGIC);
        framer.push(&bytes);
        while let Ok(Some(_)) = framer.next_frame() {}
    }
}
