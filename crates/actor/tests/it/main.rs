//! The actor crate as its users see it, on paused time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod bus;
mod inbox;
mod meters;
mod supervisor;
