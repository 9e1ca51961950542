//! The ledger's state as a chain block sees it: which transactions it accepts, what that does to the UTXO set, and what its header must
//! say of both.
//!
//! ```text
//!   mergeset of the block ─ in the order of acceptance ─► Acceptance, UtxoDiff, MuHash
//!                                                          │
//!   header, coinbase ──────────────────────────────────────┴─► verify: Ok, or the rule that is broken
//! ```
//!
//! Nothing here reads a disk: entries come through a [`UtxoView`], script checks are handed out as items.
//!
//! Reference: `pipeline/virtual_processor/utxo_validation.rs`.

mod diff;

pub use diff::{DiffEntry, DiffError, UtxoDiff, UtxoMap};
