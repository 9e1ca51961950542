//! The crate against models, another implementation, crashes and hostile bytes.

mod crash;
mod genesis;
mod model;
mod snapshot;
mod state;
mod trie;
mod tx;
