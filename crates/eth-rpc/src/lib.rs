//! Ethereum's JSON-RPC and Engine API over a chain and its transaction pool.
//!
//! ```text
//!   client ─► quintet-rpc (HTTP, WebSocket, limits) ─► methods ─► args ─► ChainReader, Pool ─► json ─► answer
//!                                                        │
//!   chain ──events──► EthNode: pool, filters, subscriptions
//! ```
//!
//! - [`EthNode`]: the chain, the pool and all that is kept for clients; one for each chain.
//! - [`module`], [`registry`]: the methods of execution-apis for ordinary clients, with their descriptions.
//! - [`engine_module`]: the methods for a consensus client, on a port of their own behind a token.
//! - [`typed_data`]: what wallets sign beside transactions.
//! - [`graphql`]: the same chain as objects that refer to each other.
//!
//! # Invariants
//!
//! - A call reads one snapshot of the chain; what it says fits together.
//! - What costs time runs on threads for such work, never on those that serve sockets.
//! - Everything a client may ask for is bounded by [`EthRpcConfig`], and what runs code or searches by five seconds of wall time.
//! - Codes and words of errors are go-ethereum's where it has any.
//!
//! **Spec:** execution-apis.

mod answer;
mod args;
mod config;
mod deadline;
mod engine;
mod error;
mod fees;
mod filters;
pub mod graphql;
mod json;
mod methods;
mod node;
mod pool;
mod revert;
mod schema;
mod simulate;
mod subscribe;
mod table;
mod trace;
pub mod typed_data;

pub use config::EthRpcConfig;
pub use engine::{engine_module, engine_registry};
pub use error::{EthError, codes};
pub use methods::{look_ahead, module, registry};
pub use node::{Clock, EthNode, NodeParts, PeerCount};
pub use pool::{Form, PoolService, Restored, SubmitHook};
