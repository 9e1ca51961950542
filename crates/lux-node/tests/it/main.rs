//! The node as its users meet it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod dev;
mod python;
mod rpc;
