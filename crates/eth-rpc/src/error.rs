//! What a client is told when a method does not succeed: go-ethereum's codes and words.
//!
//! **Spec:** execution-apis, "error codes"; go-ethereum's `internal/ethapi/errors.go`, `rpc/errors.go`.

use alloy_primitives::{Bytes, hex};
use quintet_eth_chain::{BuildError, ChainError, ForkchoiceError, ImportError};
use quintet_eth_pool::PoolError;
use quintet_evm::execute::{Halt, TransactionError};
use quintet_rpc::{ErrorObjectOwned, RpcError, code};
use serde_json::{Value, json};

/// Codes beyond those of JSON-RPC.
pub mod codes {
    /// Anything that has no code of its own.
    pub const SERVER: i32 = -32_000;
    /// A call reverted; its data is beside the message.
    pub const REVERTED: i32 = 3;
    /// A call ended badly otherwise.
    pub const VM: i32 = -32_015;
    /// A simulated transaction's nonce is used.
    pub const NONCE_TOO_LOW: i32 = -38_010;
    /// A simulated transaction's nonce is too far ahead.
    pub const NONCE_TOO_HIGH: i32 = -38_011;
    /// A simulated transaction does not pay the base fee.
    pub const BASE_FEE_TOO_LOW: i32 = -38_012;
    /// A simulated transaction's gas does not pay for what it costs before it runs.
    pub const INTRINSIC_GAS: i32 = -38_013;
    /// A simulated transaction's sender cannot pay.
    pub const INSUFFICIENT_FUNDS: i32 = -38_014;
    /// A simulated block is full.
    pub const BLOCK_GAS_LIMIT: i32 = -38_015;
    /// Numbers of simulated blocks do not grow.
    pub const BLOCK_NUMBER: i32 = -38_020;
    /// Timestamps of simulated blocks do not grow.
    pub const BLOCK_TIMESTAMP: i32 = -38_021;
    /// A precompile is moved onto one that moved.
    pub const MOVE_TWICE: i32 = -38_023;
    /// A simulated transaction's sender is a contract.
    pub const SENDER_CODE: i32 = -38_024;
    /// A simulated transaction's code is too long.
    pub const INITCODE: i32 = -38_025;
    /// More is asked for than a client may.
    pub const LIMIT: i32 = -38_026;
    /// A payload is not known. **Spec:** Engine API.
    pub const UNKNOWN_PAYLOAD: i32 = -38_001;
    /// A fork choice contradicts itself. **Spec:** Engine API.
    pub const INVALID_FORKCHOICE: i32 = -38_002;
    /// Payload attributes make no block. **Spec:** Engine API.
    pub const INVALID_ATTRIBUTES: i32 = -38_003;
    /// A request is too large. **Spec:** Engine API.
    pub const TOO_LARGE: i32 = -38_004;
    /// A method of another fork. **Spec:** Engine API.
    pub const UNSUPPORTED_FORK: i32 = -38_005;
    /// What was asked for was pruned.
    pub const PRUNED: i32 = 4_444;
}

/// Why a method did not succeed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct EthError {
    /// JSON-RPC's code.
    pub code: i32,
    /// What is wrong.
    pub message: String,
    /// What a program can use.
    pub data: Option<Value>,
}

/// What a method gives.
pub(crate) type EthResult<T> = Result<T, EthError>;

impl EthError {
    /// An error with a code.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// An error without a code of its own.
    #[must_use]
    pub fn server(message: impl Into<String>) -> Self {
        Self::new(codes::SERVER, message)
    }

    /// Parameters that cannot be used.
    #[must_use]
    pub fn params(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_PARAMS, message)
    }

    /// The node is at fault: the cause goes to the log, its reference to the client.
    #[must_use]
    pub fn internal(doing: &str, cause: &dyn std::error::Error) -> Self {
        let error = RpcError::internal(doing, cause);
        Self::new(error.code(), error.to_string())
    }

    /// A call that reverted, with the reason in words where it has the usual form.
    #[must_use]
    pub fn reverted(output: &Bytes) -> Self {
        let message = match crate::revert::reason(output) {
            Some(reason) => format!("execution reverted: {reason}"),
            None => "execution reverted".to_owned(),
        };
        let data = Some(json!(hex::encode_prefixed(output)));
        Self { code: codes::REVERTED, message, data }
    }

    /// A call that the interpreter ended. `eth_call` says so without a code of its own.
    #[must_use]
    pub fn halted(halt: &Halt) -> Self {
        Self::server(halt.to_string())
    }
}

impl From<EthError> for ErrorObjectOwned {
    fn from(error: EthError) -> Self {
        Self::owned(error.code, error.message, error.data)
    }
}

impl From<ChainError> for EthError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::UnknownBlock { .. } => Self::server("header not found"),
            ChainError::Pruned { .. } => Self::new(codes::PRUNED, error.to_string()),
            ChainError::RangeOrder { .. } => Self::params("invalid block range params"),
            ChainError::RangeBlocks { .. } | ChainError::RangeLogs { .. } => {
                Self::params(error.to_string())
            }
            ChainError::NotExecuted { .. } => Self::server(error.to_string()),
            ChainError::Refused(error) => Self::from(&error),
            ChainError::State(quintet_eth::state::store::StateError::NotKept { .. }) => {
                Self::new(codes::PRUNED, error.to_string())
            }
            other @ (ChainError::State(_)
            | ChainError::Store(_)
            | ChainError::OtherGenesis { .. }
            | ChainError::Interpreter { .. }
            | ChainError::Damaged { .. }) => Self::internal("reading the chain", &other),
        }
    }
}

impl From<ImportError> for EthError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Chain(error) => error.into(),
            other => Self::server(other.to_string()),
        }
    }
}

impl From<ForkchoiceError> for EthError {
    fn from(error: ForkchoiceError) -> Self {
        match error {
            ForkchoiceError::Chain(error) => error.into(),
            other => Self::new(codes::INVALID_FORKCHOICE, other.to_string()),
        }
    }
}

impl From<BuildError> for EthError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Chain(error) => error.into(),
            other => Self::server(other.to_string()),
        }
    }
}

impl From<PoolError> for EthError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::State { .. } => Self::internal("reading a sender's state", &error),
            other => Self::server(other.to_string()),
        }
    }
}

/// go-ethereum's words for a transaction that cannot run at all.
impl From<&TransactionError> for EthError {
    fn from(error: &TransactionError) -> Self {
        use TransactionError as E;
        let text = match error {
            E::IntrinsicGas { expected, actual } => {
                format!("intrinsic gas too low: have {actual}, want {expected}")
            }
            E::DataGas { expected, actual } => {
                format!("insufficient gas for floor data gas cost: have {actual}, want {expected}")
            }
            E::BlockGas { .. } => "gas limit reached".to_owned(),
            E::GasCap { expected, actual } => {
                format!("transaction gas limit too high (cap: {expected}, tx: {actual})")
            }
            E::NonceTooLow { expected, actual } => {
                format!("nonce too low: tx: {actual} state: {expected}")
            }
            E::NonceTooHigh { expected, actual } => {
                format!("nonce too high: tx: {actual} state: {expected}")
            }
            E::NonceMax => "nonce has max value".to_owned(),
            E::Funds { expected, actual } => {
                format!("insufficient funds for gas * price + value: have {actual} want {expected}")
            }
            E::FeeBelowBaseFee => "max fee per gas less than block base fee".to_owned(),
            E::TipAboveFee => "max priority fee per gas higher than max fee per gas".to_owned(),
            E::SenderHasCode => "sender not an eoa".to_owned(),
            E::InitcodeTooLong => "max initcode size exceeded".to_owned(),
            E::BlobFee { expected, actual } => format!(
                "max fee per blob gas less than block blob gas fee: blobGasFeeCap: {actual}, blobBaseFee: {expected}"
            ),
            other @ (E::TypeNotSupported { .. }
            | E::WrongChain { .. }
            | E::CostOverflow
            | E::BlobCreate
            | E::NoBlobs
            | E::TooManyBlobs { .. }
            | E::BlobVersion
            | E::NoAuthorizations
            | E::SystemDeposit
            | E::Other { .. }) => other.to_string(),
        };
        Self::server(text)
    }
}
