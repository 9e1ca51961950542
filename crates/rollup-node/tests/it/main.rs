//! The rollup node against an L1 made for it, served over HTTP by nodes with good and bad manners.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what the tests' helpers meet unexpectedly fails the test"
)]

mod derivation;
mod engine;
mod gossip;
mod lies;
mod witness;
mod world;
