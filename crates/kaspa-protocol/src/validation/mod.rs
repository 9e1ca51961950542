//! What is valid, as far as it can be told without the DAG, and the names of every rule there is.
//!
//! ```text
//!   header ──► check_header_in_isolation ──► level of proof of work
//!   body ────► check_body_in_isolation ────► CheckedBody (ids and masses, computed once)
//!   transaction ──► in_isolation ──► in_header_context (lock time) ──► in_utxo_context ──► fee
//!                                                                          scripts are checked apart
//! ```
//!
//! Checks come in the order of the reference, which decides by what name a block with several faults is
//! refused. They are pure: the clock and the rules are arguments.
//!
//! **Spec:** rusty-kaspa's `consensus/src/processes/transaction_validator/`,
//! `pipeline/{header,body}_processor/`.

mod body;
mod header;
mod rules;
mod transaction;

pub use body::{CheckedBody, check_body_in_isolation, check_coinbase_payload};
pub use header::{ORIGIN, check_header_in_isolation};
pub use rules::{RuleError, TxRuleError};
pub use transaction::{
    LOCK_TIME_THRESHOLD, SEQUENCE_LOCK_DISABLED, check_tx_in_header_context, check_tx_in_isolation,
    check_tx_in_utxo_context, needs_median_time,
};
