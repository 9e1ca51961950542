//! Headers: which of them belong together, which are valid, and which chain has the most work.
//!
//! - [`pow`]: targets, work and retargets.

pub mod pow;
