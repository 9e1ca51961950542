//! Why the pool refuses a transaction, in the words clients know.
//!
//! The texts are go-ethereum's (`core/error.go`, `core/txpool/errors.go`): wallets and libraries look for their beginnings.

use alloy_primitives::{Address, B256, U256};
use quintet_eth::tx::{TxDecodeError, TxRules};

/// Why a transaction is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The bytes are no transaction.
    #[error("transaction cannot be read: {0}")]
    Decode(#[from] TxDecodeError),
    /// The bytes beside a transaction are no blobs with their proofs.
    #[error("blobs beside the transaction cannot be read: {reason}")]
    Sidecar {
        /// What the decoder says.
        reason: String,
    },
    /// An OP chain's deposit, which no one sends.
    #[error("transaction type not supported: a deposit is not sent")]
    Deposit,
    /// The fork does not know its type.
    #[error("transaction type not supported: type {kind} rejected, pool not yet in {since:?}")]
    Type {
        /// Its type.
        kind: u8,
        /// Who brings it.
        since: TxRules,
    },
    /// It is signed for another chain.
    #[error("invalid chain id for signer: have {actual} want {expected}")]
    ChainId {
        /// This chain's.
        expected: u64,
        /// What it says.
        actual: U256,
    },
    /// It is too long.
    #[error("oversized data: transaction size {actual}, limit {expected}")]
    Oversized {
        /// Most bytes.
        expected: usize,
        /// Its bytes.
        actual: usize,
    },
    /// **Spec:** EIP-3860.
    #[error("max initcode size exceeded: code size {actual} limit {expected}")]
    Initcode {
        /// Most bytes.
        expected: usize,
        /// Its bytes.
        actual: usize,
    },
    /// **Spec:** EIP-7825.
    #[error("transaction gas limit too high (cap: {expected}, tx: {actual})")]
    GasCap {
        /// The most one may ask for.
        expected: u64,
        /// What it asks for.
        actual: u64,
    },
    /// No block holds it.
    #[error("exceeds block gas limit")]
    BlockGas {
        /// The limit of a block.
        expected: u64,
        /// What it asks for.
        actual: u64,
    },
    /// **Spec:** EIP-1559.
    #[error(
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee}"
    )]
    TipAboveFee {
        /// Wei for each gas, for the proposer.
        tip: U256,
        /// Wei for each gas.
        fee: U256,
    },
    /// The signature is nobody's.
    #[error("invalid sender: {reason}")]
    Sender {
        /// What is wrong with it.
        reason: String,
    },
    /// A contract signed nothing. **Spec:** EIP-3607.
    #[error("sender not an eoa: address {address}")]
    SenderHasCode {
        /// The contract.
        address: Address,
    },
    /// **Spec:** EIP-2681.
    #[error("nonce has max value")]
    NonceMax,
    /// Its cost is no number.
    #[error("gas limit times fee overflows 256 bits")]
    CostOverflow,
    /// Less gas than it uses before it runs.
    #[error("intrinsic gas too low: gas {actual}, minimum needed {expected}")]
    IntrinsicGas {
        /// The least.
        expected: u64,
        /// Its gas.
        actual: u64,
    },
    /// Its tip is below what this node takes.
    #[error("transaction underpriced: gas tip cap {actual}, minimum needed {expected}")]
    TipTooLow {
        /// The least.
        expected: u128,
        /// Its tip.
        actual: u128,
    },
    /// It carries blobs that are not there.
    #[error("missing sidecar in blob transaction")]
    NoSidecar,
    /// It has another number of blobs than it may.
    #[error("too many blobs in transaction: have {actual}, permitted {expected}, at least 1")]
    Blobs {
        /// The most.
        expected: usize,
        /// Its number.
        actual: usize,
    },
    /// Its blobs' proofs are of another fork.
    #[error("unexpected sidecar version, want: {expected}, got: {actual}")]
    SidecarVersion {
        /// The fork's.
        expected: u8,
        /// What came.
        actual: u8,
    },
    /// Its blobs are not those it names.
    #[error("invalid blobs: {reason}")]
    BlobProof {
        /// What the check says.
        reason: String,
    },
    /// A blob's hash has another version.
    #[error("blob hash {actual} begins with another version than 1")]
    BlobVersion {
        /// The hash.
        actual: B256,
    },
    /// Its fee for blobs is below the protocol's least.
    #[error("transaction underpriced: blob fee cap {actual}, minimum needed {expected}")]
    BlobFeeTooLow {
        /// The least.
        expected: u128,
        /// Its fee.
        actual: u128,
    },
    /// **Spec:** EIP-7702.
    #[error("set code tx must have at least one authorization tuple")]
    NoAuthorizations,
    /// Its nonce is used.
    #[error("nonce too low: next nonce {expected}, tx nonce {actual}")]
    NonceTooLow {
        /// The next.
        expected: u64,
        /// Its nonce.
        actual: u64,
    },
    /// A nonce before its own is missing, where none may be.
    #[error("nonce too high: tx nonce {actual}, gapped nonce {expected}")]
    NonceTooHigh {
        /// The one that is missing.
        expected: u64,
        /// Its nonce.
        actual: u64,
    },
    /// The balance does not pay for the most it may cost.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {}", cost.saturating_sub(*balance))]
    Funds {
        /// The balance.
        balance: U256,
        /// The most it may cost.
        cost: U256,
    },
    /// The balance does not pay for it and the sender's other transactions.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, tx cost {cost}, overshot {}",
        queued.saturating_add(*cost).saturating_sub(*balance)
    )]
    FundsTogether {
        /// The balance.
        balance: U256,
        /// What the others may cost.
        queued: U256,
        /// The most it may cost.
        cost: U256,
    },
    /// It is there.
    #[error("already known")]
    AlreadyKnown,
    /// The sender has transactions of the other sort, with or without blobs.
    #[error("address already reserved")]
    Reserved,
    /// The same nonce is taken and it does not pay enough more.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// The pool is full of what pays more.
    #[error("transaction underpriced")]
    Underpriced,
    /// The pool is full and nothing gives way.
    #[error("txpool is full")]
    Full,
    /// The sender has as much in the pool as it may.
    #[error("account limit exceeded: sender has {actual}, permitted {expected}")]
    SenderLimit {
        /// The most.
        expected: usize,
        /// What it has.
        actual: usize,
    },
    /// A delegated account may have one transaction. **Spec:** EIP-7702, "Self-sponsoring".
    #[error("in-flight transaction limit reached for delegated accounts")]
    DelegatedInFlight,
    /// A delegated account may leave no gap.
    #[error("gapped-nonce tx from delegated accounts")]
    DelegatedGap,
    /// An account it delegates has transactions of its own in the pool.
    #[error("authority already reserved")]
    AuthorityReserved,
    /// The state could not be read. The node is at fault, not the transaction.
    #[error("state cannot be read: {reason}")]
    State {
        /// What the state says.
        reason: String,
    },
}
