//! Transactions: strict decoding, what each fork allows, who sent them.
//!
//! ```text
//!   bytes ──Parsed::read──► fields ──check(rules)──► Checked: hash, sender, intrinsic gas
//!                             │
//!                             └──into_transaction──► EthTransaction: alloy's types, for execution and RPC
//! ```
//!
//! The types are alloy's; the reader is ours, so that an error names the field and what is wrong with it, and the digest that was
//! signed is taken over the bytes that came.
//!
//! **Spec:** Yellow Paper, section 4.3; EIP-2718, 2930, 1559, 4844, 7702; OP Stack specification, deposits.

mod check;
mod envelope;
mod fields;
mod intrinsic;
mod parse;
mod sender;
mod traits;

pub use check::{CheckError, Checked, Limits};
pub use envelope::{DEPOSIT_TYPE, EthTransaction};
pub use fields::{FieldProblem, TxDecodeError};
pub use intrinsic::{IntrinsicGas, intrinsic_gas};
pub use parse::{Parsed, ParsedDeposit, ParsedSignature};
pub use sender::{SenderError, recover_sender, recover_senders};

/// The rules for transactions, named by the fork that brought them; forks that changed none are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TxRules {
    /// A signature's S may be high, and creating a contract costs no more than a call.
    Frontier,
    /// EIP-2.
    Homestead,
    /// EIP-155.
    SpuriousDragon,
    /// EIP-2028.
    Istanbul,
    /// EIP-2718, 2930.
    Berlin,
    /// EIP-1559.
    London,
    /// EIP-3860.
    Shanghai,
    /// EIP-4844.
    Cancun,
    /// EIP-7702, 7623.
    Prague,
    /// EIP-7825, 7594.
    Osaka,
}
