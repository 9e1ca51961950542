//! The net crate as its users see it: limits and queues over any sequence of calls, and dialling
//! over real sockets on 127.0.0.1.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod dial;
mod limits;
mod queue;
