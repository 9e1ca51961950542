//! The writer: makes changes durable in groups, and lets acknowledgements go only then.
//!
//! ```text
//!   socket ──Records { changes, reply, refusal }──► ┌───────┐   one batch    ┌───────┐
//!   socket, publisher ──Rows { rows, done }───────► │ inbox │ ─────────────► │ store │ commit, sync
//!                                                   └───────┘                └───┬───┘
//!          while one group is being committed,                      durable ─────┤───── failed
//!          the next one gathers                                        │                  │
//!                                                               send the replies   send the refusals,
//!                                                                                  drain, fault
//! ```
//!
//! A commit costs a disk flush whatever it carries, so the more stores come in at once, the more share
//! one flush.
//!
//! # Invariants
//!
//! - A reply leaves only after its changes are on disk; after a failed commit none leaves any more.
//! - Changes are committed in the order in which they came.
//! - A group is at most [`GROUP_WRITES_MAX`] writes and about [`GROUP_BYTES_MAX`] bytes; at most
//!   [`INBOX_CAPACITY`] writes wait.
//! - A failed commit is the end: the store takes no more writes, so the actor faults and the node stops.

mod actor;
mod group;
mod inbox;

pub(crate) use self::{
    actor::{Writer, describe_metrics, run},
    inbox::{Message, RecordWrite, Row, WriterClient, channel},
};

/// Writes that may wait; one with the largest value takes about 2 KB.
const INBOX_CAPACITY: usize = 2_048;

/// Writes committed together.
const GROUP_WRITES_MAX: usize = 1_024;

/// Bytes after which a group takes no further write.
const GROUP_BYTES_MAX: usize = 4 << 20;
