//! Blocks to be mined, and blocks mined on the spot where work costs nothing.
//!
//! ```text
//!   pool's chunks, best first ──► template: coinbase, commitment, header ──► getblocktemplate
//!                                            └──► nonces tried in turn ──► generatetoaddress (regtest)
//! ```
//!
//! **Spec:** Bitcoin Core, `node/miner.cpp`, `GenerateCoinbaseCommitment`, `UpdateTime`; BIP-0022, BIP-0034, BIP-0141.

mod coinbase;
mod template;

pub use coinbase::Coinbase;
pub use template::{MineError, Template, TemplateOptions, TemplateTransaction};
