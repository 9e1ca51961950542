//! Why a block is bad.

use alloy_primitives::{Address, B256, Bloom};
use thiserror::Error;

use crate::{execute::TransactionError, header::HeaderError};

/// Why a block is bad.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlockError {
    /// Its bytes are no block.
    #[error("the bytes are no block: {reason}")]
    Encoding {
        /// What the decoder says.
        reason: String,
    },
    /// Its header breaks a rule.
    #[error("header: {0}")]
    Header(#[from] HeaderError),
    /// Its parent is not known.
    #[error("parent {hash} is not known: import it first")]
    UnknownParent {
        /// The parent.
        hash: B256,
    },
    /// It is one of proof of stake before the terminal total difficulty, or one of proof of work after it.
    #[error("the parent's total difficulty asks for proof of {expected}")]
    Transition {
        /// `work` or `stake`.
        expected: &'static str,
    },
    /// It is longer than the rules let it.
    ///
    /// **Spec:** EIP-7934.
    #[error("expected at most {most} bytes, got {actual}")]
    TooLong {
        /// The most there may be.
        most: usize,
        /// Its length.
        actual: usize,
    },
    /// Its header does not commit to its transactions.
    #[error("expected transactions root {expected}, got {actual}")]
    TransactionsRoot {
        /// Root of its transactions.
        expected: B256,
        /// What the header says.
        actual: B256,
    },
    /// Its header does not commit to its uncles.
    #[error("expected uncles hash {expected}, got {actual}")]
    OmmersHash {
        /// Hash of its uncles.
        expected: B256,
        /// What the header says.
        actual: B256,
    },
    /// It has withdrawals before Shanghai, or none after.
    #[error("expected {expected} withdrawals in the body")]
    Withdrawals {
        /// `some` or `no`.
        expected: &'static str,
    },
    /// Its header does not commit to its withdrawals.
    #[error("expected withdrawals root {expected}, got {actual}")]
    WithdrawalsRoot {
        /// Root of its withdrawals.
        expected: B256,
        /// What the header says.
        actual: B256,
    },
    /// Its header counts its blobs wrongly.
    #[error("expected {expected} blob gas used, got {actual}")]
    BlobGasUsed {
        /// Gas of its blobs.
        expected: u64,
        /// What the header says.
        actual: u64,
    },
    /// An uncle is none.
    #[error("uncle {index}: {error}")]
    Ommer {
        /// Which one.
        index: usize,
        /// Why.
        error: OmmerError,
    },
    /// It has more uncles than two.
    #[error("expected at most {most} uncles, got {actual}")]
    TooManyOmmers {
        /// The most there may be.
        most: usize,
        /// Their number.
        actual: usize,
    },
    /// A transaction cannot be in it.
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Which one.
        index: usize,
        /// Why.
        error: TransactionError,
    },
    /// A deposit contract's log is no deposit.
    ///
    /// **Spec:** EIP-6110.
    #[error("a log of the deposit contract is no deposit")]
    DepositLog,
    /// A contract of the system is not there.
    ///
    /// **Spec:** EIP-7002, EIP-7251.
    #[error("system contract {address} has no code: put it into the genesis")]
    NoSystemContract {
        /// Where it should be.
        address: Address,
    },
    /// A contract of the system failed.
    #[error("the call of system contract {address} failed")]
    SystemCall {
        /// Where it is.
        address: Address,
    },
    /// Its header counts its gas wrongly.
    #[error("expected {expected} gas used, got {actual}")]
    GasUsed {
        /// Gas that execution used.
        expected: u64,
        /// What the header says.
        actual: u64,
    },
    /// Its header does not commit to what was logged.
    #[error("the filter of logs is not that of the receipts")]
    Bloom {
        /// The filter of what was logged.
        expected: Box<Bloom>,
    },
    /// Its header does not commit to its receipts.
    #[error("expected receipts root {expected}, got {actual}")]
    ReceiptsRoot {
        /// Root of its receipts.
        expected: B256,
        /// What the header says.
        actual: B256,
    },
    /// Its header does not commit to its requests.
    #[error("expected requests hash {expected:?}, got {actual:?}")]
    RequestsHash {
        /// Hash of its requests.
        expected: Option<B256>,
        /// What the header says.
        actual: Option<B256>,
    },
    /// Its header does not commit to the state after it.
    #[error("expected state root {expected}, got {actual}")]
    StateRoot {
        /// Root of the state after it.
        expected: B256,
        /// What the header says.
        actual: B256,
    },
}

/// Why an uncle is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OmmerError {
    /// It is there twice, or an ancestor had it.
    #[error("it is an uncle already")]
    Repeated,
    /// It is an ancestor of the block.
    #[error("it is an ancestor")]
    Ancestor,
    /// Its parent is no ancestor within six generations, or the block's own parent.
    #[error("its parent is no ancestor between the second and the seventh generation")]
    Parent,
    /// Its header breaks a rule.
    #[error("{0}")]
    Header(#[from] HeaderError),
}
