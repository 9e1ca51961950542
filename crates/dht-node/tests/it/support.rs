//! Starting and stopping nodes, and waiting for what they report.

use std::{path::Path, time::Duration};

use quintet_actor::bus::Delivery;
use quintet_dht_node::{DhtClient, DhtConfig, DhtHandle, DhtNode, NodeStatus};
use quintet_dht_protocol::{
    key::Key,
    message::{Item, MutableItem},
};
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};
use tempfile::TempDir;
use tokio::time::timeout;

/// Time anything in these tests may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Node {
    pub(crate) running: RunningNode,
    pub(crate) handle: DhtHandle,
    pub(crate) client: DhtClient,
    pub(crate) health: Health,
    /// Removed when the test ends; none where the test brought its own.
    _dir: Option<TempDir>,
}

impl Node {
    pub(crate) async fn start(config: DhtConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let node = Self::start_in(dir.path(), DhtNode::new(config)).await;
        Self { _dir: Some(dir), ..node }
    }

    pub(crate) async fn start_in(dir: &Path, node: DhtNode) -> Self {
        let health = Health::new();
        let ctx = NodeContext::new("dht", DataDir::open(dir).unwrap(), &health);
        let (running, handle) = node.spawn(ctx).await.unwrap();
        Self { running, client: handle.client(), handle, health, _dir: None }
    }

    pub(crate) fn addr(&self) -> std::net::SocketAddr {
        self.handle.local_addrs()[0]
    }

    /// Returns the status once it is as wished; it is looked at whenever the node reports something.
    pub(crate) async fn until(&self, wished: impl Fn(&NodeStatus) -> bool) -> NodeStatus {
        let mut events = self.handle.events();
        let waited = timeout(PATIENCE, async {
            loop {
                let status = self.client.status().await.unwrap();
                if wished(&status) {
                    return status;
                }
                assert_ne!(events.next().await, Delivery::Closed);
            }
        });
        match waited.await {
            Ok(status) => status,
            Err(_) => panic!("never came to be: {:?}", self.client.status().await),
        }
    }

    pub(crate) async fn stop(self) {
        let report = self.running.stop().await.unwrap();
        assert!(report.is_clean(), "{report}");
    }
}

/// Starts `count` nodes that know the first of them, and waits until each knows most others.
pub(crate) async fn network(count: usize) -> Vec<Node> {
    let mut nodes = vec![Node::start(DhtConfig::local()).await];
    let first = nodes[0].addr();
    for _ in 1..count {
        nodes.push(Node::start(DhtConfig::local().with_bootstrap([first])).await);
    }
    for node in &nodes {
        node.until(|status| status.dht.contacts >= count / 2).await;
    }
    nodes
}

/// A bencoded string.
pub(crate) fn bencoded(text: &str) -> Vec<u8> {
    format!("{}:{text}", text.len()).into_bytes()
}

pub(crate) fn immutable(text: &str) -> Item {
    Item::Immutable { value: bencoded(text) }
}

pub(crate) fn mutable(seq: i64, text: &str) -> Item {
    let key = quintet_crypto::ed25519::SecretKey::from_seed(&[7; 32]);
    Item::Mutable(MutableItem::sign(&key, b"salt".to_vec(), seq, bencoded(text)))
}

pub(crate) fn key(byte: u8) -> Key {
    Key::new([byte; 20])
}
