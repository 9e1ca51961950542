//! One message of each sort, with every field that sort can have.

use quintet_dht_protocol::{contact::Contact, key::Key, message::*};

pub fn all() -> Vec<(&'static str, Message)> {
    let mut all = queries();
    all.extend(answers());
    all
}

fn queries() -> Vec<(&'static str, Message)> {
    let (key, token) = (Key::new([0x22; 20]), token());
    let find = |kind, newer_than, scrape| Request::FindValue { key, kind, newer_than, scrape };
    let store = |value| Request::Store { key, token: token.clone(), value };
    let peer = StoreValue::Peer { port: Some(6881), seed: true };
    let mutable = StoreValue::Item { item: Item::Mutable(item(b"salt")), cas: Some(3) };
    let immutable = StoreValue::Item { item: Item::Immutable { value: value() }, cas: None };
    let raw = StoreValue::Raw { value: b"raw".to_vec() };
    let unknown = Request::Unknown { method: "vote".to_owned(), target: Some(key) };
    let mut find_node = query(Request::FindNode { target: key }, Want::Both);
    find_node.read_only = true;
    vec![
        ("ping", query(Request::Ping, Want::Unsaid)),
        ("find_node", find_node),
        ("find_peers", query(find(ValueKind::Peers, None, true), Want::V4)),
        ("find_item", query(find(ValueKind::Item, Some(7), false), Want::Unsaid)),
        ("find_raw", query(find(ValueKind::Raw, None, false), Want::Unsaid)),
        ("store_peer", query(store(peer), Want::Unsaid)),
        ("store_implied", query(store(StoreValue::Peer { port: None, seed: false }), Want::V6)),
        ("store_mutable", query(store(mutable), Want::Unsaid)),
        ("store_immutable", query(store(immutable), Want::Unsaid)),
        ("store_raw", query(store(raw), Want::Unsaid)),
        ("sample", query(Request::Sample { target: key }, Want::Unsaid)),
        ("unknown", query(unknown, Want::Unsaid)),
    ]
}

fn answers() -> Vec<(&'static str, Message)> {
    let sender = Key::new([0x33; 20]);
    let v4 = Contact::new(Key::new([0x44; 20]), ([192, 0, 2, 1], 6881).into());
    let v6 = Contact::new(Key::new([0x55; 20]), ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 6881).into());
    let empty = || Response { sender, ..Response::default() };
    let contacts =
        Response { nodes: Some(vec![v4]), nodes6: Some(vec![v6]), token: Some(token()), ..empty() };
    let peers = Response { peers: vec![v4.addr, v6.addr], token: Some(token()), ..empty() };
    let item = FoundValue::Item(Item::Mutable(item(b"")));
    let immutable = FoundValue::Item(Item::Immutable { value: value() });
    let samples =
        Samples { interval: Some(21_600), total: Some(2), hashes: vec![Key::new([0x66; 20])] };
    let scrape = Scrape { seeds: [1; BLOOM_LEN], downloaders: [2; BLOOM_LEN] };
    let error = RpcError { code: code::PROTOCOL, message: "bad token".to_owned() };
    vec![
        ("contacts", answer(Body::Response(contacts))),
        ("peers", answer(Body::Response(peers))),
        ("item", answer(Body::Response(Response { value: Some(item), ..empty() }))),
        ("immutable", answer(Body::Response(Response { value: Some(immutable), ..empty() }))),
        ("no_newer", answer(Body::Response(Response { seq: Some(7), ..empty() }))),
        ("samples", answer(Body::Response(Response { samples: Some(samples), ..empty() }))),
        ("scrape", answer(Body::Response(Response { scrape: Some(Box::new(scrape)), ..empty() }))),
        ("error", answer(Body::Error(error))),
    ]
}

fn query(request: Request, want: Want) -> Message {
    let sender = Key::new([0x11; 20]);
    message(Body::Query(Query { sender, want, request }))
}

fn answer(body: Body) -> Message {
    let observed = Some(([198, 51, 100, 7], 6881).into());
    Message { observed, version: Some(*b"QT\0\x01"), ..message(body) }
}

fn message(body: Body) -> Message {
    Message {
        tid: TransactionId::from(42),
        network: NetworkId::BITTORRENT,
        version: None,
        read_only: false,
        observed: None,
        body,
    }
}

fn token() -> Token {
    Token::from_slice(b"8 bytes.").expect("a short token")
}

fn value() -> Vec<u8> {
    b"5:hello".to_vec()
}

fn item(salt: &[u8]) -> MutableItem {
    MutableItem {
        public_key: [0x77; 32],
        salt: salt.to_vec(),
        seq: 4,
        signature: [0x88; 64],
        value: value(),
    }
}
