//! The crate against models, another implementation, crashes and hostile bytes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod genesis;
mod model;
mod snapshot;
mod state;
mod trie;
mod tx;
