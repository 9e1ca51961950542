//! Bitcoin Core's RPC: its names, results and error codes.
//!
//! ```text
//!   call ──► table: name ──► parameters by place or by name ──► a function on the kernel's thread ──► result
//!                  └──► the few that wait: for a block, for the end
//! ```
//!
//! # Invariants
//!
//! - Parameters of the wrong number or type are refused before anything is done.
//! - A method that is not here is answered with code -32601.
//!
//! **Spec:** Bitcoin Core, `rpc/`, `rpc/protocol.h`, `doc/JSON-RPC-interface.md`.

mod args;
mod blockchain;
mod blocks;
mod control;
mod descriptor;
mod fault;
mod mempool;
mod mining;
mod network;
mod peers;
mod raw;
mod scan;
mod serve;
mod table;
mod waiting;

pub use fault::code;
pub use serve::{BitcoinRpc, registry};
