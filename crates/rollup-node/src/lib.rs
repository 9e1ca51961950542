//! A rollup node: L1 sources, the driver of derivation, the engine and the execution layer behind it.
//!
//! ```text
//!   l1 ──► derive (drives rollup-protocol's pipeline) ──► engine ──► execution layer
//!              └──► safe heads on disk
//! ```
//!
//! What the rules are is decided in `quintet-rollup-protocol`; here they are given an L1, a disk and cores.

pub mod derive;
pub mod engine;
pub mod l1;
#[cfg(test)]
mod testing;
