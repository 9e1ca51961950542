//! Runs third-party test vectors against the protocol crates.
//!
//! ```text
//!   folder ──► walk ──► file ──► the one suite that claims it ──► cases ──► Report ─┐
//!                │                                                                   ├─► Outcome ──► text or JSON
//!                └── claimed by nobody · unreadable · without a case ────────────────┘
//! ```
//!
//! A suite is one sort of vector file; it claims files by the pattern of their names, so that more
//! files of the same sort need no change here. What a case says is checked field by field: a vector
//! in which a byte changed should fail wherever that is logically possible.
//!
//! # Invariants
//!
//! - Every file of the folder is run by exactly one suite or is named in the outcome.
//! - A file without a case is a failure, and so is one that cannot be read: silence is no success.
//! - A panic inside a case is that case's failure; the run goes on.
//!
//! Vectors are data of strangers: files are bounded in size, folders in depth.

pub mod bitcoin;
pub mod dht;
pub mod ethereum;
pub mod field;
pub mod file;
pub mod kaspa;
pub mod lux;
pub mod print;
pub mod rollup;
mod roots;
pub mod run;
pub mod suite;
pub mod sums;
mod wycheproof;

pub use run::{Outcome, RunError, run};
pub use suite::{Mismatch, Report, Suite};
