//! Tests of whole nodes: [`network`] among themselves, [`server`] against a hand-made peer.

mod network;
mod server;
mod world;
