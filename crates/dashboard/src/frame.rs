//! The messages of the feed: a snapshot first, then deltas.
//!
//! `seq` counts frames. A delta follows the snapshot or delta with `seq - 1`; a snapshot may come at any time (after
//! a client lost its place) and replaces everything before it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dag::DagRecord;
use crate::lookups::LookupRecord;
use crate::model::{Event, Kind, LogLine, NodeEntry, NodeId, Throughput};

/// The version of these messages; the page asks to be reloaded when it meets another.
pub(crate) const PROTOCOL: u16 = 1;

/// One message of the feed.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// Everything.
    Snapshot(Snapshot),
    /// What changed since the frame before.
    Delta(Delta),
}

/// Everything a page needs to draw itself.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// The version of these messages.
    pub protocol: u16,
    /// The program's version.
    pub version: &'static str,
    /// The frame this is the state after.
    pub seq: u64,
    /// When it was made: milliseconds since the Unix epoch.
    pub time: u64,
    /// Every node, by id.
    pub nodes: Vec<NodeEntry>,
    /// Lookups that ended, then those under way; each oldest first.
    pub lookups: Vec<LookupRecord>,
    /// The latest blocks of the DAG, in the order in which they came.
    pub dag: Vec<DagRecord>,
    /// The latest log lines, oldest first.
    pub logs: Vec<LogLine>,
    /// The latest chart points of each kind, oldest first.
    pub throughput: BTreeMap<Kind, Vec<Throughput>>,
    /// What did not fit since the start.
    pub dropped: Dropped,
}

/// What changed since the frame before. To be applied in the order of the fields.
#[derive(Debug, Clone, Serialize)]
pub struct Delta {
    /// This frame's number.
    pub seq: u64,
    /// When it was made: milliseconds since the Unix epoch.
    pub time: u64,
    /// Nodes that are new or differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeEntry>,
    /// Nodes that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<NodeId>,
    /// What happened, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Stamped>,
    /// Log lines, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
    /// Chart points, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub throughput: Vec<Throughput>,
    /// What did not fit since the start.
    pub dropped: Dropped,
}

impl Delta {
    /// Whether it says nothing but the time.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
            && self.removed.is_empty()
            && self.events.is_empty()
            && self.logs.is_empty()
            && self.throughput.is_empty()
    }
}

/// An event and when it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stamped {
    /// Milliseconds since the Unix epoch.
    pub time: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// How much did not fit into the feed's bounds since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Entries of nodes.
    pub nodes: u64,
    /// Events.
    pub events: u64,
    /// Log lines.
    pub logs: u64,
    /// Chart points.
    pub samples: u64,
}

impl Dropped {
    /// Adds what another part of the feed dropped.
    pub(crate) fn add(&mut self, more: Self) {
        self.nodes = self.nodes.saturating_add(more.nodes);
        self.events = self.events.saturating_add(more.events);
        self.logs = self.logs.saturating_add(more.logs);
        self.samples = self.samples.saturating_add(more.samples);
    }
}
