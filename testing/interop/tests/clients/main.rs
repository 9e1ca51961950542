//! Third-party clients and hand-made packets against the `quintet` binary.
//!
//! A test whose client or binary is absent says so in one line and passes, unless
//! `INTEROP_REQUIRED` is set.

mod clients;
mod kaspa;
mod keys;
mod kind;
mod krpc;
mod lux;
mod mainline_node;
mod mixed_swarm;
mod rollup;
mod rollup_execution;
mod rollup_network;
mod scenarios;
