//! The node as its users meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod dev;
