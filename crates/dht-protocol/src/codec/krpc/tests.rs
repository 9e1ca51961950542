//! The traps of the field, each with its name: bytes that real nodes send and how they are read.

use super::*;
use crate::{
    codec::{DecodeError, DecodeErrorKind, EncodeError},
    contact::Contact,
    key::Key,
    message::*,
};

const ID: &str = "2:id20:abcdefghij0123456789";
const TARGET: &str = "6:target20:mnopqrstuvwxyz123456";

fn read(packet: &str) -> Message {
    decode(packet.as_bytes()).unwrap_or_else(|error| panic!("{packet}: {error}"))
}

fn refused(packet: &str) -> DecodeError {
    decode(packet.as_bytes()).expect_err(packet)
}

fn query(method: &str, arguments: &str) -> String {
    format!("d1:ad{arguments}e1:q{}:{method}1:t2:aa1:y1:qe", method.len())
}

fn response(parts: &str) -> String {
    format!("d1:rd{parts}e1:t2:aa1:y1:re")
}

fn request(message: Message) -> Request {
    match message.body {
        Body::Query(query) => query.request,
        other => panic!("not a query: {other:?}"),
    }
}

fn answer(packet: &str) -> Response {
    match read(packet).body {
        Body::Response(response) => response,
        other => panic!("not a response: {other:?}"),
    }
}

fn written(message: &Message) -> String {
    let mut out = Vec::new();
    encode(message, &mut out).unwrap();
    String::from_utf8_lossy(&out).into_owned()
}

fn message(body: Body) -> Message {
    Message {
        tid: TransactionId::from(u32::from_be_bytes(*b"tttt")),
        network: NetworkId::BITTORRENT,
        version: None,
        read_only: false,
        observed: None,
        body,
    }
}

fn asked(request: Request) -> Message {
    let sender = Key::new(*b"abcdefghij0123456789");
    message(Body::Query(Query { sender, want: Want::Unsaid, request }))
}

#[test]
fn transaction_ids_of_1_to_16_bytes_are_echoed_and_others_refused() {
    for length in 1..=16 {
        let tid = "x".repeat(length);
        let read = read(&format!("d1:ad{ID}e1:q4:ping1:t{length}:{tid}1:y1:qe"));
        assert_eq!(read.tid.as_bytes(), tid.as_bytes());
        assert!(written(&read).contains(&format!("1:t{length}:{tid}")));
    }
    for tid in ["0:", "17:xxxxxxxxxxxxxxxxx"] {
        let error = refused(&format!("d1:ad{ID}e1:q4:ping1:t{tid}1:y1:qe"));
        assert!(matches!(error.kind, DecodeErrorKind::Length { field: "t", .. }));
        assert_eq!((error.tid.clone(), error.reply()), (None, None), "nothing to answer with");
    }
}

#[test]
fn our_own_transaction_ids_have_the_four_bytes_mainline_wants() {
    assert!(written(&asked(Request::Ping)).contains("1:t4:tttt"));
}

#[test]
fn a_version_of_another_length_than_4_is_none() {
    let with = |v: &str| read(&format!("d1:ad{ID}e1:q4:ping1:t2:aa1:v{v}1:y1:qe")).version;
    assert_eq!(with("4:LT\x01\x02"), Some(*b"LT\x01\x02"));
    for other in ["0:", "2:UT", "7:LT01234", "i5e"] {
        assert_eq!(with(other), None);
    }
}

#[test]
fn the_observed_address_has_6_or_18_bytes_and_is_written_before_the_answer() {
    let with = |ip: &str| read(&format!("d2:ip{ip}1:rd{ID}e1:t2:aa1:y1:re"));
    let v4 = with("6:abcdef");
    assert_eq!(v4.observed, Some("97.98.99.100:25958".parse().unwrap()));
    assert!(written(&v4).starts_with("d2:ip6:abcdef1:rd2:id20:"));
    assert!(with("18:abcdefghijklmnopqr").observed.unwrap().is_ipv6());
    for other in ["4:abcd", "16:abcdefghijklmnop", "0:"] {
        assert_eq!(with(other).observed, None);
    }
    let in_query = read(&format!("d1:ad{ID}e2:ip6:abcdef1:q4:ping1:t2:aa1:y1:qe"));
    assert_eq!(in_query.observed, None);
}

#[test]
fn read_only_counts_in_queries_alone() {
    assert!(read(&format!("d1:ad{ID}e1:q4:ping2:roi1e1:t2:aa1:y1:qe")).read_only);
    assert!(!read(&format!("d1:ad{ID}e1:q4:ping2:roi0e1:t2:aa1:y1:qe")).read_only);
    assert!(!read(&format!("d1:rd{ID}e2:roi1e1:t2:aa1:y1:re")).read_only);
    let ours = Message { read_only: true, ..asked(Request::Ping) };
    assert!(written(&ours).contains("1:q4:ping2:roi1e1:t"));
}

#[test]
fn keys_are_written_in_byte_order_and_read_in_any() {
    let store = Request::Store {
        key: Key::new(*b"mnopqrstuvwxyz123456"),
        token: Token::from_slice(b"aoeusnth").unwrap(),
        value: StoreValue::Peer { port: None, seed: false },
    };
    let sorted = written(&asked(store.clone()));
    assert_eq!(
        sorted,
        "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz123456\
         4:porti1e5:token8:aoeusnthe1:q13:announce_peer1:t4:tttt1:y1:qe"
    );
    let shuffled = "d1:y1:q1:q13:announce_peer1:t4:tttt1:ad5:token8:aoeusnth9:info_hash20:mnopqrstuvwxyz123456\
         2:id20:abcdefghij012345678912:implied_porti1eee";
    assert_eq!(request(read(shuffled)), store);
}

#[test]
fn an_error_may_hold_an_answer_and_no_id() {
    let packet = format!("d1:eli203e9:bad tokene1:rd{ID}e1:t2:aa1:y1:ee");
    let expected = RpcError { code: code::PROTOCOL, message: "bad token".into() };
    assert_eq!(read(&packet).body, Body::Error(expected));
    let short = RpcError { code: 201, message: String::new() };
    assert_eq!(read("d1:eli201ee1:t2:aa1:y1:ee").body, Body::Error(short));
    for bad in ["d1:e3:abc1:t2:aa1:y1:ee", "d1:el3:abce1:t2:aa1:y1:ee", "d1:t2:aa1:y1:ee"] {
        assert_eq!(refused(bad).reply_code(), None, "errors are not answered");
    }
}

#[test]
fn an_error_text_is_cut_and_need_not_be_utf8() {
    let mut packet = b"d1:eli201e300:".to_vec();
    packet.extend([0xff; 300]);
    packet.extend(b"e1:t2:aa1:y1:ee");
    let Body::Error(error) = decode(&packet).unwrap().body else { panic!("an error was sent") };
    assert!(error.message.len() <= 256 && error.message.starts_with('\u{fffd}'));
}

#[test]
fn an_answer_to_get_peers_holds_values_or_nodes_or_both() {
    let nodes = format!("5:nodes26:{}abcdef", "n".repeat(20));
    let values = "6:valuesl6:abcdef18:abcdefghijklmnopqr3:bade";
    let only_values = answer(&response(&format!("{ID}5:token2:tt{values}")));
    assert_eq!((only_values.peers.len(), only_values.nodes), (2, None));
    let only_nodes = answer(&response(&format!("{ID}{nodes}5:token2:tt")));
    let contact = Contact::new(Key::new([b'n'; 20]), "97.98.99.100:25958".parse().unwrap());
    assert_eq!((only_nodes.peers.len(), only_nodes.nodes), (0, Some(vec![contact])));
    let both = answer(&response(&format!("{ID}{nodes}{values}")));
    assert!(both.nodes.is_some() && both.peers.len() == 2);
}

#[test]
fn an_answer_without_token_is_still_an_answer() {
    assert_eq!(answer(&response(&format!("{ID}5:nodes0:"))).token, None);
    let long = format!("{ID}5:nodes0:5:token65:{}", "t".repeat(65));
    assert_eq!(answer(&response(&long)).token, None);
    let empty = answer(&response(&format!("{ID}5:token0:")));
    assert_eq!(empty.token, Token::from_slice(b""));
}

#[test]
fn an_unknown_method_keeps_its_target_or_info_hash() {
    let info_hash = "9:info_hash20:mnopqrstuvwxyz123456";
    for arguments in [TARGET, info_hash] {
        let unknown = request(read(&query("get_weather", &format!("{ID}{arguments}"))));
        let target = Some(Key::new(*b"mnopqrstuvwxyz123456"));
        assert_eq!(unknown, Request::Unknown { method: "get_weather".into(), target });
    }
    let long = "m".repeat(40);
    let bare = request(read(&query(&long, ID)));
    assert_eq!(bare, Request::Unknown { method: "m".repeat(32), target: None });
    let impostor = asked(Request::Unknown { method: "ping".into(), target: None });
    assert!(matches!(encode(&impostor, &mut Vec::new()), Err(EncodeError::NotExpressible { .. })));
}

#[test]
fn a_put_always_carries_its_target_and_is_read_without() {
    let item = Item::Immutable { value: b"12:Hello World!".to_vec() };
    let put = asked(Request::Store {
        key: item.target(),
        token: Token::from_slice(b"tt").unwrap(),
        value: StoreValue::Item { item: item.clone(), cas: None },
    });
    let mut packet = Vec::new();
    encode(&put, &mut packet).unwrap();
    let target = [&b"6:target20:"[..], item.target().as_bytes()].concat();
    let at = packet.windows(target.len()).position(|window| window == target).unwrap();
    packet.drain(at..at + target.len());
    assert_eq!(decode(&packet), Ok(put));
}

#[test]
fn a_mutable_put_carries_all_that_signs_it() {
    let arguments = format!(
        "3:casi7e{ID}1:k32:{}4:salt6:foobar3:seqi8e3:sig64:{}{TARGET}5:token2:tt1:vl3:tee3:heee",
        "k".repeat(32),
        "s".repeat(64)
    );
    let item = MutableItem {
        public_key: [b'k'; 32],
        salt: b"foobar".to_vec(),
        seq: 8,
        signature: [b's'; 64],
        value: b"l3:tee3:heee".to_vec(),
    };
    let put = read(&query("put", &arguments));
    assert_eq!(
        request(put.clone()),
        Request::Store {
            key: Key::new(*b"mnopqrstuvwxyz123456"),
            token: Token::from_slice(b"tt").unwrap(),
            value: StoreValue::Item { item: Item::Mutable(item), cas: Some(7) },
        }
    );
    assert_eq!(written(&put), query("put", &arguments));
    let (k, sig) = (format!("1:k32:{}", "k".repeat(32)), format!("3:sig64:{}", "s".repeat(64)));
    for (part, field) in [(k.as_str(), "k"), ("3:seqi8e", "seq"), (&sig, "sig")] {
        let without = query("put", &arguments.replacen(part, "", 1));
        assert_eq!(refused(&without).kind, DecodeErrorKind::Missing { field });
    }
}

#[test]
fn an_answer_to_get_carries_the_item_or_only_its_number() {
    let signed = format!("1:k32:{}5:nodes0:3:seqi4e3:sig64:{}", "k".repeat(32), "s".repeat(64));
    let mutable = answer(&response(&format!("{ID}{signed}5:token2:tt1:v3:abc")));
    let Some(FoundValue::Item(Item::Mutable(item))) = mutable.value else { panic!("no item") };
    assert_eq!((item.seq, item.value.as_slice(), mutable.seq), (4, &b"3:abc"[..], None));
    let immutable = answer(&response(&format!("{ID}5:nodes0:5:token2:tt1:v3:abc")));
    let item = Item::Immutable { value: b"3:abc".to_vec() };
    assert_eq!(immutable.value, Some(FoundValue::Item(item)));
    let number = answer(&response(&format!("{ID}5:nodes0:3:seqi4e5:token2:tt")));
    assert_eq!((number.value, number.seq), (None, Some(4)));
    let half = response(&format!("{ID}1:k32:{}1:v3:abc", "k".repeat(32)));
    assert_eq!(refused(&half).kind, DecodeErrorKind::Missing { field: "seq" });
}

#[test]
fn a_value_that_is_not_strictly_bencoded_is_refused_inside_a_lenient_message() {
    for value in ["d1:bi1e1:ai1ee", "d1:ai1e1:ai1ee"] {
        let put = query("put", &format!("{ID}5:token2:tt1:v{value}"));
        let error = refused(&put);
        assert!(matches!(error.kind, DecodeErrorKind::Value(_)));
        assert_eq!(error.reply_code(), Some(code::PROTOCOL));
        assert!(matches!(
            refused(&response(&format!("{ID}1:v{value}"))).kind,
            DecodeErrorKind::Value(_)
        ));
    }
}

#[test]
fn a_value_above_1000_bytes_is_answered_205_and_a_salt_above_64_207() {
    let put = |value: usize, salt: usize| {
        query(
            "put",
            &format!(
                "{ID}1:k32:{}4:salt{salt}:{}3:seqi1e3:sig64:{}5:token2:tt1:v{value}:{}",
                "k".repeat(32),
                "x".repeat(salt),
                "s".repeat(64),
                "v".repeat(value),
            ),
        )
    };
    // Three digits and a colon come before 996 bytes: 1,000 in all.
    assert!(decode(put(996, 64).as_bytes()).is_ok());
    let too_big = refused(&put(997, 64));
    assert_eq!(too_big.reply_code(), Some(code::VALUE_TOO_BIG));
    let too_salty = refused(&put(996, 65));
    assert_eq!(too_salty.reply_code(), Some(code::SALT_TOO_BIG));
    let (codec, reply) = too_salty.reply().unwrap();
    assert_eq!((codec, reply.tid.as_bytes()), (crate::codec::Codec::Krpc, &b"aa"[..]));
    assert!(written(&reply).starts_with("d1:eli207e"));
}

#[test]
fn an_announce_with_an_implied_port_names_none() {
    let announce = |port: &str| {
        let arguments = format!("{ID}{}9:info_hash20:mnopqrstuvwxyz123456{port}5:token2:tt", "");
        decode(query("announce_peer", &arguments).as_bytes())
    };
    let stored = |message: Message| match request(message) {
        Request::Store { value: StoreValue::Peer { port, seed }, .. } => (port, seed),
        other => panic!("not an announce: {other:?}"),
    };
    assert_eq!(stored(announce("12:implied_porti1e4:porti6881e").unwrap()), (None, false));
    assert_eq!(stored(announce("12:implied_porti1e").unwrap()), (None, false));
    assert_eq!(stored(announce("12:implied_porti1e4:porti99999e").unwrap()), (None, false));
    assert_eq!(stored(announce("12:implied_porti0e4:porti6881e").unwrap()), (Some(6881), false));
    assert_eq!(stored(announce("4:porti6881e4:seedi1e").unwrap()), (Some(6881), true));
    for bad in ["", "4:porti0e", "4:porti65536e", "4:porti-1e", "4:port4:6881"] {
        assert_eq!(announce(bad).unwrap_err().reply_code(), Some(code::PROTOCOL), "{bad}");
    }
}

#[test]
fn an_id_of_three_bytes_is_answered_203() {
    for arguments in ["2:id3:abc", "2:idi5e", ""] {
        let error = refused(&query("ping", arguments));
        assert_eq!(error.reply_code(), Some(code::PROTOCOL), "{arguments}");
        assert_eq!(error.tid, TransactionId::from_slice(b"aa"));
    }
    let bare = refused("d1:q4:ping1:t2:hi1:y1:qe");
    assert_eq!(bare.kind, DecodeErrorKind::Missing { field: "a" });
    assert_eq!(bare.reply_code(), Some(code::PROTOCOL));
    assert_eq!(refused(&response("2:id3:abc")).reply_code(), None, "answers are not answered");
}

#[test]
fn contact_lists_of_a_broken_length_spoil_the_message() {
    for nodes in ["5:nodes9:def456...", "6:nodes626:abcdefghijklmnopqrstuvwxyz"] {
        let error = refused(&response(&format!("{ID}{nodes}")));
        assert!(matches!(error.kind, DecodeErrorKind::Length { .. }), "{error}");
    }
}

#[test]
fn lists_are_read_up_to_their_bounds() {
    let nodes = format!("5:nodes{}:{}", 26 * 70, "n".repeat(26 * 70));
    assert_eq!(answer(&response(&format!("{ID}{nodes}"))).nodes.unwrap().len(), CONTACTS_MAX);
    let samples = format!("7:samples{}:{}", 20 * 70, "s".repeat(20 * 70));
    let read = answer(&response(&format!("{ID}{samples}"))).samples.unwrap();
    assert_eq!(read.hashes.len(), SAMPLES_MAX);
    let values = format!("6:valuesl{}e", "6:abcdef".repeat(300));
    assert_eq!(answer(&response(&format!("{ID}{values}"))).peers.len(), PEERS_MAX);
    let long = vec![b'd'; INPUT_MAX + 1];
    let limit = DecodeErrorKind::TooLong { limit: INPUT_MAX, actual: INPUT_MAX + 1 };
    assert_eq!(decode(&long).unwrap_err().kind, limit);
}

#[test]
fn wanted_families_are_n4_and_n6() {
    let want = |list: &str| match read(&query("find_node", &format!("{ID}{TARGET}{list}"))).body {
        Body::Query(query) => query.want,
        other => panic!("not a query: {other:?}"),
    };
    assert_eq!(want(""), Want::Unsaid);
    assert_eq!(want("4:wantl2:n4e"), Want::V4);
    assert_eq!(want("4:wantl2:n6e"), Want::V6);
    assert_eq!(want("4:wantl2:n6i4e2:n42:n9e"), Want::Both);
    assert_eq!(want("4:want2:n4"), Want::Unsaid, "no list says nothing");
}

#[test]
fn a_scrape_is_two_filters_of_256_bytes() {
    let asked = request(read(&query(
        "get_peers",
        &format!("{ID}9:info_hash20:mnopqrstuvwxyz1234566:scrapei1e"),
    )));
    assert!(matches!(asked, Request::FindValue { scrape: true, kind: ValueKind::Peers, .. }));
    let (pe, sd) = ("p".repeat(256), "s".repeat(256));
    let packet = response(&format!("4:BFpe256:{pe}4:BFsd256:{sd}{ID}"));
    let scrape = answer(&packet).scrape.unwrap();
    assert_eq!((scrape.seeds, scrape.downloaders), ([b's'; 256], [b'p'; 256]));
    assert_eq!(written(&read(&packet)), packet);
    let short = answer(&response(&format!("4:BFpe3:abc4:BFsd256:{sd}{ID}")));
    assert_eq!(short.scrape, None);
}

#[test]
fn a_sample_may_leave_out_how_many_there_are() {
    let full = response(&format!("{ID}8:intervali420e3:numi9e7:samples0:"));
    let samples = answer(&full).samples.unwrap();
    assert_eq!((samples.interval, samples.total), (Some(420), Some(9)));
    let bare = response(&format!("{ID}7:samples0:"));
    assert_eq!(written(&read(&bare)), bare);
    let odd = answer(&response(&format!("{ID}8:intervali99999999999e3:numi-1e7:samples0:")));
    let samples = odd.samples.unwrap();
    assert_eq!((samples.interval, samples.total), (Some(21_600), Some(0)));
}

#[test]
fn what_krpc_cannot_say_is_refused_and_not_changed() {
    let key = Key::default();
    let token = Token::from_slice(b"t").unwrap();
    let value = StoreValue::Raw { value: b"x".to_vec() };
    let kind = ValueKind::Raw;
    let raw = Response { value: Some(FoundValue::Raw(Vec::new())), ..Response::default() };
    for message in [
        asked(Request::Store { key, token, value }),
        asked(Request::FindValue { key, kind, newer_than: None, scrape: false }),
        message(Body::Response(raw)),
        Message { network: NetworkId(7), ..asked(Request::Ping) },
    ] {
        let refused = encode(&message, &mut Vec::new());
        assert!(matches!(refused, Err(EncodeError::NotExpressible { .. })), "{refused:?}");
    }
}

#[test]
fn an_answer_stays_below_1024_bytes_and_an_item_below_what_ethernet_takes() {
    let nodes =
        |count| Some(vec![Contact::new(Key::default(), "192.0.2.1:1".parse().unwrap()); count]);
    let many = message(Body::Response(Response { nodes: nodes(40), ..Response::default() }));
    assert!(matches!(
        encode(&many, &mut Vec::new()),
        Err(EncodeError::TooLong { limit: REPLY_MAX, .. })
    ));
    let item = MutableItem {
        public_key: [0; 32],
        salt: Vec::new(),
        seq: i64::MAX,
        signature: [0; 64],
        value: format!("996:{}", "v".repeat(996)).into_bytes(),
    };
    let value = Some(FoundValue::Item(Item::Mutable(item)));
    let token = Token::from_slice(b"12345678");
    let full = Response { nodes: nodes(8), token, value, ..Response::default() };
    let observed = Some("192.0.2.1:6881".parse().unwrap());
    let full = Message { observed, ..message(Body::Response(full)) };
    assert!(encode(&full, &mut Vec::new()).is_ok());
}
