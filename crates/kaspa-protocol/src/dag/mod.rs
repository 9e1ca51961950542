//! The blockDAG in columns.

mod error;
mod ghostdag;
mod graph;
mod id;
mod lists;
mod reachability;

#[cfg(test)]
mod tests;

pub use error::DagError;
pub use ghostdag::{Colouring, Ghostdag, GhostdagParams, level_work};
pub use graph::{AnticoneSize, Dag};
pub use id::BlockId;
pub use reachability::Reachability;
