//! A development chain's methods, with anvil's names and hardhat's: mining, time, snapshots, accounts set by hand or played.
//!
//! What they do is the chain's that implements [`DevControls`]; here are the names, the parameters and what is told. A node with controls
//! also signs and plays for its accounts: `eth_accounts`, `eth_sendTransaction`, `eth_sign`.
//!
//! **Spec:** foundry, "anvil reference: custom methods"; hardhat, "Hardhat Network reference".

mod methods;
mod send;

use std::sync::Arc;

use alloy_consensus::TypedTransaction;
use alloy_primitives::{Address, B256, Bytes, Signature, U256};
use quintet_eth::tx::EthTransaction;
use quintet_rpc::{Registry, RpcModule, StartError};

pub(crate) use self::send::{accounts, send_transaction, sign, sign_transaction};
use crate::{error::EthError, node::EthNode, table};

/// Why a development chain does not do what it is asked, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DevError(
    /// The words.
    pub String,
);

impl From<DevError> for EthError {
    fn from(error: DevError) -> Self {
        Self::server(error.0)
    }
}

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DevMining {
    /// As soon as a transaction waits.
    Instant,
    /// Every so many milliseconds.
    Interval {
        /// Milliseconds, at least 1.
        millis: u64,
    },
    /// When asked.
    Manual,
}

/// What a development chain lets its owner do. Calls may block on the disk.
pub trait DevControls: Send + Sync {
    /// Mines so many blocks, `seconds` apart if said, of what waits.
    ///
    /// # Errors
    ///
    /// [`DevError`] if a block cannot be made.
    fn mine(&self, blocks: u64, seconds: Option<u64>) -> Result<(), DevError>;
    /// When blocks are made.
    fn mining(&self) -> DevMining;
    /// Sets when blocks are made.
    fn set_mining(&self, mining: DevMining);
    /// Remembers where the chain is.
    fn snapshot(&self) -> u64;
    /// Goes back to a snapshot; false if there is none of that number.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state does not reach so far back.
    fn revert(&self, id: u64) -> Result<bool, DevError>;
    /// Goes back to the first block.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state does not reach so far back.
    fn reset(&self) -> Result<(), DevError>;
    /// Moves time; returns how far it is off the clock, in seconds.
    fn increase_time(&self, seconds: i64) -> i64;
    /// Makes it `time` now; returns how far that is off the clock, in seconds.
    fn set_time(&self, time: u64) -> i64;
    /// Sets the timestamp of the next block.
    ///
    /// # Errors
    ///
    /// [`DevError`] if it is not after the head's.
    fn set_next_timestamp(&self, timestamp: u64) -> Result<(), DevError>;
    /// Sets the seconds from each block to the next; `None` leaves that to the clock.
    fn set_timestamp_step(&self, seconds: Option<u64>);
    /// Sets who gets the fees.
    fn set_coinbase(&self, coinbase: Address);
    /// Sets the limit of gas of blocks from now on.
    fn set_gas_limit(&self, gas_limit: u64);
    /// Sets the base fee of the next block.
    fn set_next_base_fee(&self, base_fee: u64);
    /// Sets the randomness of the next block.
    fn set_next_prev_randao(&self, prev_randao: B256);
    /// Lets anybody send in the name of an account.
    fn impersonate(&self, account: Address);
    /// Ends that.
    fn stop_impersonating(&self, account: Address);
    /// Lets anybody send in the name of any account, or ends that.
    fn impersonate_all(&self, all: bool);
    /// Whether anybody may send in the name of an account.
    fn is_impersonated(&self, account: Address) -> bool;
    /// Sets an account's balance, in wei.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be written.
    fn set_balance(&self, account: Address, balance: U256) -> Result<(), DevError>;
    /// Sets an account's nonce.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be written.
    fn set_nonce(&self, account: Address, nonce: u64) -> Result<(), DevError>;
    /// Sets an account's code.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be written.
    fn set_code(&self, account: Address, code: Bytes) -> Result<(), DevError>;
    /// Sets a slot.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be written.
    fn set_storage_at(&self, account: Address, slot: U256, value: U256) -> Result<(), DevError>;
    /// Accounts it has keys of.
    fn accounts(&self) -> Vec<Address>;
    /// Signs a transaction with an account's key; `None` if there is no such key.
    fn sign(&self, account: Address, transaction: TypedTransaction) -> Option<EthTransaction>;
    /// Signs a digest with an account's key; `None` if there is no such key.
    fn sign_digest(&self, account: Address, digest: B256) -> Option<Signature>;
    /// Makes a transaction in the name of an account that is played; `None` if it cannot be.
    fn play(&self, account: Address, transaction: TypedTransaction) -> Option<EthTransaction>;
}

/// Returns the methods of a development chain. The node must have been given its controls with [`EthNode::set_dev`].
///
/// # Errors
///
/// [`StartError`] if two methods have one name.
pub fn dev_module(node: Arc<EthNode>) -> Result<RpcModule<Arc<EthNode>>, StartError> {
    let mut module = RpcModule::new(node);
    table::register(&mut module, methods::entries())?;
    Ok(module)
}

/// Returns the descriptions of a development chain's methods.
#[must_use]
pub fn dev_registry() -> Registry {
    let registry = Registry::new("Development chain", env!("CARGO_PKG_VERSION"));
    table::describe(registry, methods::entries())
}
