//! The disk is slow, or fails: what is acknowledged, and what the node does.

use std::sync::{Arc, Condvar, Mutex};

use quintet_dht_node::{DhtConfig, DhtNode, SCHEMA};
use quintet_dht_protocol::message::{ValueKind, code};
use quintet_node::lifecycle::NodeError;
use quintet_store::{Durability, Engine, EngineSnapshot, MemoryEngine, Op, Store, StoreError};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    peer::{Peer, answer, store},
    support::{Node, PATIENCE, immutable},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    Works,
    Stalls,
    Fails,
}

/// A disk whose commits work, wait or fail, as the test says.
#[derive(Debug)]
struct Door {
    inner: MemoryEngine,
    disk: Mutex<Disk>,
    changed: Condvar,
    begun: mpsc::UnboundedSender<()>,
}

impl Door {
    fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<()>) {
        let (begun, begins) = mpsc::unbounded_channel();
        let (inner, changed) = (MemoryEngine::new(), Condvar::new());
        (Arc::new(Self { inner, disk: Mutex::new(Disk::Works), changed, begun }), begins)
    }

    fn set(&self, disk: Disk) {
        *self.disk.lock().unwrap() = disk;
        self.changed.notify_all();
    }

    fn pass(&self) -> Result<(), StoreError> {
        let _ = self.begun.send(());
        let disk = self.disk.lock().unwrap();
        match *self.changed.wait_while(disk, |disk| *disk == Disk::Stalls).unwrap() {
            Disk::Fails => {
                let source = "no space left".into();
                Err(StoreError::Engine { engine: "door", action: "commit", source })
            }
            Disk::Works | Disk::Stalls => Ok(()),
        }
    }
}

impl Engine for Door {
    fn name(&self) -> &'static str {
        "door"
    }
    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(table, key)
    }
    fn commit(&self, ops: Vec<Op>, durability: Durability) -> Result<(), StoreError> {
        self.pass()?;
        self.inner.commit(ops, durability)
    }
    fn snapshot(&self) -> Result<Box<dyn EngineSnapshot>, StoreError> {
        self.inner.snapshot()
    }
    fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush()
    }
    fn compact(&self) -> Result<(), StoreError> {
        self.inner.compact()
    }
    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.inner.disk_bytes()
    }
}

/// The test's hand on the door. A test that fails lets go of it, or its runtime would wait for ever.
struct Hand(Arc<Door>);

impl Hand {
    fn set(&self, disk: Disk) {
        self.0.set(disk);
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.0.set(Disk::Works);
    }
}

/// A node behind the door, once it has written its id.
async fn node() -> (Node, Hand, mpsc::UnboundedReceiver<()>, tempfile::TempDir) {
    let (door, mut begins) = Door::new();
    let store = Store::with_engine(Arc::clone(&door) as Arc<dyn Engine>, &SCHEMA).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let node = DhtNode::new(DhtConfig::local()).with_store(store);
    let node = Node::start_in(dir.path(), node).await;
    // The schema's header, then the id.
    for _ in 0..2 {
        timeout(PATIENCE, begins.recv()).await.unwrap().unwrap();
    }
    (node, Hand(door), begins, dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_acknowledged_only_once_it_is_durable_and_nobody_waits_meanwhile() {
    let (node, door, mut begins, _dir) = node().await;
    let mut peer = Peer::facing(node.addr()).await;
    let item = immutable("slowly");
    let token = peer.token(item.target(), ValueKind::Item).await;
    door.set(Disk::Stalls);
    let put = peer.ask(store(item, token)).await;
    timeout(PATIENCE, begins.recv()).await.unwrap().unwrap();
    for _ in 0..10 {
        // `ping` fails on any answer but its own that is no answer at all; the store's would be
        // seen here as the first message.
        let tid = peer.ask(quintet_dht_protocol::message::Request::Ping).await;
        assert_eq!(peer.next().await.tid, tid);
    }
    door.set(Disk::Works);
    let acknowledged = peer.next().await;
    assert_eq!(acknowledged.tid, put);
    assert!(answer(acknowledged).is_ok());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_fails_stores_are_refused_and_the_node_ends() {
    let (mut node, door, _begins, _dir) = node().await;
    let mut peer = Peer::facing(node.addr()).await;
    peer.put(immutable("first")).await.unwrap();
    let items = [immutable("second"), immutable("third")];
    let mut tokens = Vec::new();
    for item in &items {
        tokens.push(peer.token(item.target(), ValueKind::Item).await);
    }
    door.set(Disk::Stalls);
    for (item, token) in items.into_iter().zip(tokens) {
        peer.ask(store(item, token)).await;
    }
    peer.ping_after_others().await;
    door.set(Disk::Fails);
    for _ in 0..2 {
        assert_eq!(answer(peer.next().await).unwrap_err().code, code::SERVER);
    }
    let ended = timeout(PATIENCE, node.running.ended()).await.unwrap();
    assert!(matches!(ended, Err(NodeError::Escalated { .. })), "{ended:?}");
    assert!(node.health.has_failed());
    let why = format!("{:?}", node.health.components());
    assert!(why.contains("no space left"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_a_stalled_disk_refuses_further_stores_and_goes_on_answering() {
    const STORES: usize = 2_300;
    let (node, door, _begins, _dir) = node().await;
    let mut peer = Peer::facing(node.addr()).await;
    let item = immutable("again and again");
    let token = peer.token(item.target(), ValueKind::Item).await;
    door.set(Disk::Stalls);
    let mut refused = 0;
    for round in 0..STORES {
        peer.ask(store(item.clone(), token.clone())).await;
        if round % 16 == 15 {
            refused += peer.ping_after_others().await;
        }
    }
    refused += peer.ping_after_others().await;
    // What fits into the queue and the group under way is not refused.
    assert!((1..STORES - 2_000).contains(&refused), "{refused}");
    assert_eq!(node.client.status().await.unwrap().drops.writer_full, refused as u64);
    door.set(Disk::Works);
    node.stop().await;
}
