//! What can be wrong with a Python node's chain.

use std::io;

use alloy_primitives::{Address, B256, Bytes, U256};

use super::{config::CONFIG_BYTES_MAX, state::ACCOUNTS_MAX};
use crate::genesis::LuxGenesisError;

/// Why a file gives no more objects.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends in the middle.
    #[error("the file ends at byte {at} within a list or an object: was it copied whole?")]
    Cut {
        /// Its length.
        at: u64,
    },
    /// An object is too large.
    #[error(
        "the object that goes past byte {at} is larger than {most} bytes, expected a block or an account"
    )]
    Large {
        /// Where.
        at: u64,
        /// The bound.
        most: usize,
    },
    /// Something else is there.
    #[error("byte {at}: expected an object, or a list of objects, got {:?}", char::from(*actual))]
    Stray {
        /// Where.
        at: u64,
        /// What is there.
        actual: u8,
    },
}

/// Why a chain is not imported.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// A block is refused.
    #[error("block {height}: {fault}")]
    Block {
        /// Which one, counted from the first of the files.
        height: u64,
        /// What is wrong.
        fault: Box<Fault>,
    },
    /// There is none.
    #[error("expected at least a genesis block, got none")]
    NoBlocks,
    /// The file the chain began from cannot be read.
    #[error("the Python node's genesis file: {reason}")]
    Config {
        /// What is wrong.
        reason: String,
    },
    /// It is too large.
    #[error(
        "the Python node's genesis file: expected at most {CONFIG_BYTES_MAX} bytes, got {actual}"
    )]
    ConfigSize {
        /// Its bytes.
        actual: u64,
    },
    /// The dump of the state cannot be read.
    #[error("the state's entry {at}: {reason}")]
    State {
        /// Which one, from 0.
        at: u64,
        /// What is wrong.
        reason: String,
    },
    /// A state holds too much.
    #[error("expected at most {ACCOUNTS_MAX} accounts, got more")]
    Accounts,
    /// A state has another root than the chain says.
    #[error(
        "block {height}: expected a state with root {expected}, the dump has {actual}: take the dump when the node stands at this block"
    )]
    DumpRoot {
        /// The last block.
        height: u64,
        /// Its root.
        expected: B256,
        /// The dump's.
        actual: B256,
    },
    /// A state's nonce is not the chain's.
    #[error(
        "account {address}: expected nonce {expected} after the chain's transactions, the state has {actual}"
    )]
    DumpNonce {
        /// Whose.
        address: Address,
        /// After the transactions.
        expected: u64,
        /// The state's.
        actual: u64,
    },
    /// Neither or both are given.
    #[error("expected either the file the chain began from or a dump of its state, got {actual}")]
    Source {
        /// What was given.
        actual: &'static str,
    },
    /// Contracts are too large together.
    #[error("block {height}: expected contracts of at most {most} bytes together, got more")]
    Codes {
        /// Where that is passed.
        height: u64,
        /// The bound.
        most: usize,
    },
    /// Something cannot be carried.
    #[error(transparent)]
    Carry(#[from] CarryError),
}

/// What is wrong with a block.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what the sentence names")]
pub enum Fault {
    #[error("expected a header and transactions as the Python node writes them: {reason}")]
    Json { reason: String },
    #[error("transaction {index}: {fault}")]
    Transaction { index: usize, fault: Box<Self> },
    #[error("{field}: expected {expected} bytes, got {actual}")]
    Length { field: &'static str, expected: &'static str, actual: usize },
    #[error("{field}: expected less than 2^64, got {actual}")]
    TooLarge { field: &'static str, actual: U256 },
    #[error("expected version 1, got {actual}")]
    Version { actual: u64 },
    #[error("expected height {expected}, got {actual}")]
    Height { expected: u64, actual: u64 },
    #[error("expected previous hash {expected}, got {actual}")]
    Previous { expected: B256, actual: B256 },
    #[error("the file says its hash is {expected}, its fields hash to {actual}")]
    Hash { expected: B256, actual: B256 },
    #[error("expected a timestamp after its parent's {parent}, got {actual}")]
    Timestamp { parent: u64, actual: u64 },
    #[error("expected a timestamp of at most {latest}, five minutes from now, got {actual}")]
    Future { latest: u64, actual: u64 },
    #[error("expected no transactions in the first block, got {actual}")]
    GenesisTransactions { actual: usize },
    #[error("transactions' root: expected {expected}, got {actual}")]
    TransactionsRoot { expected: B256, actual: B256 },
    #[error("state's root: expected {expected} by replaying its transactions, got {actual}")]
    StateRoot { expected: B256, actual: B256 },
    #[error("gas used: expected {expected}, got {actual}")]
    GasUsed { expected: u64, actual: u64 },
    #[error("gas used {actual} is above the block's limit {limit}")]
    GasLimit { limit: u64, actual: u64 },
    #[error("expected a signature by {validator}, got {actual}")]
    BlockSignature { validator: Address, actual: String },
    #[error("expected a signature by {from}, got {actual}")]
    Signature { from: Address, actual: String },
    #[error("v: expected 27 or 28, got {actual}")]
    Parity { actual: u64 },
    #[error("expected nonce {expected} of {from}, got {actual}")]
    Nonce { from: Address, expected: u64, actual: u64 },
    #[error("{from} has {actual}, expected at least {expected} for value and gas")]
    Funds { from: Address, expected: U256, actual: U256 },
    #[error("expected a gas limit of at least {expected}, got {actual}")]
    Gas { expected: u64, actual: u64 },
    #[error(
        "value and gas together are above 2^256 - 1: value {value}, gas price {gas_price}, gas limit {gas_limit}"
    )]
    Cost { value: U256, gas_price: U256, gas_limit: u64 },
    #[error("the balance of {address} passes 2^256 - 1")]
    Balance { address: Address },
}

/// What of a state cannot be carried into a genesis.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what the sentence names")]
pub enum CarryError {
    #[error(
        "account {address}: no block holds the code with hash {code_hash}; leave it behind to carry the account without it"
    )]
    Code { address: Address, code_hash: B256 },
    #[error(
        "account {address}: slots with root {storage_root} are in no block; leave them behind to carry the account without them"
    )]
    Storage { address: Address, storage_root: B256 },
    #[error(
        "account {address}: a contract of the system is at this address; leave the account behind, with its balance of {balance}"
    )]
    Taken { address: Address, balance: U256 },
    #[error("entry {key} is neither an account, a stake nor a reward: leave it behind")]
    Key { key: Bytes },
    #[error("the balances together pass 2^256 - 1")]
    Supply,
    #[error("expected a chain id: the first block does not tell it; say which one")]
    ChainId,
    #[error(transparent)]
    Genesis(#[from] LuxGenesisError),
}
