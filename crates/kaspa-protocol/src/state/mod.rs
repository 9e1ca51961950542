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

mod acceptance;
mod diff;
mod verify;

pub use acceptance::{
    Acceptance, AcceptedTx, Composed, MergedBlock, MergedBody, ScriptJob, ScriptVerifier,
    Sequential, UtxoView, accept, check_transactions, script_jobs,
};
pub use diff::{DiffEntry, DiffError, UtxoDiff, UtxoMap};
pub use verify::{
    Claims, Rewards, accepted_id_root, apply_to_multiset, insert_entry, remove_entry,
};
