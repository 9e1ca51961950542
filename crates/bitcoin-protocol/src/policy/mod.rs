//! What is relayed: rules that a block may break and a transaction on its way may not.
//!
//! - [`template`]: the shapes of outputs that are known.
//! - [`standard`]: sizes, versions, dust, inputs and witnesses.
//! - [`fee`]: rates of fees, exactly as they are rounded.
//!
//! **Spec:** Bitcoin Core, `policy/policy.cpp`, `policy/feerate.cpp`, `script/solver.cpp`.

pub mod fee;
pub mod standard;
pub mod template;

pub use fee::FeeRate;
pub use standard::{Policy, STANDARD_FLAGS, check_inputs, check_transaction, check_witnesses};
pub use template::Template;

#[cfg(test)]
mod tests;
