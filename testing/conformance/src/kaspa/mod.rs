//! The suites of Kaspa: one file of this folder per sort of vector file.

mod assembler;
mod columns;
mod ghostdag;
mod pruning;
mod reachability;
mod script;
mod stability;
mod topology;

use crate::suite::Suite;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(columns::HeaderColumns),
        Box::new(ghostdag::GhostdagFiles),
        Box::new(pruning::PruningFiles),
        Box::new(reachability::ReachabilityFiles),
        Box::new(script::ScriptTests),
        Box::new(stability::StabilityFiles),
    ]
}
