//! The chain as its users meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod build;
mod calls;
mod kill;
mod optimism;
mod read;
mod reorg;
mod retention;
mod vectors;
mod world;
