//! Why the pool does not take a transaction. The words are the reference's, for wallets tell cases apart by them.
//!
//! Fields name what the message says: ids, amounts in sompi, masses in grams, indices of inputs and outputs.

#![expect(missing_docs, reason = "the fields of a refusal are named by its message")]

use quintet_primitives::Hash256;
use thiserror::Error;

use crate::{tx::Outpoint, validation::TxRuleError};

/// Why a transaction is not taken.
///
/// Reference: `kaspa_mining_errors::mempool::RuleError`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It breaks a rule of consensus.
    #[error(transparent)]
    Rule(TxRuleError),
    /// It spends what nobody knows, and may not wait as an orphan.
    #[error("transaction {id} is an orphan where orphan is disallowed")]
    OrphanForbidden { id: Hash256 },
    /// It spends an output that the pool's transaction does not have.
    #[error("at least one outpoint of the transaction is impossible to have a matching UTXO entry")]
    ImpossibleOutpoint,
    /// A block had it.
    #[error("transaction {id} was already accepted by the consensus")]
    AlreadyAccepted { id: Hash256 },
    /// It is in the pool.
    #[error("transaction {id} is already in the mempool")]
    Duplicate { id: Hash256 },
    /// Something else spends the same, and may not be replaced.
    #[error("output {outpoint} already spent by transaction {owner} in the mempool")]
    DoubleSpend { outpoint: Outpoint, owner: Hash256 },
    /// There is nothing to replace.
    #[error("replace by fee found no double spending transaction in the mempool")]
    NothingToReplace,
    /// More than one would be replaced.
    #[error("replace by fee found more than one double spending transaction in the mempool")]
    TooManyToReplace,
    /// Its fee rate is not above that of what it would replace.
    #[error(
        "replace by fee expects a fee rate above that of transaction {owner}, which pays as much or more"
    )]
    FeeRateTooLow { owner: Hash256 },
    /// Everything else in the pool pays more, and the pool is full.
    #[error(
        "transaction could not be added to the mempool because it's full with transactions with higher priority"
    )]
    Full,
    /// It is not of a standard form.
    #[error("transaction {id} is not standard: {reason}")]
    NonStandard { id: Hash256, reason: NonStandard },
    /// No block could hold it.
    #[error("transaction compute mass of {actual} is larger than max allowed size of {max}")]
    ComputeMass { actual: u64, max: u64 },
    /// No block could hold it.
    #[error(
        "transaction transient (storage) mass of {actual} is larger than max allowed size of {max}"
    )]
    TransientMass { actual: u64, max: u64 },
    /// No block could hold it.
    #[error("transaction storage mass of {actual} is larger than max allowed size of {max}")]
    StorageMass { actual: u64, max: u64 },
    /// No block could hold it.
    #[error("transaction gas of {actual} is larger than max allowed per-lane gas of {max}")]
    Gas { actual: u64, max: u64 },
    /// A coinbase is spent too early.
    #[error("one of the transaction inputs spends an immature UTXO: {0}")]
    Immature(TxRuleError),
    /// It is too heavy to wait.
    #[error(
        "orphan transaction size of {actual} bytes is larger than max allowed size of {max} bytes"
    )]
    OrphanTooHeavy { actual: u64, max: u64 },
    /// It waits.
    #[error("orphan transaction {id} is already in the orphan pool")]
    DuplicateOrphan { id: Hash256 },
    /// Another orphan spends the same.
    #[error(
        "orphan transaction {id} is double spending an input from already existing orphan {owner}"
    )]
    OrphanDoubleSpend { id: Hash256, owner: Hash256 },
    /// Only orphans that must be kept wait.
    #[error(
        "number of high-priority transactions in orphan pool ({actual}) has reached the maximum allowed ({max})"
    )]
    OrphansFull { actual: usize, max: usize },
}

impl From<TxRuleError> for Refusal {
    fn from(error: TxRuleError) -> Self {
        match error {
            TxRuleError::ImmatureCoinbaseSpend { .. } => Self::Immature(error),
            error => Self::Rule(error),
        }
    }
}

/// Why a transaction is not standard.
///
/// Reference: `NonStandardError`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NonStandard {
    /// An output's script is of a version nobody knows.
    #[error(
        "transaction output #{output}: the version of the scriptPublicKey is higher than the known version"
    )]
    ScriptVersion { output: usize },
    /// An output's script has no standard form.
    #[error("transaction output #{output}: non-standard script form")]
    OutputScript { output: usize },
    /// It spends a script of no standard form.
    #[error("transaction input {input}: non-standard script form")]
    InputScript { input: usize },
    /// The script behind a hash has too many signature operations.
    #[error(
        "transaction input #{input} has {actual} signature operations which is more than the allowed max amount of {max}"
    )]
    SigOps { input: usize, actual: u64, max: u64 },
    /// It pays too little for its compute mass.
    #[error(
        "transaction has {fee} fees which is under the required amount of {min} for compute mass {mass}"
    )]
    ComputeFee { fee: u64, min: u64, mass: u64 },
    /// It pays too little for its bytes.
    #[error(
        "transaction has {fee} fees which is under the required amount of {min} for normalized transient mass {mass} (proportional to transaction byte size)"
    )]
    TransientFee { fee: u64, min: u64, mass: u64 },
}
