//! What OP chains add to the rules of Ethereum, beside fees and deposits, which the interpreter knows.
//!
//! **Spec:** OP Stack specification, "Execution engine".

pub mod base_fee;
pub(crate) mod create2;
