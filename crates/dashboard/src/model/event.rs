//! Facts in the past tense, and log lines.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{DagBlock, DagId, DhtKey, NodeId};

/// Names one lookup from start to finish; unique across the network the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(pub u64);

impl fmt::Display for LookupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for LookupId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a lookup is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupKind {
    /// The nodes closest to a key.
    FindNode,
    /// A stored record.
    FindValue,
    /// The peers announced for an infohash.
    GetPeers,
    /// The nodes that are to store a record.
    Store,
}

/// How one query of a lookup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It was sent; the answer is open.
    Queried,
    /// The peer answered with closer nodes.
    Answered,
    /// The peer answered with what was looked for.
    Found,
    /// The peer answered with an error.
    Refused,
    /// The peer did not answer in time.
    TimedOut,
}

/// Something that happened in a network. The publisher stamps it with the time.
///
/// A node's state is taken from its entry alone; [`Event::NodeStarted`] and [`Event::NodeStopped`] only tell of the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A node came up.
    NodeStarted {
        /// Which one.
        node: NodeId,
    },
    /// A node went down.
    NodeStopped {
        /// Which one.
        node: NodeId,
    },
    /// A node began a lookup.
    LookupStarted {
        /// The lookup.
        lookup: LookupId,
        /// The node that looks.
        node: NodeId,
        /// The key it looks for.
        target: DhtKey,
        /// What it is after.
        kind: LookupKind,
    },
    /// A lookup sent a query, or a query of it ended.
    LookupStepped {
        /// The lookup.
        lookup: LookupId,
        /// The node that looks.
        from: DhtKey,
        /// The peer it asked.
        to: DhtKey,
        /// Bits of the distance from that peer to the target: 0 is the target itself, 160 the far half.
        distance_bits: u16,
        /// How the query ended.
        outcome: StepOutcome,
    },
    /// A lookup is over.
    LookupFinished {
        /// The lookup.
        lookup: LookupId,
        /// Whether it got what it was after.
        found: bool,
        /// The length of the longest chain of referrals it followed.
        hops: u16,
        /// How long it took, in milliseconds.
        ms: u32,
    },
    /// A node took a record into its store.
    RecordStored {
        /// Which node.
        node: NodeId,
        /// The record's key.
        key: DhtKey,
    },
    /// A block joined the DAG.
    DagBlockAdded {
        /// The block.
        #[serde(flatten)]
        block: DagBlock,
    },
    /// The selected chain of the DAG is another one.
    SelectedChainMoved {
        /// Blocks that left it, at most [`DAG_CHAIN_MOVES_MAX`](crate::DAG_CHAIN_MOVES_MAX).
        left: Vec<DagId>,
        /// Blocks that joined it, upwards, at most [`DAG_CHAIN_MOVES_MAX`](crate::DAG_CHAIN_MOVES_MAX).
        joined: Vec<DagId>,
    },
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Follows single messages.
    Trace,
    /// Explains decisions.
    Debug,
    /// Tells an operator what goes on.
    Info,
    /// Something an operator should look at.
    Warn,
    /// Something is broken.
    Error,
}

impl From<tracing::Level> for LogLevel {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::TRACE => Self::Trace,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::INFO => Self::Info,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::ERROR => Self::Error,
        }
    }
}

/// One line of a log. Its text may come from a hostile peer: it is cut to size here and shown as text by the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When: milliseconds since the Unix epoch.
    pub time: u64,
    /// How much it matters.
    pub level: LogLevel,
    /// The node that wrote it, if one did.
    pub node: Option<NodeId>,
    /// The module that wrote it.
    pub target: String,
    /// The text, cut to [`LOG_MESSAGE_BYTES_MAX`](crate::LOG_MESSAGE_BYTES_MAX).
    pub message: String,
}
