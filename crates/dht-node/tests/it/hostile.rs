//! Packets that no honest peer sends, and too many of them.

use quintet_dht_node::{DhtConfig, LimitsConfig};
use quintet_dht_protocol::{
    dht::PACKET_MAX,
    message::{Body, Request, Token, code},
};

use crate::{
    peer::{Peer, store},
    support::{Node, immutable, key},
};

#[tokio::test]
async fn a_flood_of_junk_from_one_address_is_dropped_unread_and_others_are_served() {
    let limits =
        LimitsConfig { packets: 50, burst: 50, exempt_local: false, ..LimitsConfig::default() };
    let node = Node::start(DhtConfig { limits, ..DhtConfig::local() }).await;
    let flood = Peer::at("127.0.0.2", node.addr()).await;
    let mut honest = Peer::facing(node.addr()).await;
    for round in 0..40_u8 {
        for junk in [&b"d1:q"[..], b"\xf5\x00", b"{", b"", &[round; 1_400]] {
            for _ in 0..10 {
                flood.send_bytes(junk).await;
            }
        }
        honest.ping().await;
    }
    let status = node.client.status().await.unwrap();
    assert!(status.drops.limited > 1_000, "{:?}", status.drops);
    assert!((40..500).contains(&status.dht.traffic.malformed), "{:?}", status.dht.traffic);
    assert_eq!(status.dht.traffic.pings, 40);
    node.stop().await;
}

#[tokio::test]
async fn a_packet_longer_than_any_message_is_dropped() {
    let node = Node::start(DhtConfig::local()).await;
    let mut peer = Peer::facing(node.addr()).await;
    peer.send_bytes(&vec![b'd'; PACKET_MAX + 1]).await;
    peer.send_bytes(&vec![b'd'; 60_000]).await;
    peer.send_bytes(&vec![b'd'; PACKET_MAX]).await;
    peer.ping().await;
    let status = node.client.status().await.unwrap();
    assert_eq!((status.drops.oversized, status.dht.traffic.malformed), (2, 1));
}

#[tokio::test]
async fn a_malformed_query_is_answered_with_what_was_expected() {
    let node = Node::start(DhtConfig::local()).await;
    let mut peer = Peer::facing(node.addr()).await;
    peer.send_bytes(b"d1:ad2:id3:abce1:q4:ping1:t4:aaaa1:y1:qe").await;
    let message = peer.next().await;
    assert_eq!(message.tid.as_bytes(), b"aaaa");
    let Body::Error(error) = message.body else { panic!("{message:?}") };
    assert_eq!(error.code, code::PROTOCOL);
    assert!(error.message.contains("20"), "{error:?}");
}

#[tokio::test]
async fn an_unknown_method_and_a_wrong_token_get_their_errors() {
    let node = Node::start(DhtConfig::local()).await;
    let mut peer = Peer::facing(node.addr()).await;
    let method = Request::Unknown { method: "frobnicate".into(), target: None };
    assert_eq!(peer.call(method).await.unwrap_err().code, code::METHOD_UNKNOWN);

    let forged = Token::from_bytes([9; 8]);
    let refused = peer.call(store(immutable("forged"), forged)).await.unwrap_err();
    assert_eq!(refused.code, code::PROTOCOL);
    let foreign = peer.token(key(1), quintet_dht_protocol::message::ValueKind::Item).await;
    let refused = peer.call(store(immutable("of another key"), foreign)).await.unwrap_err();
    assert_eq!(refused.code, code::PROTOCOL);
    assert_eq!(node.client.status().await.unwrap().dht.records, 0);
}

#[tokio::test]
async fn an_answer_counts_once_and_only_from_whom_was_asked() {
    let node = Node::start(DhtConfig::local()).await;
    let mut asked = Peer::facing(node.addr()).await;
    let mut forger = Peer::facing(node.addr()).await;
    let addr = asked.addr();
    let client = node.client.clone();
    let ping = tokio::spawn(async move { client.ping(addr).await });

    let query = asked.next().await;
    assert!(matches!(query.body, Body::Query(_)));
    forger.respond(query.tid.clone()).await;
    forger.ping().await;
    assert!(!ping.is_finished());
    asked.respond(query.tid.clone()).await;
    assert!(ping.await.unwrap().is_ok());
    asked.respond(query.tid).await;
    forger.ping().await;
    let [issued, answered, _, _, wrong_address, unsolicited] =
        node.client.status().await.unwrap().dht.queries;
    assert_eq!((issued, answered, wrong_address, unsolicited), (1, 1, 1, 1));
}

#[tokio::test]
async fn a_query_that_says_it_is_read_only_is_served_and_its_sender_left_alone() {
    let node = Node::start(DhtConfig::local()).await;
    let mut peer = Peer::facing(node.addr()).await;
    let response = peer.call(Request::FindNode { target: key(1) }).await.unwrap();
    assert_eq!(response.nodes, Some(Vec::new()));
    let status = node.client.status().await.unwrap();
    assert_eq!((status.dht.contacts, status.dht.queries[0]), (0, 0));
}
