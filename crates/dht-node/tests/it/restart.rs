//! What a node knows after a restart.

use quintet_dht_node::{DhtConfig, DhtNode};
use quintet_dht_protocol::message::{Item, ValueKind};

use crate::{
    peer::Peer,
    support::{Node, bencoded, immutable, network},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_node_has_its_id_and_records_and_rejoins_without_bootstrap() {
    let nodes = network(4).await;
    let dir = tempfile::tempdir().unwrap();
    let config = DhtConfig::local().with_bootstrap([nodes[0].addr()]);
    let node = Node::start_in(dir.path(), DhtNode::new(config)).await;
    let before = node.until(|status| status.dht.contacts >= 2).await;
    Peer::facing(node.addr()).await.put(immutable("kept")).await.unwrap();
    node.stop().await;

    let node = Node::start_in(dir.path(), DhtNode::new(DhtConfig::local())).await;
    let item = immutable("kept");
    let found = node.client.get_immutable(item.target()).await.unwrap();
    assert_eq!(found.value, Some(item));
    assert_eq!(found.report.queries, 0, "from its own shelf");
    let after = node.until(|status| status.dht.contacts >= 2).await;
    assert_eq!(after.dht.id, before.dht.id);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_published_stays_so_through_a_restart_until_it_is_unpublished() {
    let other = Node::start(DhtConfig::local()).await;
    let dir = tempfile::tempdir().unwrap();
    let config = DhtConfig::local().with_bootstrap([other.addr()]);
    let node = Node::start_in(dir.path(), DhtNode::new(config.clone())).await;
    node.until(|status| status.dht.contacts > 0).await;
    let stored = node.client.put_item(immutable("mine"), None, true).await.unwrap();
    assert_eq!(stored.acknowledged, 1);
    node.client.announce(stored.key, Some(1_000), false, true).await.unwrap();
    node.client.put_item(immutable("not kept"), None, false).await.unwrap();
    node.stop().await;

    let node = Node::start_in(dir.path(), DhtNode::new(config)).await;
    assert_eq!(node.client.publications().await, Ok(2));
    assert_eq!(node.client.unpublish(stored.key).await, Ok(2));
    node.stop().await;
    let node = Node::start_in(dir.path(), DhtNode::new(DhtConfig::local())).await;
    assert_eq!(node.client.publications().await, Ok(0));
}

#[tokio::test]
async fn peers_and_unsigned_bytes_are_kept_too() {
    use quintet_dht_protocol::message::{Request, StoreValue};
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start_in(dir.path(), DhtNode::new(DhtConfig::local())).await;
    let mut peer = Peer::facing(node.addr()).await;
    let key = Item::Immutable { value: bencoded("x") }.target();
    let token = peer.token(key, ValueKind::Peers).await;
    let value = StoreValue::Peer { port: None, seed: true };
    peer.call(Request::Store { key, token, value }).await.unwrap();
    node.stop().await;

    let node = Node::start_in(dir.path(), DhtNode::new(DhtConfig::local())).await;
    assert_eq!(node.client.get_peers(key).await.unwrap().value, [peer.addr()]);
    assert_eq!(node.client.status().await.unwrap().dht.records, 1);
}
