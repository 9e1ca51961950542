//! The DHT node: the Kademlia core of `quintet-dht-protocol` with sockets, disk and RPC.
//!
//! ```text
//!            UDP                                         JSON-RPC         this process
//!             ▲ │                                           │                  │
//!   replies   │ ▼ packets                                   ▼                  ▼
//!   ┌────────┐ ┌────────────────────────┐ wishes   ┌─────────────┐     ┌──────────────┐
//!   │ writer │◄│ socket: owns the `Dht` │◄─────────│ DhtClient   │◄────│ embedder     │
//!   └───┬────┘ └──────────┬─────────────┘ outcomes └──────┬──────┘     └──────▲───────┘
//!       │ batches         │ facts                         ▼                   │
//!       ▼                 └────────► EventBus<DhtEvent> ──┼───────────────────┘
//!   ┌────────┐                                     ┌─────────────┐
//!   │ store  │◄────────────────────────────────────│ publisher   │ keeps records alive
//!   └────────┘                                     └─────────────┘
//! ```
//!
//! - `socket`: one actor, one thread at a time: packets in, effects out. Never waits for the disk.
//! - `writer`: makes records durable in groups, and only then lets their acknowledgements go.
//! - `publisher`: announces again, about every hour, what this node was asked to keep published.
//! - `persistence`: what lies on disk, and how a node finds its way back from it.
//! - `rpc`: the operator's door. [`DhtClient`]: the embedder's.
//!
//! # Invariants
//!
//! - A store is acknowledged after it is on disk, never before: a crash loses nothing acknowledged.
//! - The socket loop waits for nobody: where the disk or a client is slow, it refuses or drops, and
//!   counts what it dropped.
//! - A fault of the disk stops the node; what cannot be written is refused, not promised.
//!
//! `examples/embed.rs` shows a node inside another program.

mod bootstrap;
mod client;
mod clock;
mod config;
mod event;
mod node;
mod persistence;
mod publisher;
mod rpc;
mod socket;
mod writer;

pub use client::{DhtClient, DhtError, Found, Pong, Stored};
pub use config::{DhtConfig, LimitsConfig, RpcListen, StorageConfig};
pub use event::DhtEvent;
pub use node::{DhtHandle, DhtNode};
pub use persistence::SCHEMA;
pub use publisher::PUBLICATIONS_MAX;
pub use rpc::{registry, types as rpc_types};
pub use socket::{BindError, Drops, NodeStatus};

/// Tells the installed metrics recorder what this crate's metrics mean. Call it once, after installing.
pub fn describe_metrics() {
    socket::describe_metrics();
    writer::describe_metrics();
}
