//! The driver of derivation: it feeds the pipeline with L1, the engine with what comes out, and the disk with how far that is.
//!
//! ```text
//!   Prefetch ──► Window (L1View) ──► Pipeline::poll ──► attributes ──► Engine::process ──► confirm or reject
//!      ▲                                 │                                   │
//!      └── begin again ◄── recover ◄─────┴── Reset, Reorged                  └──► SafeHeads (disk), after each L1 block
//! ```
//!
//! One thread drives; fetching, verifying and scanning go on beside it. The engine answers where it is called, so nothing waits in a circle:
//! that a block is invalid is a value, and the next poll gives the block that replaces it.
//!
//! # Invariants
//!
//! - A safe head is written down after the engine has it, with the L1 block it was derived from. Whatever is lost in a crash is derived
//!   again, and comes out the same.
//! - After an L1 reorganisation derivation begins at a written safe head whose L1 block is still canonical.
//! - A reorganisation below what L1 called final ends the driver with an explanation; it is never followed.
//!
//! **Spec:** `protocol/derivation.md`, "Resetting the Pipeline" and "Finalization Guarantees"; op-node's `driver` and `sync.FindL2Heads`.

mod driver;
mod error;
mod l2_block;
mod record;
mod recover;
mod window;

pub use self::{
    driver::{DerivedBlock, Driver, DriverOptions, Progress},
    error::DriveError,
    record::{RECORD_SCHEMA, SafeEntry, SafeHeads},
    recover::StartAt,
};
