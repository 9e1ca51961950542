//! The chain as its users meet it.

mod build;
mod calls;
mod kill;
mod optimism;
mod read;
mod reorg;
mod retention;
mod vectors;
mod world;
