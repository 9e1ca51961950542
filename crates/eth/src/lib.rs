//! Ethereum's nouns and state: what the chains that execute the EVM share.
//!
//! - [`state`]: accounts, what a block changes of them, and the port they are read through.

pub mod state;
