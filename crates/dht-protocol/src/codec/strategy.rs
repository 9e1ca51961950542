//! Arbitrary messages, for every test that wants "any message at all".

use core::net::SocketAddr;

use proptest::{collection::vec, option, prelude::*};

use crate::{
    bencode::tests::any_value,
    contact::{Contact, Family},
    key::Key,
    message::*,
};

/// Any message, including such that not every codec can say.
pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    let tid = prop_oneof![
        3 => any::<u32>().prop_map(TransactionId::from),
        1 => vec(any::<u8>(), 1..=TRANSACTION_ID_MAX)
            .prop_map(|bytes| TransactionId::from_slice(&bytes).unwrap()),
    ];
    let network = prop_oneof![3 => Just(0), 1 => any::<u32>()].prop_map(NetworkId);
    let body = prop_oneof![
        query(any_request()).prop_map(Body::Query),
        any_response().prop_map(Body::Response),
        (any::<i64>(), ".{0,60}")
            .prop_map(|(code, message)| Body::Error(RpcError { code, message })),
    ];
    message(tid, network, body)
}

/// A message that every codec can say.
pub(crate) fn common_message() -> impl Strategy<Value = Message> {
    let target = any_key().prop_map(|target| Request::FindNode { target });
    let contacts = (any_key(), contacts(Family::V4), option::of(any_token())).prop_map(
        |(sender, nodes, token)| {
            Body::Response(Response { sender, nodes, token, ..Response::default() })
        },
    );
    let body = prop_oneof![query(target).prop_map(Body::Query), contacts];
    message(any::<u32>().prop_map(TransactionId::from), Just(NetworkId::BITTORRENT), body)
}

fn message(
    tid: impl Strategy<Value = TransactionId>,
    network: impl Strategy<Value = NetworkId>,
    body: impl Strategy<Value = Body>,
) -> impl Strategy<Value = Message> {
    let rest = (option::of(any::<[u8; 4]>()), any::<bool>(), option::of(any_addr()));
    (tid, network, body, rest).prop_map(|(tid, network, body, (version, read_only, observed))| {
        let is_query = matches!(body, Body::Query(_));
        Message {
            tid,
            network,
            version,
            read_only: read_only && is_query,
            observed: observed.filter(|_| !is_query),
            body,
        }
    })
}

fn query(request: impl Strategy<Value = Request>) -> impl Strategy<Value = Query> {
    let want = prop_oneof![Just(Want::Unsaid), Just(Want::V4), Just(Want::V6), Just(Want::Both),];
    (any_key(), want, request).prop_map(|(sender, want, request)| Query { sender, want, request })
}

fn any_request() -> impl Strategy<Value = Request> {
    let find_value = (any_key(), option::of(any::<i64>()), any::<bool>(), 0..3).prop_map(
        |(key, newer_than, scrape, kind)| match kind {
            0 => Request::FindValue { key, kind: ValueKind::Peers, newer_than: None, scrape },
            1 => Request::FindValue { key, kind: ValueKind::Item, newer_than, scrape: false },
            _ => Request::FindValue { key, kind: ValueKind::Raw, newer_than: None, scrape: false },
        },
    );
    let store = (any_key(), any_token(), any_store())
        .prop_map(|(key, token, value)| Request::Store { key, token, value });
    let unknown = ("[a-z]{0,10}_x", option::of(any_key()))
        .prop_map(|(method, target)| Request::Unknown { method, target });
    prop_oneof![
        1 => Just(Request::Ping),
        1 => any_key().prop_map(|target| Request::FindNode { target }),
        1 => any_key().prop_map(|target| Request::Sample { target }),
        3 => find_value,
        4 => store,
        1 => unknown,
    ]
}

fn any_store() -> impl Strategy<Value = StoreValue> {
    let port = option::of(1..=u16::MAX);
    prop_oneof![
        (port, any::<bool>()).prop_map(|(port, seed)| StoreValue::Peer { port, seed }),
        (any_mutable(vec(any::<u8>(), 0..=SALT_MAX)), option::of(any::<i64>()))
            .prop_map(|(item, cas)| StoreValue::Item { item: Item::Mutable(item), cas }),
        any_value()
            .prop_map(|value| StoreValue::Item { item: Item::Immutable { value }, cas: None }),
        vec(any::<u8>(), 0..100).prop_map(|value| StoreValue::Raw { value }),
    ]
}

fn any_mutable(salt: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = MutableItem> {
    let signature = (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(r, s)| {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        signature
    });
    (any::<[u8; 32]>(), salt, any::<i64>(), signature, any_value()).prop_map(
        |(public_key, salt, seq, signature, value)| MutableItem {
            public_key,
            salt,
            seq,
            signature,
            value,
        },
    )
}

fn any_response() -> impl Strategy<Value = Response> {
    let value = prop_oneof![
        3 => Just(None),
        1 => any_mutable(Just(Vec::new())).prop_map(|item| Some(FoundValue::Item(Item::Mutable(item)))),
        1 => any_value().prop_map(|value| Some(FoundValue::Item(Item::Immutable { value }))),
        1 => vec(any::<u8>(), 0..100).prop_map(|value| Some(FoundValue::Raw(value))),
    ];
    let samples = (
        option::of(0..=21_600_u32),
        option::of(any::<u64>().prop_map(|total| total >> 1)),
        vec(any_key(), 0..8),
    )
        .prop_map(|(interval, total, hashes)| Samples { interval, total, hashes });
    let filter = || any::<u8>().prop_map(|byte| [byte; BLOOM_LEN]);
    let scrape = (filter(), filter())
        .prop_map(|(seeds, downloaders)| Box::new(Scrape { seeds, downloaders }));
    (
        (any_key(), contacts(Family::V4), contacts(Family::V6), option::of(any_token())),
        (vec(any_addr(), 0..10), value, option::of(any::<i64>())),
        (option::weighted(0.2, samples), option::weighted(0.1, scrape)),
    )
        .prop_map(
            |((sender, nodes, nodes6, token), (peers, value, seq), (samples, scrape))| {
                // A mutable item has its number itself.
                let is_mutable = matches!(value, Some(FoundValue::Item(Item::Mutable(_))));
                let seq = seq.filter(|_| !is_mutable);
                Response { sender, nodes, nodes6, token, peers, value, seq, samples, scrape }
            },
        )
}

fn contacts(family: Family) -> impl Strategy<Value = Option<Vec<Contact>>> {
    let contact = (any_key(), any_addr_of(family)).prop_map(|(id, addr)| Contact::new(id, addr));
    option::of(vec(contact, 0..=8))
}

fn any_key() -> impl Strategy<Value = Key> {
    any::<[u8; 20]>().prop_map(Key::new)
}

fn any_token() -> impl Strategy<Value = Token> {
    vec(any::<u8>(), 0..=TOKEN_MAX).prop_map(|bytes| Token::from_slice(&bytes).unwrap())
}

fn any_addr() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![any_addr_of(Family::V4), any_addr_of(Family::V6)]
}

fn any_addr_of(family: Family) -> BoxedStrategy<SocketAddr> {
    match family {
        Family::V4 => any::<([u8; 4], u16)>().prop_map(SocketAddr::from).boxed(),
        Family::V6 => any::<([u8; 16], u16)>().prop_map(SocketAddr::from).boxed(),
    }
}
