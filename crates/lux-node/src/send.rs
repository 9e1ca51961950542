//! What an account whose key is in this process sends through a node in this process: nonce and fees filled in, signed, given to the pool.
//!
//! For development chains and for traffic: a node that serves others signs nothing for them.

use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use quintet_eth::state::StateView as _;
use quintet_eth_chain::ChainError;
use quintet_eth_rpc::{EthError, EthNode};
use quintet_evm::header::base_fee;

use crate::dev::DevAccount;

/// Tip where nobody says one, wei.
pub(crate) const TIP_DEFAULT: u128 = 1_000_000_000;

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// To whom.
    pub to: TxKind,
    /// Wei.
    pub value: U256,
    /// Data of the call, or code that makes a contract.
    pub input: Bytes,
    /// Most gas.
    pub gas_limit: u64,
}

/// Signs and sends for an account; returns the transaction's hash.
///
/// # Errors
///
/// [`EthError`] if the pool does not take it, or the chain cannot be read.
pub fn send(node: &EthNode, from: &DevAccount, what: Outgoing) -> Result<B256, EthError> {
    let base_fee = u128::from(next_base_fee(node).map_err(EthError::from)?);
    let transaction = TxEip1559 {
        chain_id: node.chain().spec().chain_id(),
        nonce: next_nonce(node, from.address)?,
        gas_limit: what.gas_limit,
        max_fee_per_gas: base_fee.saturating_mul(2).saturating_add(TIP_DEFAULT),
        max_priority_fee_per_gas: TIP_DEFAULT,
        to: what.to,
        value: what.value,
        access_list: AccessList::default(),
        input: what.input,
    };
    let signed = from.sign(TypedTransaction::Eip1559(transaction));
    let signed = signed.ok_or_else(|| EthError::server("the transaction cannot be signed"))?;
    let decoded = node.pool().read(&signed.encoded())?;
    let hash = decoded.hash();
    node.pool().submit(decoded)?;
    Ok(hash)
}

/// Base fee of the block after the head, wei, by Ethereum's rule.
///
/// # Errors
///
/// [`ChainError`] if the chain cannot be read.
pub fn next_base_fee(node: &EthNode) -> Result<u64, ChainError> {
    let reader = node.chain().reader()?;
    let hash = reader.head().hash;
    let head = reader.header(hash)?;
    let head = head.ok_or(ChainError::Damaged { what: "headers", hash })?;
    Ok(base_fee::of_child(&head))
}

/// The nonce after those of an account's waiting transactions.
///
/// # Errors
///
/// [`EthError`] if the chain cannot be read.
pub fn next_nonce(node: &EthNode, from: Address) -> Result<u64, EthError> {
    if let Some(nonce) = node.pool().pool().next_nonce(&from) {
        return Ok(nonce);
    }
    let reader = node.chain().reader().map_err(EthError::from)?;
    let account = reader.state().account(from);
    let account = account.map_err(|error| EthError::from(ChainError::State(error)))?;
    Ok(account.map_or(0, |account| account.nonce))
}
