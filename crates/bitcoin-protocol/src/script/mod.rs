//! Script: the small stack language that says who may spend an output.
//!
//! ```text
//!   verify_input ──► verify: scriptSig, scriptPubKey, redeem script ──► interpreter ──► SignatureCheck ──► checker
//!                       └──► witness: programs, taproot leaves ────────────┘                 ▲
//!                                                                sighash · TxContext ────────┘
//! ```
//!
//! - [`verify_input`] runs one input of a [`TxContext`] under [`ScriptFlags`]; inputs are independent of each
//!   other and may run on any thread.
//! - [`SignatureCheck`]s go to a [`SignatureChecker`], which verifies them at once or keeps them for a batch.
//! - [`ScriptError`]s are Bitcoin Core's, by name and by text: of several things wrong, the same one is named.
//!
//! # Invariants
//!
//! - No input makes a run panic, and none makes it take more memory than its limits allow: 1,000 values of
//!   40 bytes, scripts and witnesses borrowed.
//! - Nothing is allocated per value, and no script is copied, but for a scriptCode `FindAndDelete` changed.
//!
//! **Spec:** Bitcoin Core's `interpreter.cpp`; BIP-0016, 0065, 0066, 0112, 0141, 0143, 0146, 0147, 0341, 0342.

mod check;
mod context;
mod error;
mod flags;
mod instruction;
mod interpreter;
mod number;
pub mod opcode;
mod sighash;
mod signature;
mod sigops;
mod stack;
mod taproot;
mod template;
#[cfg(test)]
mod tests;
mod trace;
mod verify;
mod witness;

pub use check::{
    Deferred, DerSignature, Immediate, PublicKey, SignatureCheck, SignatureChecker, are_all_valid,
};
pub use context::TxContext;
pub use error::ScriptError;
pub use flags::ScriptFlags;
pub use instruction::{Instruction, Instructions};
pub use sighash::{TapscriptLeaf, legacy_sighash};
pub use sigops::{
    MULTISIG_KEYS_MAX, count_sigops, input_sigop_cost, legacy_sigops, p2sh_sigops,
    transaction_sigop_cost, witness_sigops,
};
pub use stack::{ELEMENT_SIZE_MAX, STACK_ITEMS_MAX, Stack};
pub use taproot::leaf_hash;
pub use template::{SCRIPT_SIZE_MAX, WitnessProgram, is_p2sh, is_push_only, is_unspendable};
pub use trace::{Step, Trace};
pub use verify::{verify_input, verify_input_traced};
