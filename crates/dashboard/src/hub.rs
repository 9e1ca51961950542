//! Turns what is published into frames and hands them to every client.
//!
//! Two locks, always taken in this order, and never across an await or a log line (a log line may come back here
//! through the application's subscriber):
//!
//! 1. `published`: the state after the last frame. Only the ticker and clients that (re)join take it.
//! 2. `pending`: what came since. Publishers take this one only, so they never wait for a frame being built.
//!
//! # Invariants
//!
//! - A frame is numbered, applied to `published` and broadcast under one lock; a client that joins under the same lock
//!   therefore sees every frame after its snapshot exactly once.
//! - At most [`FRAMES_BUFFERED`] frames wait for a slow client, shared by all of them; a slower one is told that it lagged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::broadcast;

use crate::dag::Dag;
use crate::frame::{Delta, Dropped, Frame, PROTOCOL, Snapshot};
use crate::lookups::{Lookups, push_bounded};
use crate::model::{Kind, LogLine, NodeEntry, NodeId, Throughput};
use crate::pending::{NODES_MAX, NodeChange, Pending};

/// Frames that wait for a slow client: 1.6 s at ten a second.
const FRAMES_BUFFERED: usize = 16;
/// Log lines a page that opens now gets.
const LOGS_KEPT: usize = 400;
/// Chart points a page that opens now gets, a kind: five minutes at one a second.
const SAMPLES_KEPT: usize = 300;
/// Ticks without news after which an empty delta tells the page that the feed is alive: 2 s at ten a second.
const IDLE_TICKS_MAX: u32 = 20;

/// The state of the feed, shared by publishers, the ticker and clients.
#[derive(Debug)]
pub(crate) struct Hub {
    pending: Mutex<Pending>,
    published: Mutex<Published>,
    frames: broadcast::Sender<Utf8Bytes>,
}

/// A client's place in the feed: where it stands, and what comes after.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) snapshot: Utf8Bytes,
    pub(crate) frames: broadcast::Receiver<Utf8Bytes>,
}

impl Hub {
    /// An empty feed.
    pub(crate) fn new() -> Self {
        Self {
            pending: Mutex::default(),
            published: Mutex::default(),
            frames: broadcast::Sender::new(FRAMES_BUFFERED),
        }
    }

    /// Changes what the next frame will say.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut lock(&self.pending));
    }

    /// Makes a frame of what came since the last one and hands it to every client.
    ///
    /// # Errors
    ///
    /// If the frame has no JSON form; clients then see a gap and ask for a snapshot.
    pub(crate) fn tick(&self) -> Result<(), serde_json::Error> {
        let mut published = lock(&self.published);
        let pending = std::mem::take(&mut *lock(&self.pending));
        let Some(delta) = published.advance(pending, unix_millis()) else { return Ok(()) };
        if self.frames.receiver_count() > 0 {
            let text = render(&Frame::Delta(delta))?;
            // The count may have fallen to zero meanwhile, which is no fault.
            let _ = self.frames.send(text);
        }
        Ok(())
    }

    /// A snapshot, and the frames that follow it.
    pub(crate) fn join(&self) -> Result<Place, serde_json::Error> {
        let mut published = lock(&self.published);
        let frames = self.frames.subscribe();
        Ok(Place { snapshot: published.snapshot_text()?, frames })
    }

    /// The snapshot alone.
    pub(crate) fn snapshot(&self) -> Result<Utf8Bytes, serde_json::Error> {
        lock(&self.published).snapshot_text()
    }
}

/// The state after the last frame.
#[derive(Debug, Default)]
struct Published {
    seq: u64,
    time: u64,
    idle_ticks: u32,
    nodes: BTreeMap<NodeId, NodeEntry>,
    lookups: Lookups,
    dag: Dag,
    logs: VecDeque<LogLine>,
    throughput: BTreeMap<Kind, VecDeque<Throughput>>,
    dropped: Dropped,
    /// The snapshot's text, made once a frame however many clients ask for it.
    text: Option<Utf8Bytes>,
}

impl Published {
    /// Takes in what came since the last frame; `None` if there is nothing to tell.
    fn advance(&mut self, pending: Pending, now: u64) -> Option<Delta> {
        self.dropped.add(pending.dropped);
        let (nodes, removed) = self.merge_nodes(pending.nodes);
        for stamped in &pending.events {
            self.lookups.apply(stamped);
            self.dag.apply(stamped);
        }
        for line in &pending.logs {
            push_bounded(&mut self.logs, line.clone(), LOGS_KEPT);
        }
        for sample in &pending.samples {
            push_bounded(self.throughput.entry(sample.kind).or_default(), *sample, SAMPLES_KEPT);
        }
        let mut delta = Delta {
            seq: 0,
            time: now,
            nodes,
            removed,
            events: pending.events,
            logs: pending.logs,
            throughput: pending.samples,
            dropped: self.dropped,
        };
        if delta.is_empty() && self.idle_ticks + 1 < IDLE_TICKS_MAX {
            self.idle_ticks += 1;
            return None;
        }
        self.idle_ticks = 0;
        self.seq += 1;
        self.time = now;
        self.text = None;
        delta.seq = self.seq;
        Some(delta)
    }

    /// The entries that differ from what the page has, and the ids that it no longer needs.
    fn merge_nodes(
        &mut self,
        changes: BTreeMap<NodeId, NodeChange>,
    ) -> (Vec<NodeEntry>, Vec<NodeId>) {
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        for (id, change) in changes {
            match change {
                NodeChange::Removed => {
                    if self.nodes.remove(&id).is_some() {
                        removed.push(id);
                    }
                }
                NodeChange::Set(entry) if self.nodes.get(&id) == Some(&entry) => {}
                NodeChange::Set(entry) => {
                    if self.nodes.len() < NODES_MAX || self.nodes.contains_key(&id) {
                        self.nodes.insert(id, (*entry).clone());
                        set.push(*entry);
                    } else {
                        self.dropped.nodes += 1;
                    }
                }
            }
        }
        (set, removed)
    }

    fn snapshot_text(&mut self) -> Result<Utf8Bytes, serde_json::Error> {
        if let Some(text) = &self.text {
            return Ok(text.clone());
        }
        let kept = |ring: &VecDeque<Throughput>| ring.iter().copied().collect();
        let text = render(&Frame::Snapshot(Snapshot {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION"),
            seq: self.seq,
            time: self.time,
            nodes: self.nodes.values().cloned().collect(),
            lookups: self.lookups.records(),
            dag: self.dag.records(),
            logs: self.logs.iter().cloned().collect(),
            throughput: self.throughput.iter().map(|(kind, ring)| (*kind, kept(ring))).collect(),
            dropped: self.dropped,
        }))?;
        self.text = Some(text.clone());
        Ok(text)
    }
}

/// Now, as the page counts time: milliseconds since the Unix epoch.
pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn render(frame: &Frame) -> Result<Utf8Bytes, serde_json::Error> {
    serde_json::to_string(frame).map(Utf8Bytes::from)
}

/// A panic of another thread while it held the lock leaves at worst a half-applied frame, which the page survives.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::model::{DhtKey, DhtNode, Figures, NodeState, Panel, Rates};

    fn node(id: &str, peers: u32) -> NodeEntry {
        let panel = Panel::Dht(DhtNode {
            key: DhtKey([7; 20]),
            bucket_size: 8,
            buckets: Vec::new(),
            records: 0,
            neighbours: Vec::new(),
        });
        let (id, name, endpoint) = (id.into(), id.to_owned(), "127.0.0.1:1".to_owned());
        NodeEntry {
            id,
            name,
            endpoint,
            state: NodeState::Running,
            peers,
            rates: Rates::default(),
            panel,
        }
    }

    fn json(text: &Utf8Bytes) -> Value {
        serde_json::from_str(text.as_str()).unwrap()
    }

    #[test]
    fn a_snapshot_is_followed_by_the_next_delta_without_gap_or_repeat() {
        let hub = Hub::new();
        hub.publish(|pending| pending.set_node(node("a", 1)));
        hub.tick().unwrap();
        hub.publish(|pending| pending.set_node(node("b", 1)));
        let mut place = hub.join().unwrap();
        hub.tick().unwrap();
        let (snapshot, delta) = (json(&place.snapshot), json(&place.frames.try_recv().unwrap()));
        assert_eq!(snapshot["nodes"].as_array().unwrap().len(), 1);
        assert_eq!(delta["nodes"][0]["id"], "b");
        assert_eq!(delta["seq"].as_u64().unwrap(), snapshot["seq"].as_u64().unwrap() + 1);
    }

    #[test]
    fn an_entry_equal_to_the_last_one_makes_no_frame() {
        let hub = Hub::new();
        let mut place = hub.join().unwrap();
        for _ in 0..2 {
            hub.publish(|pending| pending.set_node(node("a", 1)));
            hub.tick().unwrap();
        }
        assert!(place.frames.try_recv().is_ok());
        assert!(place.frames.try_recv().is_err());
    }

    #[test]
    fn an_idle_feed_still_says_that_it_is_alive() {
        let hub = Hub::new();
        let mut place = hub.join().unwrap();
        for _ in 0..IDLE_TICKS_MAX {
            assert!(place.frames.is_empty());
            hub.tick().unwrap();
        }
        assert_eq!(json(&place.frames.try_recv().unwrap())["seq"], 1);
    }

    #[test]
    fn more_nodes_than_the_page_can_show_are_counted() {
        let hub = Hub::new();
        for number in 0..NODES_MAX + 2 {
            hub.publish(|pending| pending.set_node(node(&format!("n{number}"), 1)));
            hub.tick().unwrap();
        }
        let snapshot = json(&hub.snapshot().unwrap());
        assert_eq!(snapshot["nodes"].as_array().unwrap().len(), NODES_MAX);
        assert_eq!(snapshot["dropped"]["nodes"], 2);
    }

    #[test]
    fn a_kind_lies_flat_in_its_nodes_entry() {
        let entry = serde_json::to_value(node("a", 1)).unwrap();
        assert_eq!(entry["kind"], "dht");
        assert_eq!(entry["key"], "07".repeat(20));
    }

    #[test]
    fn rates_no_chart_can_draw_become_zero() {
        let hub = Hub::new();
        let rates = Rates {
            queries_in: f64::NAN,
            queries_out: -1.0,
            bytes_in: f64::INFINITY,
            bytes_out: 2.0,
        };
        let figures = Figures::Network(rates);
        let sample = Throughput { kind: Kind::Dht, time: 1, figures };
        hub.publish(|pending| pending.push_sample(sample));
        hub.tick().unwrap();
        let point = &json(&hub.snapshot().unwrap())["throughput"]["dht"][0];
        assert_eq!(point["queries_in"], 0.0);
        assert_eq!(point["queries_out"], 0.0);
        assert_eq!(point["bytes_in"], 0.0);
        assert_eq!(point["bytes_out"], 2.0);
    }

    #[test]
    fn the_snapshot_keeps_a_bounded_tail_of_logs() {
        let hub = Hub::new();
        for number in 0..LOGS_KEPT + 1 {
            let (time, message) = (number as u64, String::new());
            let line = LogLine {
                time,
                level: crate::LogLevel::Info,
                node: None,
                target: String::new(),
                message,
            };
            hub.publish(|pending| pending.push_log(line));
            hub.tick().unwrap();
        }
        let logs = json(&hub.snapshot().unwrap())["logs"].clone();
        assert_eq!(logs.as_array().unwrap().len(), LOGS_KEPT);
        assert_eq!(logs[0]["time"], 1);
    }
}
