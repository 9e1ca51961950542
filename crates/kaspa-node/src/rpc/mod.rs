//! What clients ask of a Kaspa node: wRPC over WebSocket, as JSON and as Borsh, and gRPC, as protobuf.
//!
//! ```text
//!   WebSocket ─► server ─┐
//!                        ├─► table: numbers, name, run ─► calls ─► Core: consensus, pool, templates, index, peers
//!   HTTP/2 ────► grpc ───┘                                            │
//!      ▲                                                              │
//!      └── notifications, encoded once an encoding ◄── Hub ◄──────────┘ follower
//! ```
//!
//! # Invariants
//!
//! - One table of methods is behind all encodings.
//! - A connection has so many calls under way, so many notifications waiting and so many addresses watched; who does not read is disconnected.
//!
//! **Spec:** rusty-kaspa's `rpc/`, its `rpc/grpc/`, `workflow-rpc` 0.18.

mod calls;
mod core;
mod door;
mod failure;
mod grpc;
mod hub;
pub mod model;
mod peers;
pub mod protobuf;
mod server;
mod table;
pub mod wire;

pub(crate) use calls::{blocks::show as show_block, chain::accepted_ids};
pub(crate) use core::now_millis;
pub use core::{Core, CoreOptions, RPC_VERSION};
pub use door::RpcServerError;
pub use failure::Failure;
pub use grpc::{GRPC_CLIENTS_MAX, GrpcServer};
pub use hub::{Hub, Subscription};
pub use peers::{NoPeers, Peers};
pub use server::{Encoding, WrpcServer};
pub use table::{Described, methods};
