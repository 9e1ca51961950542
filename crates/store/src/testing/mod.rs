//! A disk that loses power, and stores on it.
//!
//! ```text
//!   CrashDisk ── counts operations, fails from the n-th on ──► restart(Survival) ── what a real disk may hold now
//!      │
//!      ├── LogEngine             a whole engine in 200 lines: for crash tests of what sits above a store
//!      └── RedbEngine::open_on   the real redb, through its storage back end
//! ```
//!
//! A crash test runs a workload once to count the operations, then once for each operation with the power cut there, and looks at
//! what a restart finds. fjall has no such seam; it is tested by killing a process: [`kill`].

mod disk;
pub mod kill;
mod log_engine;
#[cfg(feature = "redb")]
mod redb_backend;

pub use disk::{CrashDisk, PowerLost, Survival};
pub use log_engine::LogEngine;
