//! Script: the small stack language that says who may spend an output.
//!
//! ```text
//!   verify_input ──► signature script, script public key, redeem script ──► interpreter ──► SignatureCheck
//!        ▲                                                                   ▲       │             │
//!     TxContext: transaction, entries, Rules of the era ─────────────────────┘     Meter        checker
//! ```
//!
//! - [`verify_input`] runs one input of a [`TxContext`]; inputs are independent of each other and may run on
//!   any thread.
//! - [`Rules`] are an era's rules as data; the interpreter knows no eras.
//! - [`SignatureCheck`]s go to a [`SignatureChecker`], which verifies them at once or keeps them for a batch.
//! - [`ScriptError`]s are the reference's: of several things wrong, the same one is named.
//!
//! # Invariants
//!
//! - No input makes a run panic. Stack and alternative stack hold at most 244 values; since Toccata a value
//!   has at most a megabyte, and what a script makes it pays for.
//! - No script is copied, and no value that is a part of a script or of the transaction.
//!
//! **Spec:** rusty-kaspa's `crypto/txscript`; KIP-10, 16, 17, 20, 21.

mod check;
mod class;
mod context;
mod covenant;
mod error;
mod instruction;
mod interpreter;
mod meter;
mod number;
pub mod opcode;
mod rules;
mod sigops;
mod stack;
#[cfg(test)]
mod tests;
mod trace;
mod verify;
#[cfg(feature = "zk")]
mod zk;

pub use check::{
    Cached, Deferred, Immediate, SignatureCache, SignatureCheck, SignatureChecker, Verdict,
    are_all_valid,
};
pub use class::{SCRIPT_VERSION_MAX, ScriptClass};
pub use context::{SequencingCommitments, TxContext};
pub use covenant::{CovenantError, Covenants, covenant_id};
pub use error::ScriptError;
pub use instruction::{Instruction, Instructions};
pub use meter::{
    FREE_UNITS, Spent, UNITS_PER_BUDGET, UNITS_PER_GRAM, UNITS_PER_SIGOP, script_units,
};
pub use rules::{OpcodeKind, Rules, SCRIPT_SIZE_MAX, TOCCATA_SCRIPT_SIZE_MAX};
pub use sigops::{MULTISIG_KEYS_MAX, static_sigops};
pub use stack::{STACK_ITEMS_MAX, Stack};
pub use trace::{Step, Trace};
pub use verify::{measure_input, verify_input, verify_input_traced};
