//! Why a transaction cannot be in a block, why a block is bad, and why execution could not go on.
//!
//! A bad block is a fact about the block and stays one; a state that cannot be read is a fact about us.

use alloy_primitives::{Address, B256, U256};
use op_revm::OpTransactionError;
use revm::context_interface::result::InvalidTransaction;
use thiserror::Error;

use crate::block::BlockError;

/// Why a transaction cannot be in a block.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// Its type comes with a later fork, or never to this chain.
    #[error("transaction type {actual} is not in force: wait for its fork")]
    TypeNotSupported {
        /// Its type.
        actual: u8,
    },
    /// It was signed for another chain.
    #[error("expected chain id {expected}, the transaction is signed for another chain")]
    WrongChain {
        /// This chain's number.
        expected: u64,
    },
    /// Its gas does not pay for what it costs before execution.
    #[error("expected a gas limit of at least {expected}, got {actual}")]
    IntrinsicGas {
        /// Gas that it costs before execution.
        expected: u64,
        /// Its gas limit.
        actual: u64,
    },
    /// Its gas does not pay for its data. **Spec:** EIP-7623.
    #[error("expected a gas limit of at least {expected} for the data, got {actual}")]
    DataGas {
        /// The least it costs.
        expected: u64,
        /// Its gas limit.
        actual: u64,
    },
    /// Its gas is not left in the block.
    #[error("expected a gas limit of at most {expected}, what is left of the block, got {actual}")]
    BlockGas {
        /// Gas left in the block.
        expected: u64,
        /// Its gas limit.
        actual: u64,
    },
    /// Its gas is more than one transaction may ask for. **Spec:** EIP-7825.
    #[error("expected a gas limit of at most {expected} for one transaction, got {actual}")]
    GasCap {
        /// The most one may ask for.
        expected: u64,
        /// Its gas limit.
        actual: u64,
    },
    /// Its nonce was used.
    #[error("expected nonce {expected}, got {actual}, which was used")]
    NonceTooLow {
        /// The sender's next nonce.
        expected: u64,
        /// Its nonce.
        actual: u64,
    },
    /// A nonce before its own was not used.
    #[error("expected nonce {expected}, got {actual}: send those between first")]
    NonceTooHigh {
        /// The sender's next nonce.
        expected: u64,
        /// Its nonce.
        actual: u64,
    },
    /// Its nonce has no successor. **Spec:** EIP-2681.
    #[error("the nonce is the greatest there is and cannot be used")]
    NonceMax,
    /// The sender's balance does not pay for the most it may cost.
    #[error("expected a balance of at least {expected} wei, got {actual}")]
    Funds {
        /// The most it may cost.
        expected: U256,
        /// The sender's balance.
        actual: U256,
    },
    /// The most it may cost is more than there are numbers for.
    #[error("the most the transaction may cost overflows 256 bits")]
    CostOverflow,
    /// It offers less than the block's base fee. **Spec:** EIP-1559.
    #[error("the offered fee is below the base fee of the block: offer more")]
    FeeBelowBaseFee,
    /// It offers a greater tip than fee. **Spec:** EIP-1559.
    #[error("the tip is greater than the whole fee: offer a smaller tip")]
    TipAboveFee,
    /// Its sender is a contract. **Spec:** EIP-3607.
    #[error("the sender has code and is no account of a key")]
    SenderHasCode,
    /// Its code to run once is too long. **Spec:** EIP-3860.
    #[error("the code to create a contract with is too long")]
    InitcodeTooLong,
    /// It offers less than the price of blobs. **Spec:** EIP-4844.
    #[error("expected a fee for blobs of at least {expected}, got {actual}")]
    BlobFee {
        /// Price of blob gas in the block.
        expected: u128,
        /// Its offer.
        actual: u128,
    },
    /// It carries blobs and creates a contract. **Spec:** EIP-4844.
    #[error("a transaction with blobs cannot create a contract")]
    BlobCreate,
    /// It is of the type that carries blobs and carries none. **Spec:** EIP-4844.
    #[error("expected at least one blob, got none")]
    NoBlobs,
    /// It carries more blobs than a transaction or what is left of a block may hold. **Spec:** EIP-4844.
    #[error("expected at most {expected} blobs, got {actual}")]
    TooManyBlobs {
        /// The most there may be.
        expected: u64,
        /// Its number of blobs.
        actual: u64,
    },
    /// A blob's hash has a version nobody knows. **Spec:** EIP-4844.
    #[error("expected hashes of blobs to begin with 1")]
    BlobVersion,
    /// It is of the type that sets code and sets none. **Spec:** EIP-7702.
    #[error("expected at least one authorisation, got none")]
    NoAuthorizations,
    /// A deposit that is a system transaction, after Regolith.
    #[error("a deposit must not be a system transaction since Regolith")]
    SystemDeposit,
    /// The interpreter refuses it for a reason of its own.
    #[error("{reason}")]
    Other {
        /// What the interpreter says.
        reason: String,
    },
}

impl From<InvalidTransaction> for TransactionError {
    fn from(error: InvalidTransaction) -> Self {
        use InvalidTransaction as I;
        match error {
            I::PriorityFeeGreaterThanMaxFee => Self::TipAboveFee,
            I::GasPriceLessThanBasefee => Self::FeeBelowBaseFee,
            I::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
                Self::IntrinsicGas { expected: initial_gas, actual: gas_limit }
            }
            I::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
                Self::DataGas { expected: gas_floor, actual: gas_limit }
            }
            I::RejectCallerWithCode => Self::SenderHasCode,
            I::LackOfFundForMaxFee { fee, balance } => {
                Self::Funds { expected: *fee, actual: *balance }
            }
            I::OverflowPaymentInTransaction => Self::CostOverflow,
            I::NonceOverflowInTransaction => Self::NonceMax,
            I::NonceTooHigh { tx, state } => Self::NonceTooHigh { expected: state, actual: tx },
            I::NonceTooLow { tx, state } => Self::NonceTooLow { expected: state, actual: tx },
            I::CreateInitCodeSizeLimit => Self::InitcodeTooLong,
            I::TxGasLimitGreaterThanCap { gas_limit, cap } => {
                Self::GasCap { expected: cap, actual: gas_limit }
            }
            I::BlobGasPriceGreaterThanMax { block_blob_gas_price, tx_max_fee_per_blob_gas } => {
                Self::BlobFee { expected: block_blob_gas_price, actual: tx_max_fee_per_blob_gas }
            }
            I::EmptyBlobs => Self::NoBlobs,
            I::BlobCreateTransaction => Self::BlobCreate,
            I::TooManyBlobs { max, have } => {
                Self::TooManyBlobs { expected: max as u64, actual: have as u64 }
            }
            I::BlobVersionNotSupported => Self::BlobVersion,
            I::EmptyAuthorizationList => Self::NoAuthorizations,
            I::Eip2930NotSupported => Self::TypeNotSupported { actual: 1 },
            I::Eip1559NotSupported => Self::TypeNotSupported { actual: 2 },
            I::Eip4844NotSupported => Self::TypeNotSupported { actual: 3 },
            I::Eip7702NotSupported => Self::TypeNotSupported { actual: 4 },
            other @ (I::CallerGasLimitMoreThanBlock
            | I::InvalidChainId
            | I::MissingChainId
            | I::AccessListNotSupported
            | I::MaxFeePerBlobGasNotSupported
            | I::BlobVersionedHashesNotSupported
            | I::AuthorizationListNotSupported
            | I::AuthorizationListInvalidFields
            | I::Eip7873NotSupported
            | I::Eip7873MissingTarget
            | I::Str(_)) => Self::Other { reason: other.to_string() },
        }
    }
}

impl From<OpTransactionError> for TransactionError {
    fn from(error: OpTransactionError) -> Self {
        match error {
            OpTransactionError::Base(error) => error.into(),
            OpTransactionError::DepositSystemTxPostRegolith => Self::SystemDeposit,
            other @ (OpTransactionError::HaltedDepositPostRegolith
            | OpTransactionError::MissingEnvelopedTx) => Self::Other { reason: other.to_string() },
        }
    }
}

/// Why a block was not executed.
#[derive(Debug, Error)]
pub enum ExecuteError<E> {
    /// The block is bad, and always will be.
    #[error(transparent)]
    Invalid(#[from] BlockError),
    /// The state cannot be read; the block may be good.
    #[error("state: {0}")]
    Read(#[source] ReadError<E>),
    /// A precompile or the interpreter could not work; the block may be good.
    #[error("interpreter: {reason}")]
    Interpreter {
        /// What it says.
        reason: String,
    },
}

impl<E> ExecuteError<E> {
    /// Names the transaction that makes a block bad.
    pub(crate) fn transaction(index: usize, error: TransactionError) -> Self {
        Self::Invalid(BlockError::Transaction { index, error })
    }
}

/// What the interpreter gets when the state cannot be read.
#[derive(Debug, Error)]
pub enum ReadError<E> {
    /// The view says so.
    #[error("{0}")]
    View(#[source] E),
    /// The hash of a block within reach is not known.
    #[error("the hash of block {number} is not known: give the last 256")]
    NoBlockHash {
        /// The block.
        number: u64,
    },
    /// Code of an account is no code.
    #[error("code {hash} of {address} cannot be run")]
    BadCode {
        /// Hash of the code.
        hash: B256,
        /// An account with this code, or zero.
        address: Address,
    },
}

impl<E: std::error::Error + Send + Sync + 'static> revm::database_interface::DBErrorMarker
    for ReadError<E>
{
}
