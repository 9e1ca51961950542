//! The suites of Kaspa: one file of this folder per sort of vector file.

use crate::suite::Suite;

mod ghostdag;
mod pruning;
mod reachability;
mod stability;
mod topology;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(ghostdag::GhostdagFiles),
        Box::new(pruning::PruningFiles),
        Box::new(reachability::ReachabilityFiles),
        Box::new(stability::StabilityFiles),
    ]
}
