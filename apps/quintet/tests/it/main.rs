//! The built binary, driven as people and scripts drive it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what the tests' helpers meet unexpectedly fails the test"
)]

mod bitcoin;
mod bitcoin_kill;
mod cluster;
mod config;
mod dht;
mod kaspa_kill;
mod lux;
mod lux_network;
mod network;
mod quintet;
mod rollup;
mod rollup_kill;
mod surface;
mod vectors;
