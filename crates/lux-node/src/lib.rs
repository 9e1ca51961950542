//! A LuxTensor node.
//!
//! ```text
//!   genesis file ─► LuxGenesis ─► EthChain ◄── DevChain: mining, time, snapshots, accounts by hand
//!                                                 ▲
//!                                  transactions ──┘ TransactionSource (the pool)
//! ```
//!
//! - [`genesis`]: the first block, in Ethereum's format with LuxTensor's own section.
//! - [`dev`]: a chain for one, which mines what it is given: what Foundry and Hardhat projects run on.
//! - [`rpc`]: the methods by which their tools drive it.
//! - [`send`]: what accounts whose keys are here send through a node.
//! - [`validator`]: a node of a network: proposes, votes, imports, follows finality.
//! - [`p2p`]: how such nodes reach each other.
//!
//! ```text
//!   peers ◄──libp2p──► p2p ◄──► validator ◄──► lux-protocol's Consensus
//!                                  └──► EthChain, pool ──► Ethereum's RPC and lux_*
//! ```
//!
//! - [`python`]: a chain of the old Python node, verified and carried into a genesis file.
//!
//! # Invariants
//!
//! - State, blocks and their rules are the chain's. Nothing here decides what a block does.

pub mod dev;
pub mod genesis;
pub mod p2p;
pub mod python;
pub mod rpc;
pub mod send;
pub mod validator;
