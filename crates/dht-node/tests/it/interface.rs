//! JSON-RPC: what it is, and that it works.

use quintet_dht_node::{DhtConfig, DhtNode, RpcListen, registry, rpc_types::*};
use quintet_node::config::BindAddr;
use quintet_rpc::client::{ClientError, Credentials, RpcClient};
use serde_json::{Value, json};

use crate::support::Node;

#[test]
fn the_interface_is_as_documented() {
    insta::assert_json_snapshot!(registry().document());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_stores_and_finds_a_text() {
    let other = Node::start(DhtConfig::local()).await;
    let dir = tempfile::tempdir().unwrap();
    let rpc = RpcListen { listen: BindAddr::loopback(0), ..RpcListen::default() };
    let config = DhtConfig { rpc, ..DhtConfig::local() }.with_bootstrap([other.addr()]);
    let node = Node::start_in(dir.path(), DhtNode::new(config)).await;
    node.until(|status| status.dht.contacts == 1).await;

    let url = format!("http://{}", node.handle.rpc_addr().unwrap());
    let stranger = RpcClient::new(&url, "quintet dht").unwrap();
    let refused = stranger.call::<Value>("dht_status", json!([])).await;
    assert!(matches!(refused, Err(ClientError::Unauthorized { .. })), "{refused:?}");
    let cookie = Credentials::CookieFile(dir.path().join("rpc.cookie"));
    let operator = stranger.credentials(cookie);

    let stored: PutInfo =
        operator.call("dht_put", json!([{ "text": "Hello World!" }, true])).await.unwrap();
    assert_eq!((stored.acknowledged, stored.key.len()), (1, 40));
    let found: GetInfo = operator.call("dht_get", json!({ "key": stored.key })).await.unwrap();
    let Some(RecordInfo::Immutable { text, .. }) = found.record else { panic!("{found:?}") };
    assert_eq!(text.as_deref(), Some("Hello World!"));

    let status: Value = operator.call("dht_status", json!([])).await.unwrap();
    assert_eq!((&status["joined"], &status["publications"]), (&json!(true), &json!(1)));
    let table: Vec<BucketInfo> = operator.call("dht_table", json!([])).await.unwrap();
    assert_eq!(table[0].contacts[0].addr, other.addr().to_string());
    let addr = other.addr().to_string();
    let pong: PongInfo = operator.call("dht_ping", json!([addr])).await.unwrap();
    assert_eq!(pong.id, table[0].contacts[0].id);
    let peers: PutInfo = operator.call("dht_announce", json!([stored.key, 4_000])).await.unwrap();
    assert_eq!(peers.acknowledged, 1);
    let peers: PeersInfo = operator.call("dht_getPeers", json!([stored.key])).await.unwrap();
    assert_eq!(peers.peers, ["127.0.0.1:4000"]);
    let nodes: LookupInfo = operator.call("dht_lookup", json!([stored.key])).await.unwrap();
    assert_eq!(nodes.nodes.len(), 1);
    let forgotten: usize = operator.call("dht_unpublish", json!([stored.key])).await.unwrap();
    assert_eq!(forgotten, 1);
    let records: RecordsInfo = operator.call("dht_records", json!([])).await.unwrap();
    assert_eq!((records.records, records.publications), (0, 0));

    let bad = operator.call::<Value>("dht_get", json!(["123"])).await;
    let Err(ClientError::Method { code, message, .. }) = bad else { panic!("{bad:?}") };
    assert_eq!(code, quintet_rpc::code::INVALID_PARAMS);
    assert!(message.contains("40 hex"), "{message}");
    node.stop().await;
    assert!(!dir.path().join("rpc.cookie").exists());
}
