//! What the feed speaks of: nodes, what they do, what they say.
//!
//! Shapes here are the wire format of the page. Keys and 64-bit ids travel as strings, because a browser's numbers
//! are exact to 53 bits only.

mod bitcoin;
mod dht;
mod event;
mod kaspa;
mod lux;
mod pool;
mod rollup;

use std::fmt;

use serde::Serialize;

pub use bitcoin::{BitcoinBlock, BitcoinNode, BitcoinPeer, BitcoinRates};
pub use dht::{Bucket, DhtKey, DhtNode};
pub use event::{Event, LogLevel, LogLine, LookupId, LookupKind, StepOutcome};
pub use kaspa::{DagBlock, DagId, DagRates, KaspaNode};
pub use lux::{
    ChainRates, LuxBlock, LuxConsensus, LuxNode, LuxPoint, LuxSlot, LuxSlotState, LuxValidator, Wei,
};
pub use pool::{FeeBand, PoolPicture};
pub use rollup::{L1Point, RollupBlock, RollupHead, RollupNode, RollupRole};

/// A node kind. A new kind adds a variant here, one to [`Panel`], and a module to the page's `panels/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A Kademlia node.
    Dht,
    /// A Bitcoin node.
    Bitcoin,
    /// A Kaspa node.
    Kaspa,
    /// A LuxTensor chain.
    Lux,
    /// A rollup.
    Rollup,
}

/// The name by which the application knows a node; unique across kinds, stable while the node lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct NodeId(pub(crate) String);

impl NodeId {
    /// Wraps a name such as `dht-03`.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a node is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It is being brought up and does not serve yet.
    Starting,
    /// It serves.
    Running,
    /// It serves, but something it needs is missing (no peers, for example).
    Degraded,
    /// It was stopped on purpose.
    Stopped,
    /// It ended by a fault.
    Failed,
}

/// One node as the page shows it. Publishing an entry again replaces the earlier one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeEntry {
    /// The name events and logs refer to.
    pub id: NodeId,
    /// The name people read, cut to [`NAME_BYTES_MAX`](crate::NAME_BYTES_MAX).
    pub name: String,
    /// Where the node listens, as text: `127.0.0.1:6881`.
    pub endpoint: String,
    /// Where the node is in its life.
    pub state: NodeState,
    /// Peers the node knows.
    pub peers: u32,
    /// Traffic of the last second or so.
    pub rates: Rates,
    /// What only this kind has.
    #[serde(flatten)]
    pub panel: Panel,
}

impl NodeEntry {
    /// The kind, read from the panel.
    pub fn kind(&self) -> Kind {
        match self.panel {
            Panel::Dht(_) => Kind::Dht,
            Panel::Bitcoin(_) => Kind::Bitcoin,
            Panel::Kaspa(_) => Kind::Kaspa,
            Panel::Lux(_) => Kind::Lux,
            Panel::Rollup(_) => Kind::Rollup,
        }
    }
}

/// What only one kind has; tagged with `kind` and flattened into the node's entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Panel {
    /// A Kademlia node.
    Dht(DhtNode),
    /// A Bitcoin node.
    Bitcoin(BitcoinNode),
    /// A Kaspa node.
    Kaspa(KaspaNode),
    /// A node of a LuxTensor chain.
    Lux(LuxNode),
    /// A rollup's node.
    Rollup(RollupNode),
}

/// Rates per second. A value that is negative or not finite is published as zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Queries received, per second.
    pub queries_in: f64,
    /// Queries sent, per second.
    pub queries_out: f64,
    /// Payload bytes received, per second.
    pub bytes_in: f64,
    /// Payload bytes sent, per second.
    pub bytes_out: f64,
}

impl Rates {
    /// The same rates with every value a chart cannot draw replaced by zero.
    #[must_use]
    pub(crate) fn drawable(self) -> Self {
        Self {
            queries_in: drawable(self.queries_in),
            queries_out: drawable(self.queries_out),
            bytes_in: drawable(self.bytes_in),
            bytes_out: drawable(self.bytes_out),
        }
    }
}

/// What the charts of a kind are drawn of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figures {
    /// Traffic between peers.
    Network(Rates),
    /// What goes into blocks.
    Chain(ChainRates),
    /// What Bitcoin nodes move.
    Bitcoin(BitcoinRates),
    /// What a DAG takes in.
    Dag(DagRates),
}

impl Figures {
    /// The same figures with every value a chart cannot draw replaced by zero.
    #[must_use]
    pub(crate) fn drawable(self) -> Self {
        match self {
            Self::Network(rates) => Self::Network(rates.drawable()),
            Self::Chain(rates) => Self::Chain(rates.drawable()),
            Self::Bitcoin(rates) => Self::Bitcoin(rates.drawable()),
            Self::Dag(rates) => Self::Dag(rates.drawable()),
        }
    }
}

/// One point of a kind's charts, summed over its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Throughput {
    /// The kind it is of.
    pub kind: Kind,
    /// When it was taken: milliseconds since the Unix epoch.
    pub time: u64,
    /// The figures at that time.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What a chart can draw of a rate.
pub(crate) fn drawable(rate: f64) -> f64 {
    if rate.is_finite() && rate > 0.0 { rate } else { 0.0 }
}
