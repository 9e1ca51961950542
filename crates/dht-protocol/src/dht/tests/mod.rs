//! Tests of whole nodes: [`network`] among themselves, [`byzantine`] among liars, [`server`] against a
//! hand-made peer.

mod byzantine;
mod network;
mod server;
mod world;
