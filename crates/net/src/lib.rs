//! Peers: address book, scores, bans, connection limits, rate limits, priority queues and dialling.
//!
//! What every node kind needs before and around its own protocol, whatever bytes that protocol
//! speaks. All of it but [`dial`] and the waiting half of [`queue`] is sans-IO: time and randomness
//! are arguments.
//!
//! ```text
//!   gossip ──► book::Book ──select──► dial::Backoff ──► dial::Dialer ──► stream
//!                 ▲                                                        │
//!                 └─ succeeded / attempted                                 ▼
//!   inbound ──► bans::BanList ──► limits::Connections ──► limits::TrafficLimit ──► protocol
//!   datagram ─► bans::BanList ──► limits::AddressLimiter ─────────────────────────► protocol
//!                    ▲                                                                │
//!                    └──────────────── score::Scores ◄── misbehaviour ────────────────┤
//!                                      queue::Sender ◄── messages to send ────────────┘
//! ```
//!
//! One rule runs through it: an attacker has many addresses, so what one party may use is counted by
//! [`Host`] (an IPv4 address, an IPv6 /64) or by network group, never by socket address.

pub mod bans;
pub mod book;
pub mod dial;
pub mod limits;
pub mod queue;
pub mod score;

mod frame;
mod host;
mod subnet;

pub use frame::DecodeError;
pub use host::Host;
pub use subnet::{Subnet, SubnetError};
