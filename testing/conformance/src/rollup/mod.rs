//! The suites of the OP Stack: one file of this folder per sort of vector file.

mod exec;
mod witness;

use crate::suite::Suite;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![Box::new(exec::ExecutedBlocks)]
}
