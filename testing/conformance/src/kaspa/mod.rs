//! The suites of Kaspa: one file of this folder per sort of vector file.

mod assembler;
mod script;
mod zk;

use crate::suite::Suite;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![Box::new(script::ScriptTests), Box::new(zk::Succinct)]
}
