//! An EVM chain on disk: what LuxTensor's node, and a rollup's embedded execution layer, stand on.
//!
//! ```text
//!   block ──────► import ─┐                         ┌─► state: flat, tries, diffs   (quintet-eth)
//!   attributes ─► build ──┼─► execute ─► one batch ─┼─► headers, bodies, receipts, senders
//!   head hash ──► set_forkchoice (revert, execute) ─┘└─► by number, by transaction, filters of logs
//!                                   │
//!                                   └─► observers: connected, disconnected, forkchoice
//!
//!   reader ──► blocks, receipts, logs, state of a block, proofs, calls, replays      one snapshot, for ever the same
//! ```
//!
//! - [`EthChain`]: the chain; what writes. Cheap to clone.
//! - [`ChainReader`]: the chain as it is at one moment; make one for each request.
//! - [`ChainSpec`]: genesis and schedule, of Ethereum or of an OP chain, as data.
//! - [`Attributes`], [`Built`]: a block in the making.
//! - [`Observer`]: who wants to hear of what happened.
//!
//! # Invariants
//!
//! - A block, its receipts, the state after it and everything that finds them again are on disk in one record, or none of it is.
//! - The state on disk is that of the head. Blocks beside the head's chain are kept as they came, and executed when they are to be head.
//! - A bad block is an [`ImportError::Invalid`] and stays one; a broken disk is a [`ChainError`].
//! - One writer at a time; readers never wait for it on engines that make snapshots without copies.
//! - No clock or randomness of its own: callers bring time. One thread brings the journal's changes to the tables; the cores are rayon's.
//!
//! The layout on disk is in `docs/formats/eth-chain.md`.

mod attributes;
mod block;
mod blooms;
mod error;
mod journal;
mod observe;
mod options;
mod reader;
mod receipts;
mod senders;
mod spec;
mod tables;
mod write;

pub use attributes::{Attributes, Built, Candidate, OpAttributes, Refused};
pub use block::{BlockRef, BlockTag, SealedBlock};
pub use error::{BuildError, ChainError, ForkchoiceError, ImportError};
pub use observe::{ChainEvent, Observer, Subscription};
pub use options::{ChainOptions, Retention};
pub use reader::{
    AccessListOutcome, Ancestors, ChainReader, EstimateError, Forkchoice, LogEntry, LogFilter,
    LogLimits, LogRange, Replay, ReplayStep, Simulator, TransactionPlace,
};
pub use senders::SenderCache;
pub use spec::{ChainSpec, SpecError};
pub use write::{EthChain, HeadChange, Imported, Inserted};
