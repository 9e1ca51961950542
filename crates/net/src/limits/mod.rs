//! Limits: how many connections, how many bytes and messages, how many datagrams.
//!
//! - [`Connections`]: slots in total, for one host and for one network group.
//! - [`Seats`]: places of a server's clients; the longest idle one makes room.
//! - [`TokenBucket`], [`TrafficLimit`]: bytes and messages over time for one connection.
//! - [`AddressLimiter`]: datagrams over time for every host there is, in a fixed amount of memory.

mod address;
mod bucket;
mod connections;
mod seats;

pub use address::{AddressLimiter, AddressLimiterConfig, Decision};
pub use bucket::{Rate, RateError, Shortage, TokenBucket, TrafficLimit};
pub use connections::{
    ConnectionLimits, Connections, Direction, DirectionLimits, LimitError, Slot,
};
pub use seats::{Busy, Place, Seats};
