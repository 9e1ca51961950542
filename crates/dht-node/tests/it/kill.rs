//! A node is killed while it writes (`kill -9`), again and again: what it acknowledged is there.
//!
//! The node runs in a child process: this test binary once more, told by a variable to run one test,
//! which is the node. The parent stores records over UDP, notes which were acknowledged, kills the
//! child after a random number of them, starts it anew, and asks for every one.
//!
//! `QUINTET_KILL_ROUNDS` sets the number of kills; ten without it.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::{SocketAddr, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use quintet_dht_node::{DhtConfig, DhtNode};
use quintet_dht_protocol::{
    codec::{self, Codec},
    key::Key,
    message::{
        Body, FoundValue, Item, Message, NetworkId, Query, Request, TransactionId, ValueKind, Want,
    },
};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use crate::{
    peer::store,
    support::{Node, bencoded},
};

/// Where the child keeps its data; without it the child's test does nothing.
const DIR: &str = "QUINTET_KILL_DIR";
const ROUNDS: &str = "QUINTET_KILL_ROUNDS";
const ROUNDS_DEFAULT: u64 = 10;
const READY: &str = "node listens at ";
/// Stores under way at once.
const WINDOW: usize = 32;
/// Time an answer may take; UDP on loopback may lose a packet, so questions are repeated.
const ANSWER: Duration = Duration::from_millis(500);

/// The child: a node, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_in_a_child_process() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let node = Node::start_in(Path::new(&dir), DhtNode::new(DhtConfig::local())).await;
    println!("\n{READY}{}", node.addr());
    std::future::pending().await
}

#[test]
fn no_acknowledged_record_is_lost_when_the_node_is_killed() {
    let rounds = std::env::var(ROUNDS).map_or(ROUNDS_DEFAULT, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut rng = StdRng::seed_from_u64(rounds);
    let mut acknowledged: Vec<Item> = Vec::new();
    for round in 0..rounds {
        let mut node = Killable::start(dir.path());
        node.find_all(&acknowledged, round);
        let kill_after = rng.random_range(0..200);
        let stored = node.store_until_killed(round, kill_after);
        assert!(stored.len() >= kill_after, "round {round}: only {} stored", stored.len());
        acknowledged.extend(stored);
    }
    Killable::start(dir.path()).find_all(&acknowledged, rounds);
    println!("{} records acknowledged, {rounds} kills, none lost", acknowledged.len());
}

struct Killable {
    child: Child,
    socket: UdpSocket,
    next: u32,
}

impl Drop for Killable {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Killable {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::a_node_in_a_child_process", "--nocapture"])
            .env(DIR, dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addr: SocketAddr = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(READY).map(|addr| addr.parse().unwrap()))
            .expect("the child starts its node");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(addr).unwrap();
        socket.set_read_timeout(Some(ANSWER)).unwrap();
        Self { child, socket, next: 0 }
    }

    fn ask(&mut self, request: Request) -> u32 {
        self.next += 1;
        let query = Query { sender: Key::new([1; 20]), want: Want::Unsaid, request };
        let message = Message {
            tid: TransactionId::from(self.next),
            network: NetworkId::BITTORRENT,
            version: None,
            read_only: true,
            observed: None,
            body: Body::Query(query),
        };
        let mut bytes = Vec::new();
        codec::encode(Codec::Krpc, &message, &mut bytes).unwrap();
        // A killed node refuses packets; the missing answer tells.
        let _ = self.socket.send(&bytes);
        self.next
    }

    /// The next answer; none if there is none for a while, or the node is gone.
    fn answer(&self) -> Option<(u32, Body)> {
        let mut buffer = [0; 2_048];
        let len = self.socket.recv(&mut buffer).ok()?;
        let message = codec::decode(&buffer[..len]).unwrap().1;
        Some((message.tid.as_u32().unwrap(), message.body))
    }

    /// Asks for every record, many at a time, until each was found or said to be missing.
    fn find_all(&mut self, items: &[Item], round: u64) {
        let mut waiting: Vec<&Item> = items.iter().collect();
        let mut under_way: HashMap<u32, &Item> = HashMap::new();
        let mut silences = 0;
        loop {
            while under_way.len() < WINDOW
                && let Some(item) = waiting.pop()
            {
                under_way.insert(self.ask(find(item)), item);
            }
            if under_way.is_empty() {
                return;
            }
            match self.answer() {
                Some((tid, Body::Response(response))) => {
                    if let Some(item) = under_way.remove(&tid) {
                        let found = response.value == Some(FoundValue::Item(item.clone()));
                        assert!(found, "round {round}: lost {}", item.target());
                    }
                }
                Some((_, body)) => panic!("round {round}: {body:?}"),
                None => {
                    silences += 1;
                    assert!(silences < 60, "round {round}: the node does not answer");
                    waiting.extend(under_way.drain().map(|(_, item)| item));
                }
            }
        }
    }

    /// Stores records, many at a time; kills the node after `kill_after` acknowledgements, with the
    /// others under way, and returns all that were acknowledged.
    fn store_until_killed(&mut self, round: u64, kill_after: usize) -> Vec<Item> {
        let mut acknowledged = Vec::new();
        let mut under_way: HashMap<u32, (Item, bool)> = HashMap::new();
        let mut killed = false;
        let mut made = 0;
        let mut silences = 0;
        loop {
            if acknowledged.len() >= kill_after && !killed {
                self.child.kill().unwrap();
                killed = true;
            }
            while !killed && under_way.len() < WINDOW {
                made += 1;
                let item = Item::Immutable { value: bencoded(&format!("{round}/{made}")) };
                under_way.insert(self.ask(find(&item)), (item, false));
            }
            let Some((tid, body)) = self.answer() else {
                silences += 1;
                assert!(killed || silences < 60, "round {round}: the node does not answer");
                if killed {
                    return acknowledged;
                }
                continue;
            };
            let Some((item, is_store)) = under_way.remove(&tid) else { continue };
            match body {
                Body::Response(_) if is_store => acknowledged.push(item),
                Body::Response(response) if !killed => {
                    let token = response.token.unwrap();
                    under_way.insert(self.ask(store(item.clone(), token)), (item, true));
                }
                Body::Response(_) => {}
                other => panic!("round {round}: {other:?}"),
            }
        }
    }
}

fn find(item: &Item) -> Request {
    let kind = ValueKind::Item;
    Request::FindValue { key: item.target(), kind, newer_than: None, scrape: false }
}
