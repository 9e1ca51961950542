//! The web page of a running network and the WebSocket feed behind it.
//!
//! The application pushes what it sees into a [`Publisher`]; browsers read it. Nothing flows the other way: the
//! page cannot change the network, and the server answers only `GET` and `HEAD`, only on a loopback address.
//!
//! ```text
//!  application                     this crate                                      browser
//!  ───────────                     ──────────                                      ───────
//!  Publisher::node ─┐   ┌──────────┐  10 Hz  ┌───────────┐ broadcast  ┌────────┐
//!  Publisher::event ├──►│ Pending  ├────────►│ Published ├───────────►│ client ├──► GET /feed
//!  Publisher::log  ─┘   │ (bounded)│ Delta   │ (bounded) │ lag:       │ (each) │
//!                       └──────────┘         └─────┬─────┘ Snapshot   └────────┘
//!                                                  └──────────────────────────────► GET /api/snapshot
//! ```
//!
//! # Invariants
//!
//! - Publishing never waits for a browser: it takes a short lock around bounded buffers and returns.
//! - A client receives a [`Snapshot`](frame::Snapshot), then deltas whose `seq` follows it without a gap. A client
//!   too slow to keep up loses its place and gets a fresh snapshot instead; it never makes the server buffer more.
//! - Every response, refusals included, carries the content security policy of [`guard`].
//! - The frame is the same for every node kind. What only one kind has lies in [`Panel`], one variant a kind, and in
//!   one module of the page's `panels/` folder.

mod assets;
mod clients;
mod connections;
mod dag;
mod frame;
mod guard;
mod hub;
mod lookups;
mod model;
mod pending;
mod publisher;
mod server;

pub use dag::DagRecord;
pub use frame::{Delta, Dropped, Frame, Snapshot, Stamped};
pub use lookups::{LookupRecord, LookupResult};
pub use model::{
    BitcoinBlock, BitcoinNode, BitcoinPeer, BitcoinRates, Bucket, ChainRates, DagBlock, DagId,
    DagRates, DhtKey, DhtNode, Event, FeeBand, Figures, KaspaNode, Kind, L1Point, LogLevel,
    LogLine, LookupId, LookupKind, LuxBlock, LuxConsensus, LuxNode, LuxPoint, LuxSlot,
    LuxSlotState, LuxValidator, NodeEntry, NodeId, NodeState, Panel, PoolPicture, Rates,
    RollupBlock, RollupHead, RollupNode, RollupRole, StepOutcome, Throughput, Wei,
};
pub use pending::{
    BLOCKS_MAX, BUCKETS_MAX, DAG_CHAIN_MOVES_MAX, DAG_LINKS_MAX, EVENTS_PER_FRAME_MAX,
    FEE_BANDS_MAX, LOG_MESSAGE_BYTES_MAX, LOGS_PER_FRAME_MAX, NAME_BYTES_MAX, NEIGHBOURS_MAX,
    PEERS_MAX, SLOTS_MAX, STEPS_PER_FRAME_MAX, VALIDATORS_MAX,
};
pub use publisher::Publisher;
pub use server::{Dashboard, DashboardConfig, DashboardError, DashboardHandle};
