//! The socket actor: owns the protocol's state machine and moves its packets, time and wishes.
//!
//! ```text
//!   wait for: a packet · a message · room to send · the protocol's timer · the end
//!      │
//!      ▼ one turn, a bounded portion of each
//!   messages ──► Dht::start, …     ┐                ┌─► Send      the socket, else a short queue
//!   packets ──► gate ──► Dht::on_packet ├─► effects ├─► Commit    the writer, else a refusal
//!   time ──► Dht::poll              ┘               ├─► Finished  whoever waits
//!      ▲                                            └─► Event     the bus
//!      └──── again
//! ```
//!
//! - [`udp`]: the sockets, each an [`endpoint`]. [`gate`]: the limits before the parser. [`outgoing`]: what waits to be sent.
//! - [`driver`]: the state and its turns. [`actor`]: the waiting. [`owed`]: what the disk has not seen.
//!
//! # Invariants
//!
//! - A turn reads at most [`PACKETS_PER_TURN`] packets a socket and [`MESSAGES_PER_TURN`] messages, so
//!   a flood of either delays the other and the timer by one turn.
//! - Nothing in a turn waits: a full send buffer, a full writer and a slow listener cost a drop, which
//!   is counted in [`Drops`].
//! - No packet causes an allocation before it has passed the gate.

mod actor;
mod driver;
mod endpoint;
mod gate;
mod inbox;
mod outgoing;
mod owed;
mod status;
mod udp;

pub(crate) use self::{
    actor::run,
    driver::{Driver, Parts},
    inbox::{Message, channel},
    udp::Sockets,
};
pub use self::{
    status::{Drops, NodeStatus},
    udp::BindError,
};

/// Packets read from a socket in one turn.
const PACKETS_PER_TURN: usize = 64;

/// Messages taken from the inbox in one turn.
const MESSAGES_PER_TURN: usize = 16;

/// Tells the installed recorder what the metrics mean.
pub(crate) fn describe_metrics() {
    status::describe_metrics();
}
