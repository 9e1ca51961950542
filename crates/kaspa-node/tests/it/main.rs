//! Tests of the Kaspa node against what its parts promise one another.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail a test as tests do")]

mod acceptance;
mod call;
mod dump;
mod index;
mod joined;
mod kill;
mod lab;
mod model;
mod orders;
mod p2p;
mod power;
mod pruning;
mod refusals;
mod replay;
mod rpc;
mod sim;
mod storage;
