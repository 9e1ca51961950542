//! Where a chain is kept: a journal that a commit waits for, and tables that are written behind it.
//!
//! ```text
//!   commit ──► one record ──► journal/   one append, one fdatasync: acknowledged
//!     │                          │
//!     ▼                          └── replayed at open, from the last record the tables hold
//!   active generation  ─full, or some seconds old─►  frozen generation ──one batch──► tables/
//!     ▲ newest first           ▲                                                        ▲
//!     └────────────────────────┴──────────────── reads, of one moment ─────────────────┘
//! ```
//!
//! A block changes tens of thousands of rows, most of them hashes in no order, and many of them again with the next block: the upper
//! nodes of the tries, the head, the accounts in use. Put into sorted tables one by one with each block they cost more than the block's
//! execution. So a block is durable as one record, and the tables take the rows of many blocks at once, each row in its last value.
//!
//! # Invariants
//!
//! - A commit is one record. What is acknowledged with [`Durability::Sync`] is on disk, and everything before it; with
//!   [`Durability::Buffered`] it is with the operating system, so that it outlives this process, not the machine.
//! - The tables name the record up to which they hold everything, in the same batch. The journal is synced before them, and only
//!   segments in front of that record are removed.
//! - Records are values, not steps: replayed twice they lead to the same.
//! - A reader sees all of a commit or nothing, and the same for ever.
//! - What is not in the tables yet is in memory: two generations of [`GENERATION_BYTES`] and one commit at most. A commit that finds
//!   both full waits for the tables.
//! - After a write that did not succeed nothing more is written.
//!
//! The layout is in `docs/formats/eth-chain.md`, the choice and its figures in `docs/adr/0009-blocks-in-a-journal.md`.
//!
//! [`Durability::Sync`]: quintet_store::Durability::Sync
//! [`Durability::Buffered`]: quintet_store::Durability::Buffered

mod directory;
mod engine;
mod generation;
mod merge;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use self::directory::open;

/// Changes held in memory before the tables take them, bytes of keys and values.
pub(crate) const GENERATION_BYTES: usize = 16 << 20;
