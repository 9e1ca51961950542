//! The server as its clients meet it: over real sockets on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what the tests' helpers meet unexpectedly fails the test"
)]

mod ahead;
mod auth;
mod bad_input;
mod browser;
mod client;
mod lifecycle;
mod limits;
mod observed;
mod openrpc;
mod support;
mod websocket;
