//! One node against a peer made by hand: what it answers, refuses and ignores.

use core::{net::SocketAddr, time::Duration};

use proptest::prelude::*;
use quintet_primitives::time::Instant;
use rand::{SeedableRng, rngs::StdRng};

use super::world::{World, local};
use crate::{
    codec::{self, Codec},
    contact::{Contact, Family},
    dht::{Config, Effect, Event, VERSION_TAG},
    key::Key,
    message::{
        Body, Item, Message, NetworkId, Query, Request, Response, RpcError, StoreValue, Token,
        ValueKind, Want, code,
    },
    record::{Change, RecordKey},
    secure_id,
};

const PEER_ID: Key = Key::new([0x55; 20]);
const KEY: Key = Key::new([0x77; 20]);

fn at() -> SocketAddr {
    local(0)
}

fn peer() -> SocketAddr {
    "127.9.9.9:4000".parse().unwrap()
}

fn node(shape: impl FnOnce(&mut Config)) -> World {
    let mut world = World::new(1);
    world.add(at(), shape);
    world
}

fn message(body: Body) -> Message {
    Message {
        tid: 0x6161_6161.into(),
        network: NetworkId::BITTORRENT,
        version: None,
        read_only: false,
        observed: None,
        body,
    }
}

fn query(request: Request) -> Message {
    message(Body::Query(Query { sender: PEER_ID, want: Want::Unsaid, request }))
}

fn encode(codec: Codec, message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(codec, message, &mut bytes).unwrap();
    bytes
}

/// Everything the node sends to `to`, decoded.
fn sent(effects: &[Effect], to: SocketAddr) -> Vec<(Codec, Message)> {
    let packets = effects.iter().filter_map(|effect| match effect {
        Effect::Send(packet) => Some(packet),
        Effect::Commit { reply, .. } => reply.as_ref(),
        Effect::Finished(..) | Effect::Event(_) => None,
    });
    packets.filter(|p| p.to == to).map(|p| codec::decode(&p.bytes).unwrap()).collect()
}

/// The answer to a query, leaving aside the ping with which the node looks at its asker.
fn answer_in(world: &mut World, codec: Codec, query: &Message) -> Option<Message> {
    let effects = world.inject(peer(), at(), &encode(codec, query));
    let answers = sent(&effects, peer()).into_iter();
    let mut answers = answers.filter(|(_, m)| !matches!(m.body, Body::Query(_)));
    answers.next().map(|(answered_in, message)| {
        assert_eq!(answered_in, codec);
        assert_eq!(message.tid, query.tid);
        message
    })
}

fn answer(world: &mut World, request: Request) -> Option<Message> {
    answer_in(world, Codec::Krpc, &query(request))
}

fn response(world: &mut World, request: Request) -> Response {
    match answer(world, request).expect("an answer").body {
        Body::Response(response) => response,
        other => panic!("expected a response, got {other:?}"),
    }
}

fn refusal(world: &mut World, request: Request) -> RpcError {
    match answer(world, request).expect("an answer").body {
        Body::Error(error) => error,
        other => panic!("expected an error, got {other:?}"),
    }
}

fn get_peers(key: Key) -> Request {
    Request::FindValue { key, kind: ValueKind::Peers, newer_than: None, scrape: false }
}

fn announce(token: Token, port: Option<u16>) -> Request {
    Request::Store { key: KEY, token, value: StoreValue::Peer { port, seed: false } }
}

#[test]
fn a_ping_is_answered_with_our_id_version_and_the_askers_address() {
    let mut world = node(|_| {});
    let message = answer(&mut world, Request::Ping).unwrap();
    assert_eq!(message.version, Some(VERSION_TAG));
    assert_eq!(message.observed, Some(peer()));
    let Body::Response(response) = message.body else { panic!("expected a response") };
    assert_eq!(response.sender, world.node(at()).dht.id());
}

#[test]
fn each_codec_is_answered_in_kind_and_json_only_where_it_is_allowed() {
    let mut world = node(|config| config.json = true);
    for codec in Codec::ALL {
        assert!(answer_in(&mut world, codec, &query(Request::Ping)).is_some(), "{codec}");
    }
    let mut world = node(|_| {});
    assert!(answer_in(&mut world, Codec::Json, &query(Request::Ping)).is_none());
}

#[test]
fn a_message_of_another_network_changes_nothing() {
    let mut world = node(|_| {});
    let foreign = Message { network: NetworkId(99), ..query(Request::Ping) };
    assert_eq!(world.inject(peer(), at(), &encode(Codec::Native, &foreign)), []);
    assert_eq!(world.node(at()).dht.traffic().foreign, 1);
}

#[test]
fn a_network_of_its_own_hears_no_krpc() {
    let mut world = node(|config| config.network = NetworkId(99));
    assert_eq!(world.inject(peer(), at(), &encode(Codec::Krpc, &query(Request::Ping))), []);
    let own = Message { network: NetworkId(99), ..query(Request::Ping) };
    assert!(answer_in(&mut world, Codec::Native, &own).is_some());
}

#[test]
fn a_store_is_acknowledged_only_with_its_commit() {
    let mut world = node(|_| {});
    let token = response(&mut world, get_peers(KEY)).token.unwrap();
    let effects =
        world.inject(peer(), at(), &encode(Codec::Krpc, &query(announce(token, Some(7)))));
    let Some(Effect::Commit { changes, reply: Some(_), refusal: Some(_) }) = effects.first() else {
        panic!("expected a commit, got {effects:?}");
    };
    let stored = RecordKey::Peer(KEY, SocketAddr::new(peer().ip(), 7));
    assert!(matches!(changes.as_slice(), [Change::Put(key, _)] if *key == stored));
    let answers = effects.iter().filter(|effect| {
        matches!(effect, Effect::Send(p) if codec::decode(&p.bytes).unwrap().1.tid == 0x6161_6161.into())
    });
    assert_eq!(answers.count(), 0);
}

#[test]
fn an_implied_port_is_the_packets_own() {
    let mut world = node(|_| {});
    let token = response(&mut world, get_peers(KEY)).token.unwrap();
    response(&mut world, announce(token, None));
    assert_eq!(response(&mut world, get_peers(KEY)).peers, [peer()]);
}

#[test]
fn a_wrong_token_is_refused_with_203() {
    let mut world = node(|_| {});
    let forged = Token::from_bytes(*b"forged!!");
    assert_eq!(refusal(&mut world, announce(forged, Some(1))).code, code::PROTOCOL);
    let other = response(&mut world, get_peers(Key::new([1; 20]))).token.unwrap();
    assert_eq!(refusal(&mut world, announce(other, Some(1))).code, code::PROTOCOL);
}

#[test]
fn port_zero_is_refused_with_203() {
    let mut world = node(|_| {});
    let token = response(&mut world, get_peers(KEY)).token.unwrap();
    let bytes = encode(Codec::Krpc, &query(announce(token, Some(7))));
    let at_port = bytes.windows(9).position(|part| part == b"4:porti7e").unwrap();
    let mut zero = bytes;
    zero[at_port + 7] = b'0';
    let effects = world.inject(peer(), at(), &zero);
    let refused = sent(&effects, peer()).into_iter().any(|(_, message)| {
        matches!(message.body, Body::Error(RpcError { code: code::PROTOCOL, .. }))
    });
    assert!(refused, "{effects:?}");
}

#[test]
fn no_token_is_given_for_what_would_find_no_room() {
    let mut world = node(|config| config.limits.bytes_max = 0);
    let item =
        Request::FindValue { key: KEY, kind: ValueKind::Item, newer_than: None, scrape: false };
    assert_eq!(response(&mut world, item).token, None);
}

#[test]
fn an_unknown_method_with_a_target_is_answered_like_find_node() {
    let mut world = node(|_| {});
    let unknown = |target| Request::Unknown { method: "vote".into(), target };
    assert!(response(&mut world, unknown(Some(KEY))).nodes.is_some());
    assert_eq!(refusal(&mut world, unknown(None)).code, code::METHOD_UNKNOWN);
}

#[test]
fn unsigned_values_are_refused_where_they_are_not_allowed() {
    let mut world = node(|_| {});
    let raw =
        Request::FindValue { key: KEY, kind: ValueKind::Raw, newer_than: None, scrape: false };
    let found = answer_in(&mut world, Codec::Native, &query(raw)).unwrap();
    let Body::Response(Response { token: Some(token), .. }) = found.body else { panic!("a token") };
    let store = Request::Store { key: KEY, token, value: StoreValue::Raw { value: vec![1] } };
    let refused = answer_in(&mut world, Codec::Native, &query(store)).unwrap();
    assert!(matches!(refused.body, Body::Error(RpcError { code: code::METHOD_UNKNOWN, .. })));
}

#[test]
fn a_malformed_query_gets_203_and_a_malformed_answer_gets_nothing() {
    let mut world = node(|_| {});
    let short_id = b"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe";
    let effects = world.inject(peer(), at(), short_id);
    let answers = sent(&effects, peer());
    let Body::Error(error) = &answers[0].1.body else { panic!("expected an error") };
    assert_eq!((error.code, answers[0].1.tid.as_bytes()), (code::PROTOCOL, b"aa".as_slice()));

    assert_eq!(world.inject(peer(), at(), b"d1:rd2:id3:abce1:t2:aa1:y1:re"), []);
    assert_eq!(world.inject(peer(), at(), b"garbage"), []);
    assert_eq!(world.inject(peer(), at(), b""), []);
    assert_eq!(world.node(at()).dht.traffic().malformed, 4);
}

#[test]
fn an_asker_enters_the_table_only_after_it_answered_us() {
    let mut world = node(|_| {});
    let effects = world.inject(peer(), at(), &encode(Codec::Krpc, &query(Request::Ping)));
    let pings: Vec<Message> = sent(&effects, peer())
        .into_iter()
        .map(|(_, message)| message)
        .filter(|message| matches!(message.body, Body::Query(_)))
        .collect();
    assert_eq!(pings.len(), 1);
    assert!(world.node(at()).dht.contacts().is_empty());

    let pong = Message {
        tid: pings[0].tid.clone(),
        ..message(Body::Response(Response { sender: PEER_ID, ..Response::default() }))
    };
    let pong = encode(Codec::Krpc, &pong);
    // From another port it is nobody's answer; the real one comes next; a replay finds no question.
    let elsewhere = SocketAddr::new(peer().ip(), 4001);
    world.inject(elsewhere, at(), &pong);
    assert!(world.node(at()).dht.contacts().is_empty());
    let effects = world.inject(peer(), at(), &pong);
    assert_eq!(effects, [Effect::Event(Event::ContactAdded(Contact::new(PEER_ID, peer())))]);
    assert_eq!(world.inject(peer(), at(), &pong), []);
    let [_, answered, _, _, wrong_address, unsolicited] =
        world.node(at()).dht.status(Instant::ZERO).queries;
    assert_eq!((answered, wrong_address, unsolicited), (1, 1, 1));
}

#[test]
fn a_read_only_asker_is_served_and_never_pinged() {
    let mut world = node(|_| {});
    let quiet = Message { read_only: true, ..query(Request::Ping) };
    let effects = world.inject(peer(), at(), &encode(Codec::Krpc, &quiet));
    assert_eq!(sent(&effects, peer()).len(), 1);
    assert!(matches!(sent(&effects, peer())[0].1.body, Body::Response(_)));
}

#[test]
fn local_contacts_stay_out_where_they_are_not_wanted() {
    let mut world = node(|config| config.allow_local = false);
    let effects = world.inject(peer(), at(), &encode(Codec::Krpc, &query(Request::Ping)));
    assert_eq!(sent(&effects, peer()).len(), 1, "an answer, and no ping");
}

#[test]
fn an_answer_names_eight_contacts_at_most_and_fits_its_codec() {
    let world_of_many = World::of(60, 3);
    let mut world = world_of_many;
    let nodes = response(&mut world, Request::FindNode { target: KEY }).nodes.unwrap();
    assert_eq!(nodes.len(), 8);
    // A full swarm and a full-sized item, beside eight contacts.
    for host in 0..200_u8 {
        let from = SocketAddr::from(([127, 8, host, 1], 9));
        let effects = world.inject(from, at(), &encode(Codec::Krpc, &query(get_peers(KEY))));
        let token = sent(&effects, from)
            .into_iter()
            .find_map(|(_, m)| match m.body {
                Body::Response(response) => response.token,
                Body::Query(_) | Body::Error(_) => None,
            })
            .unwrap();
        let effects =
            world.inject(from, at(), &encode(Codec::Krpc, &query(announce(token, Some(1)))));
        world.carry_out(at(), effects);
    }
    for codec in [Codec::Krpc, Codec::Native] {
        let effects = world.inject(peer(), at(), &encode(codec, &query(get_peers(KEY))));
        let longest = effects.iter().filter_map(|effect| match effect {
            Effect::Send(packet) => Some(packet.bytes.len()),
            Effect::Commit { .. } | Effect::Finished(..) | Effect::Event(_) => None,
        });
        let longest = longest.max().unwrap();
        assert!((500..=1_200).contains(&longest), "{codec}: {longest} bytes");
    }
}

#[test]
fn the_largest_item_is_served_whole() {
    let mut world = World::of(30, 4);
    let item = Item::Immutable { value: [b"996:".as_slice(), &[b'x'; 996]].concat() };
    let key = item.target();
    let get = || Request::FindValue { key, kind: ValueKind::Item, newer_than: None, scrape: false };
    let token = response(&mut world, get()).token.unwrap();
    let store =
        Request::Store { key, token, value: StoreValue::Item { item: item.clone(), cas: None } };
    response(&mut world, store);
    for codec in [Codec::Krpc, Codec::Native] {
        let effects = world.inject(peer(), at(), &encode(codec, &query(get())));
        let mut found = sent(&effects, peer()).into_iter().map(|(_, message)| message);
        let found = found.find(|m| matches!(m.body, Body::Response(_))).expect("an answer");
        let Body::Response(Response { value: Some(value), .. }) = found.body else {
            panic!("{codec}: expected the item");
        };
        assert_eq!(value, crate::message::FoundValue::Item(item.clone()));
    }
}

#[test]
fn scrapes_are_answered_only_where_they_are_switched_on() {
    for switched_on in [false, true] {
        let mut world = node(|config| config.scrape = switched_on);
        let token = response(&mut world, get_peers(KEY)).token.unwrap();
        response(&mut world, announce(token, Some(7)));
        let scrape =
            Request::FindValue { key: KEY, kind: ValueKind::Peers, newer_than: None, scrape: true };
        assert_eq!(response(&mut world, scrape).scrape.is_some(), switched_on);
    }
}

#[test]
fn samples_name_what_we_hold() {
    let mut world = node(|_| {});
    let token = response(&mut world, get_peers(KEY)).token.unwrap();
    response(&mut world, announce(token, Some(7)));
    let samples = response(&mut world, Request::Sample { target: KEY }).samples.unwrap();
    assert_eq!((samples.hashes, samples.total), (vec![KEY], Some(1)));
}

#[test]
fn the_id_changes_once_when_three_networks_agree_on_our_address() {
    let mut world = World::new(5);
    let own: SocketAddr = "5.6.7.8:6881".parse().unwrap();
    world.add(own, |config| {
        config.bootstrap = (1..=4).map(|n| SocketAddr::from(([9, n, 1, 1], 1))).collect();
    });
    let before = world.node(own).dht.id();
    let mut observed: SocketAddr = "5.6.7.8:1000".parse().unwrap();
    for round in 0..6 {
        world.run(Duration::from_secs(1));
        for (_, to, bytes) in core::mem::take(&mut world.strays) {
            let (_, asked) = codec::decode(&bytes).unwrap();
            let id = secure_id::generate(to.ip(), 1, &mut StdRng::seed_from_u64(1));
            let pong = Message {
                tid: asked.tid,
                observed: Some(observed),
                ..message(Body::Response(Response { sender: id, ..Response::default() }))
            };
            let effects = world.inject(to, own, &encode(Codec::Krpc, &pong));
            world.carry_out(own, effects);
        }
        if round == 0 {
            let after = world.node(own).dht.id();
            assert_ne!(after, before);
            assert!(secure_id::is_valid(after, own.ip()));
            observed = "6.6.6.6:1000".parse().unwrap();
        }
    }
    let changes =
        world.node(own).events.iter().filter(|event| matches!(event, Event::IdChanged { .. }));
    assert_eq!(changes.count(), 1);
}

#[test]
fn one_public_address_is_asked_no_faster_than_it_tolerates() {
    let mut world = World::new(6);
    let own: SocketAddr = "5.6.7.8:6881".parse().unwrap();
    let victim: SocketAddr = "9.9.9.9:1".parse().unwrap();
    world.add(own, |config| config.bootstrap = vec![victim]);
    // A hundred made-up ids at one address want to be pinged.
    for number in 0..100 {
        let mut from_id = query(Request::Ping);
        let Body::Query(asked) = &mut from_id.body else { unreachable!() };
        asked.sender = Key::new([number; 20]);
        let effects = world.inject(victim, own, &encode(Codec::Krpc, &from_id));
        let asked = effects.into_iter().filter(|effect| match effect {
            Effect::Send(packet) => {
                matches!(codec::decode(&packet.bytes).unwrap().1.body, Body::Query(_))
            }
            Effect::Commit { .. } | Effect::Finished(..) | Effect::Event(_) => false,
        });
        world.carry_out(own, asked.collect());
    }
    world.run(Duration::from_secs(10));
    let asked = world.strays.iter().filter(|(_, to, _)| *to == victim).count();
    assert!(asked <= 42, "{asked} queries in ten seconds");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes, the node neither panics nor sends more than one answer and one ping for it.
    #[test]
    fn no_packet_does_harm(packets in prop::collection::vec(
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            (0_usize..3, any::<Vec<u8>>(), any::<prop::sample::Index>()).prop_map(|(codec, noise, at)| {
                let mut bytes = encode(Codec::ALL[codec], &query(get_peers(KEY)));
                let at = at.index(bytes.len());
                bytes.splice(at..at, noise.into_iter().take(3));
                bytes
            }),
        ],
        1..40,
    )) {
        let mut world = node(|config| config.json = true);
        for bytes in packets {
            let effects = world.inject(peer(), at(), &bytes);
            let sends = effects.iter().filter(|e| matches!(e, Effect::Send(_))).count();
            prop_assert!(sends <= 2);
        }
        prop_assert!(world.node(at()).dht.contacts().is_empty());
        prop_assert_eq!(Family::of(&peer()), Family::V4);
    }
}
