//! The blockDAG in columns: reachability, GHOSTDAG, windows, depths and pruning points, without a hash on the way.
//!
//! Blocks have dense numbers ([`BlockId`]), given in order of insertion; [`Dag::find`] turns a hash into a number once, at the door.
//! Everything known of a block is a row of some columns, and rows of different length lie in one buffer. Nothing reads a clock,
//! draws randomness or touches a disk.
//!
//! ```text
//!   header ─ parents ─► Colouring::run ─► Windows::expect ─► Depths::expect ─► pruning_point::expect
//!                            │ &Dag, one Colouring per thread; none of these changes anything
//!                            ▼
//!   accepted ─────────► Dag::insert, Windows::push, Depths::push, PruningPoints::push        one thread, in step
//! ```
//!
//! # Columns, bytes a block
//!
//! | column | bytes | |
//! |---|---|---|
//! | hash, and its place at the door | 32 + about 41 | |
//! | parents | 4 + 4 each | |
//! | own work, blue work, blue score, selected parent, blue count | 24 + 24 + 8 + 4 + 4 | |
//! | mergeset (blues by rank, then reds) | 4 + 4 each | |
//! | changed blue anticone sizes | 4 + 8 each | what GHOSTDAG reads most; about the width of the DAG |
//! | span, layer, tree parent | 16 + 4 + 4 | |
//! | tree children, covering set | 12 + 4 each, 12 + 4 each | room up to the next power of two |
//! | time, bits, DAA score, heads of windows, era | 29 | [`Windows`] |
//! | samples of windows | 20 each | one in 40 and one in 100 merged blocks; all before Crescendo |
//! | merge root, finality point | 8 | [`Depths`] |
//! | pruning sample, pruning point | 8 | [`PruningPoints`] |
//!
//! All columns but spans, children and covering sets are append-only, so they can be written out as they are; those three follow from tree
//! parents and mergesets. A number is never given twice: a deleted block's rows stay until the columns are written out and
//! read again without it.
//!
//! **Spec:** KIP-4, KIP-14; the reference's `consensus/src/processes`.

mod anticone;
mod depth;
mod error;
mod ghostdag;
mod graph;
mod id;
mod lists;
mod parents;
mod pruning_point;
mod reachability;
mod sync;
mod window;

#[cfg(test)]
mod tests;

pub use depth::{DepthRules, Depths, ExpectedDepths};
pub use error::DagError;
pub use ghostdag::{Colouring, Ghostdag, GhostdagParams};
pub use graph::{AnticoneSize, Dag};
pub use id::BlockId;
pub use parents::{LevelRules, LevelView, ParentsError, is_same as same_level_parents};
pub use pruning_point::{ExpectedPruning, PruningPoints, PruningRules};
pub use reachability::Reachability;
pub use sync::Antipast;
pub use window::{Expected, Sampling, WindowRules, WindowSize, Windows, chain_window};
