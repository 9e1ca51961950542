//! Several nodes that find each other and each other's records.

use quintet_dht_node::{DhtConfig, DhtError, DhtNode};
use quintet_dht_protocol::{dht::Failure, message::Item};
use quintet_node::config::{BindAddr, ReloadHandle, Schema, Sources};

use crate::{
    peer::Peer,
    support::{Node, immutable, key, mutable, network},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_of_eight_nodes_stores_another_finds() {
    let nodes = network(8).await;
    let (writer, reader) = (&nodes[1].client, &nodes[6].client);

    let item = immutable("Hello World!");
    let stored = writer.put_item(item.clone(), None, false).await.unwrap();
    assert_eq!(stored.key.to_string(), "e5f96f6f38320f0f33959cb4d3d656452117aadb");
    assert!(stored.acknowledged >= 4 && stored.refused.is_empty(), "{stored:?}");
    assert_eq!(reader.get_immutable(stored.key).await.unwrap().value, Some(item));
    assert_eq!(reader.get_immutable(key(1)).await.unwrap().value, None);

    let raw = writer.put_raw(key(2), b"any bytes".to_vec(), false).await.unwrap();
    assert!(raw.acknowledged >= 4, "{raw:?}");
    assert_eq!(reader.get_raw(key(2)).await.unwrap().value.as_deref(), Some(&b"any bytes"[..]));

    let closest = reader.find_node(stored.key).await.unwrap().value;
    assert!(closest.is_sorted_by_key(|contact| contact.id.distance(stored.key)));
    assert!(closest.len() >= 6, "{closest:?}");

    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_version_of_a_mutable_item_wins_and_cas_guards_it() {
    let nodes = network(4).await;
    // One writer: what it stores lies at all the others, and not with itself.
    let (one, reader) = (&nodes[1].client, &nodes[3].client);
    assert!(one.put_item(mutable(1, "first"), None, false).await.unwrap().acknowledged > 0);
    assert!(one.put_item(mutable(2, "second"), Some(1), false).await.unwrap().acknowledged > 0);

    let stale = one.put_item(mutable(1, "late"), None, false).await.unwrap();
    assert_eq!(stale.acknowledged, 0);
    assert!(stale.refused.iter().all(|(_, code, _)| *code == 302), "{stale:?}");
    let mismatch = one.put_item(mutable(3, "third"), Some(1), false).await.unwrap();
    assert_eq!(mismatch.acknowledged, 0);
    assert!(mismatch.refused.iter().all(|(_, code, _)| *code == 301), "{mismatch:?}");

    let Item::Mutable(newest) = mutable(2, "second") else { panic!("immutable") };
    let found = reader.get_mutable(newest.public_key, newest.salt.clone()).await.unwrap();
    assert_eq!(found.value, Some(Item::Mutable(newest)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_announced_at_one_node_is_found_by_another() {
    let nodes = network(4).await;
    let announced = nodes[1].client.announce(key(3), Some(4_000), true, false).await.unwrap();
    assert!(announced.acknowledged > 0, "{announced:?}");
    nodes[2].client.announce(key(3), None, false, false).await.unwrap();
    let mut peers = nodes[3].client.get_peers(key(3)).await.unwrap().value;
    peers.sort();
    let mut expected = vec!["127.0.0.1:4000".parse().unwrap(), nodes[2].addr()];
    expected.sort();
    assert_eq!(peers, expected);
}

#[tokio::test]
async fn a_ping_tells_the_id_and_silence_is_an_error() {
    let one = Node::start(DhtConfig::local()).await;
    let two = Node::start(DhtConfig::local()).await;
    let pong = one.client.ping(two.addr()).await.unwrap();
    assert_eq!(pong.id, two.client.status().await.unwrap().dht.id);
    assert!(one.health.is_ready());

    let gone = two.addr();
    two.stop().await;
    assert_eq!(one.client.ping(gone).await, Err(DhtError::Failed(Failure::Silent)));
    // The report that nobody listens there (ICMP) has not ended the loop.
    assert!(one.client.status().await.is_ok());
}

#[tokio::test]
async fn a_node_that_knows_nobody_says_so_and_an_invalid_record_is_refused_before_sending() {
    let node = Node::start(DhtConfig::local()).await;
    let nobody = Err(DhtError::Failed(Failure::NoContacts));
    assert_eq!(node.client.find_node(key(1)).await, nobody);
    let item = Item::Immutable { value: b"no bencode".to_vec() };
    let refused = node.client.put_item(item, None, false).await;
    assert!(matches!(refused, Err(DhtError::Failed(Failure::Invalid(_)))), "{refused:?}");
}

#[tokio::test]
async fn a_stopped_node_answers_its_clients_with_an_error() {
    let node = Node::start(DhtConfig::local()).await;
    let client = node.client.clone();
    node.stop().await;
    assert!(matches!(client.status().await, Err(DhtError::Unanswered(_))));
    assert!(matches!(client.publications().await, Err(DhtError::Unanswered(_))));
}

#[tokio::test]
async fn two_nodes_cannot_have_one_port() {
    let one = Node::start(DhtConfig::local()).await;
    let config = DhtConfig { listen: vec![one.addr().into()], ..DhtConfig::local() };
    let dir = tempfile::tempdir().unwrap();
    let data = quintet_node::datadir::DataDir::open(dir.path()).unwrap();
    let health = quintet_node::ops::Health::new();
    let ctx = quintet_node::lifecycle::NodeContext::new("dht", data, &health);
    let error = DhtNode::new(config).spawn(ctx).await.unwrap_err().to_string();
    assert!(error.contains("dht.listen") && error.contains(&one.addr().to_string()), "{error}");
}

#[tokio::test]
async fn a_node_of_both_families_answers_each_by_its_own_socket() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6 loopback");
        return;
    }
    let v6 = "[::1]:0".parse::<std::net::SocketAddr>().unwrap().into();
    let listen = vec![BindAddr::loopback(0), v6];
    let node = Node::start(DhtConfig { listen, ..DhtConfig::local() }).await;
    // A peer takes answers from the address it asked, and from no other.
    for (ip, addr) in [("127.0.0.1", node.addr()), ("[::1]", node.handle.local_addrs()[1])] {
        let mut peer = Peer::at(ip, addr).await;
        peer.put(immutable(ip)).await.unwrap();
        peer.ping().await;
    }
    assert_eq!(node.client.status().await.unwrap().dht.records, 2);
}

#[tokio::test]
async fn limits_and_bootstrap_follow_a_reload() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("quintet.toml");
    let local = "listen = [\"127.0.0.1:0\"]\nallow_local = true\nrpc.enabled = false";
    std::fs::write(&file, format!("[dht]\nbootstrap = []\n{local}\n")).unwrap();
    let sources = Sources::default().with_file(&file, true);
    let config = Schema::new().section::<DhtConfig>().load(&sources).unwrap();
    let section = config.section::<DhtConfig>().unwrap();
    let reload = ReloadHandle::new(config, sources);
    let node = DhtNode::new((*section).clone()).with_reloads(reload.subscribe());
    let node = Node::start_in(&dir.path().join("data"), node).await;
    let other = Node::start(DhtConfig::local()).await;

    let changed = format!(
        "[dht]\nbootstrap = [\"{}\"]\n{local}\nlimits.packets = 1\nlimits.burst = 20\nlimits.exempt_local = false\n",
        other.addr()
    );
    std::fs::write(&file, changed).unwrap();
    let report = reload.reload().unwrap();
    assert_eq!((report.applied.len(), report.needs_restart.len()), (4, 0), "{report:?}");
    node.until(|status| status.dht.contacts == 1).await;
    let flood = Peer::at("127.0.0.3", node.addr()).await;
    for _ in 0..100 {
        flood.send_bytes(b"x").await;
    }
    // The node's own packets on loopback follow those of the flood.
    let _ = node.client.ping(other.addr()).await;
    let status = node.client.status().await.unwrap();
    assert!(status.drops.limited >= 80, "{:?}", status.drops);
}
