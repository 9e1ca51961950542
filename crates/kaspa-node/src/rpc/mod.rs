//! What clients ask of a Kaspa node: wRPC over WebSocket, as JSON and as Borsh.
//!
//! ```text
//!   WebSocket ─► server ─► table: number, name, run ─► calls ─► Core: consensus, pool, templates, index, peers
//!       ▲                                                          │
//!       └── notifications, encoded once an encoding ◄── Hub ◄──────┘ follower
//! ```
//!
//! # Invariants
//!
//! - One table of methods is behind both encodings.
//! - A connection has so many calls under way, so many notifications waiting and so many addresses watched; who does not read is disconnected.
//!
//! **Spec:** rusty-kaspa's `rpc/`, `workflow-rpc` 0.18.

mod calls;
mod core;
mod failure;
mod hub;
pub mod model;
mod peers;
mod server;
mod table;
pub mod wire;

pub(crate) use calls::{blocks::show as show_block, chain::accepted_ids};
pub(crate) use core::now_millis;
pub use core::{Core, CoreOptions, RPC_VERSION};
pub use failure::Failure;
pub use hub::{Hub, Subscription};
pub use peers::{NoPeers, Peers};
pub use server::{Encoding, RpcServerError, WrpcServer};
pub use table::{Described, methods};
