//! Peers that do what none should: the node says why, lets them go, and serves the others.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use quintet_kaspa_node::p2p::Settings;
use quintet_kaspa_protocol::{
    hashing::hash_merkle_root,
    wire::{Frame, Message, Version},
};
use quintet_primitives::Hash256;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{
    node::{Node, eventually},
    raw::{Raw, version},
};
use crate::lab::params;

const SIMNET: &str = "kaspa-simnet";

async fn node() -> (Node, Arc<AtomicU64>) {
    let params = params(true);
    let time = Arc::new(AtomicU64::new(params.genesis.timestamp + 1_000_000));
    let node = Node::start(&params, &time, &[]).await;
    node.mine_many(5, 1);
    (node, time)
}

fn address(node: &Node) -> std::net::SocketAddr {
    node.network.local_address().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_of_another_network_is_told_so() {
    let (node, _) = node().await;
    let raw = Raw::connect(address(&node)).await;
    raw.send(Message::Version(Box::new(version("kaspa-mainnet")))).await;
    let said = raw.end().await.unwrap();
    assert_eq!(said, "Network mismatch - local: kaspa-simnet, remote: kaspa-mainnet");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_of_an_older_protocol_is_told_so() {
    let (node, _) = node().await;
    let raw = Raw::connect(address(&node)).await;
    let old = Version { protocol_version: 9, ..version(SIMNET) };
    raw.send(Message::Version(Box::new(old))).await;
    let said = raw.end().await.unwrap();
    assert_eq!(said, "P2P protocol version mismatch - local: 11, remote: 9");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_of_one_node_is_refused() {
    let (node, _) = node().await;
    let same = version(SIMNET);
    let shake = async |raw: &mut Raw| {
        raw.send(Message::Version(Box::new(same.clone()))).await;
        raw.send(Message::Verack).await;
        raw.wait_for("ready", |message| matches!(message, Message::Ready).then_some(())).await;
        raw.send(Message::Ready).await;
    };
    let mut first = Raw::connect(address(&node)).await;
    shake(&mut first).await;
    eventually("the first is in", || node.network.peers().len() == 1).await;
    let mut second = Raw::connect(address(&node)).await;
    shake(&mut second).await;
    assert_eq!(second.end().await.as_deref(), Some("DUPLICATE_CONNECTION"));
    assert_eq!(node.network.peers().len(), 1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_ends_the_connection_and_nothing_else() {
    let (node, _) = node().await;
    let mut too_long = vec![0x82, 0x01];
    too_long.extend([0x80, 0x80, 0x04]);
    too_long.resize(too_long.len() + (1 << 16), 0);
    let cases: [(&str, Vec<u8>); 5] = [
        ("nothing", vec![]),
        ("garbage", vec![0xff; 40]),
        ("an unknown kind", vec![0xa2, 0x06, 0x00]),
        ("a ping of 64 KiB", too_long),
        (
            "two payloads",
            [Frame::new(Message::Verack).encode(), Frame::new(Message::Ready).encode()].concat(),
        ),
    ];
    for (what, bytes) in cases {
        let raw = Raw::meet(address(&node), SIMNET).await;
        raw.send_bytes(bytes).await;
        // The reason is lost where the end of the stream overtakes it: much of what was sent is still unread then.
        assert!(raw.end().await.is_none_or(|said| said.contains("expected")), "{what}");
        node.network.unban(address(&node).ip());
    }
    eventually("nobody is connected", || node.network.peers().is_empty()).await;
    Raw::meet(address(&node), SIMNET).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_nobody_asked_for_end_the_connection() {
    let (node, _) = node().await;
    for message in [
        Message::DoneHeaders,
        Message::BlockLocator(vec![]),
        Message::PruningPoints(vec![]),
        Message::Ready,
    ] {
        let kind = message.kind();
        let raw = Raw::meet(address(&node), SIMNET).await;
        raw.send(message).await;
        let said = raw.end().await.unwrap();
        assert_eq!(said, format!("expected answers to questions, got {kind}"));
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_other_than_the_one_asked_for_is_misbehaviour() {
    let (node, _) = node().await;
    let mut raw = Raw::meet(address(&node), SIMNET).await;
    raw.send(Message::InvRelayBlock(Hash256::new([7; 32]))).await;
    let id = loop {
        let frame = raw.next().await.unwrap();
        if let Message::RequestRelayBlocks(hashes) = frame.message {
            assert_eq!(hashes, [Hash256::new([7; 32])]);
            break frame.request_id;
        }
    };
    let other = node.consensus().block(&node.consensus().sink()).unwrap().unwrap();
    raw.send_frame(Frame::response(Message::Block(Box::new(other)), id)).await;
    assert!(raw.end().await.unwrap().starts_with("requested block hash 0707"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_block_is_refused_and_its_sender_let_go() {
    let (node, _) = node().await;
    let template = node.consensus().build_block_template(crate::lab::miner(), vec![]);
    let mut block = template.unwrap().unwrap().block;
    // The coinbase claims another blue score. A wrong hash root would not do: whoever sends a block may have changed its transactions.
    block.transactions[0].payload[0] ^= 1;
    block.header.hash_merkle_root = hash_merkle_root(&block.transactions);
    let hash = block.header.hash();
    let mut raw = Raw::meet(address(&node), SIMNET).await;
    raw.send(Message::InvRelayBlock(hash)).await;
    loop {
        let frame = raw.next().await.unwrap();
        if let Message::RequestRelayBlocks(_) = frame.message {
            let answer = Message::Block(Box::new(block.clone()));
            raw.send_frame(Frame::response(answer, frame.request_id)).await;
            break;
        }
    }
    let said = raw.end().await.unwrap();
    assert!(said.contains("blue score"), "{said}");
    // Whoever tells of it again is let go at once.
    let raw = Raw::meet(address(&node), SIMNET).await;
    raw.send(Message::InvRelayBlock(hash)).await;
    assert!(raw.end().await.unwrap().starts_with("sent inv of an invalid block"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_what_is_not_there_end_the_connection() {
    let (node, _) = node().await;
    let nowhere = Hash256::new([9; 32]);
    for (request, said) in [
        (Message::RequestRelayBlocks(vec![nowhere]), "cannot find full block"),
        (Message::RequestBlockBodies(vec![nowhere]), "cannot find full block"),
        (Message::RequestHeaders { low: nowhere, high: nowhere }, "is not a chain ancestor"),
        (Message::RequestAntipast { block: nowhere, context: nowhere }, "is not known"),
        (
            Message::RequestBlockLocator { high: nowhere, limit: 9 },
            "is not above our pruning point",
        ),
    ] {
        let raw = Raw::meet(address(&node), SIMNET).await;
        raw.send(request).await;
        let end = raw.end().await.unwrap();
        assert!(end.contains(said), "{end}");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_half_open_connections_does_not_keep_an_honest_peer_out() {
    let params = params(true);
    let time = Arc::new(AtomicU64::new(params.genesis.timestamp + 1_000_000));
    let settings = Settings { inbound_max: 400, ..Node::settings(&time) };
    let node = Node::with(&params, &time, settings).await;
    node.mine_many(3, 1);
    let mut crowd = Vec::new();
    for number in 0..300_u32 {
        let mut stream = TcpStream::connect(address(&node)).await.unwrap();
        // Every third says nothing, every third garbage, every third the beginning of HTTP/2.
        match number % 3 {
            0 => {}
            1 => stream.write_all(&[0x16, 0x03, 0x01, 0xff]).await.unwrap(),
            _ => stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap(),
        }
        crowd.push(stream);
    }
    let honest = Node::start(&params, &time, &[&node]).await;
    let sink = node.consensus().sink();
    eventually("the honest peer is served", || honest.consensus().sink() == sink).await;
    drop(crowd);
    honest.stop().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_refused_until_others_end() {
    let params = params(true);
    let time = Arc::new(AtomicU64::new(params.genesis.timestamp + 1_000_000));
    let node =
        Node::with(&params, &time, Settings { inbound_max: 2, ..Node::settings(&time) }).await;
    let first = Raw::meet(address(&node), SIMNET).await;
    let second = Raw::meet(address(&node), SIMNET).await;
    eventually("two are in", || node.network.peers().len() == 2).await;
    let mut third = TcpStream::connect(address(&node)).await.unwrap();
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut third, &mut byte);
    let read = tokio::time::timeout(Duration::from_secs(30), read).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "it was let in: {read:?}");
    drop(first);
    eventually("there is room again", || node.network.peers().len() == 1).await;
    Raw::meet_eventually(address(&node), SIMNET).await;
    drop(second);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_address_is_not_talked_to_until_it_is_unbanned() {
    let (node, _) = node().await;
    let raw = Raw::meet(address(&node), SIMNET).await;
    eventually("it is in", || node.network.peers().len() == 1).await;
    node.network.ban(address(&node).ip());
    assert_eq!(raw.end().await.as_deref(), Some("peer is banned"));
    assert_eq!(node.network.peer_addresses().1, [address(&node).ip()]);
    let mut refused = TcpStream::connect(address(&node)).await.unwrap();
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut refused, &mut byte);
    let read = tokio::time::timeout(Duration::from_secs(30), read).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(node.network.unban(address(&node).ip()));
    Raw::meet(address(&node), SIMNET).await;
    node.stop().await;
}
