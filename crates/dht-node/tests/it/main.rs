//! Whole nodes on loopback: real sockets, real files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what the tests' helpers meet unexpectedly fails the test"
)]

mod disk;
mod hostile;
mod interface;
mod kill;
mod network;
mod peer;
mod restart;
mod support;
