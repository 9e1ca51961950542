//! Why a header does not follow its parent.

use alloy_primitives::{B64, U256};
use thiserror::Error;

/// Why a header does not follow its parent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Its number is not the next.
    #[error("expected number {expected}, got {actual}")]
    Number {
        /// The parent's and one.
        expected: u64,
        /// What it says.
        actual: u64,
    },
    /// Its time is not after its parent's.
    #[error("expected a timestamp after {after}, got {actual}")]
    Timestamp {
        /// The parent's, in seconds.
        after: u64,
        /// What it says.
        actual: u64,
    },
    /// A field of the fork lacks.
    #[error("expected {field}, which this fork demands")]
    Missing {
        /// Name of the field.
        field: &'static str,
    },
    /// A field of a later fork is there.
    #[error("{field} belongs to a later fork")]
    TooEarly {
        /// Name of the field.
        field: &'static str,
    },
    /// Its extra data is too long.
    #[error("expected at most {most} bytes of extra data, got {actual}")]
    ExtraData {
        /// The most there may be.
        most: usize,
        /// Their number.
        actual: usize,
    },
    /// It stands at the DAO fork and does not say so.
    #[error("expected `dao-hard-fork` as extra data")]
    DaoExtraData,
    /// Its difficulty is not what its parent and its time ask for.
    #[error("expected difficulty {expected}, got {actual}")]
    Difficulty {
        /// What the rules ask for.
        expected: U256,
        /// What it says.
        actual: U256,
    },
    /// It is one of proof of stake and has a difficulty.
    #[error("expected difficulty 0 under proof of stake, got {actual}")]
    StakeDifficulty {
        /// What it says.
        actual: U256,
    },
    /// It is one of proof of stake and has a nonce.
    #[error("expected nonce 0 under proof of stake, got {actual}")]
    StakeNonce {
        /// What it says.
        actual: B64,
    },
    /// It is one of proof of stake and has uncles.
    #[error("expected no uncles under proof of stake")]
    StakeOmmers,
    /// Its limit of gas is too far from its parent's, or out of range.
    #[error("expected a gas limit between {least} and {most}, got {actual}")]
    GasLimit {
        /// The least it may say.
        least: u64,
        /// The most it may say.
        most: u64,
        /// What it says.
        actual: u64,
    },
    /// It uses more gas than its limit.
    #[error("expected at most {limit} gas used, got {actual}")]
    GasUsed {
        /// Its limit.
        limit: u64,
        /// What it says.
        actual: u64,
    },
    /// Extra data of an OP chain that holds no parameters of the base fee.
    #[error(transparent)]
    OpExtraData(#[from] crate::op::base_fee::ExtraDataError),
    /// Its base fee is not what its parent asks for.
    #[error("expected base fee {expected}, got {actual}")]
    BaseFee {
        /// What the parent asks for, in wei.
        expected: u64,
        /// What it says.
        actual: u64,
    },
    /// Its excess of blob gas is not what its parent asks for.
    #[error("expected an excess of {expected} blob gas, got {actual}")]
    ExcessBlobGas {
        /// What the parent asks for.
        expected: u64,
        /// What it says.
        actual: u64,
    },
    /// Its blob gas is not that of whole blobs.
    #[error("expected blob gas of whole blobs, got {actual}")]
    BlobGasPart {
        /// What it says.
        actual: u64,
    },
    /// It holds more blobs than the rules let it.
    #[error("expected at most {most} blob gas used, got {actual}")]
    BlobGasUsed {
        /// The most there may be.
        most: u64,
        /// What it says.
        actual: u64,
    },
}
