//! The crate against models, another implementation, crashes and hostile bytes.

mod genesis;
mod trie;
mod tx;
