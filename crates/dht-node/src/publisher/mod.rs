//! The publisher: announces again what this node was asked to keep published.
//!
//! ```text
//!   put … publish ──► DhtClient: stored once ──Keep──► Schedule ──► writer: on disk
//!                                                        │  ▲
//!                                  due, one at a time    ▼  │ settle: next time, or superseded
//!                                                     DhtClient: lookup and store
//! ```
//!
//! Records live two hours and peers half an hour where they are stored, so each is stored again about
//! every hour, each peer every quarter. The schedule survives restarts.
//!
//! # Invariants
//!
//! - At most [`PUBLICATIONS_MAX`] records are kept published.
//! - No more than one publication begins in [`PACE`], and at most [`IN_FLIGHT_MAX`] are under way,
//!   after a restart as at any time: a thousand records that fell due while the node was away, or a
//!   thousand nodes that start together, make no storm.
//! - Each interval varies by a fifth either way, so that what began together drifts apart.
//! - A mutable item that others have replaced by a newer version is not published any more.

mod actor;
mod inbox;
mod schedule;

use core::time::Duration;

pub(crate) use self::{
    actor::{Publisher, run},
    inbox::{Message, channel},
    schedule::announcement,
};

/// Records kept published at once; all of them together are three lookups a second.
pub const PUBLICATIONS_MAX: usize = 10_000;

/// Shortest time between the beginnings of two publications.
const PACE: Duration = Duration::from_millis(250);

/// Publications under way at once.
const IN_FLIGHT_MAX: usize = 4;

/// Time after a start before anything is published: the table must fill first.
const HOLD_OFF: Duration = Duration::from_secs(30);

/// Time until a publication that failed is tried again.
const RETRY: Duration = Duration::from_secs(5 * 60);
