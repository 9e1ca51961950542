//! What an account of a development chain sends: nonce and fees filled in, signed, given to the pool.

use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use quintet_eth::state::StateView as _;
use quintet_eth_chain::ChainError;
use quintet_eth_rpc::EthError;
use quintet_evm::header::base_fee;

use super::{DevAccount, DevNode};

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

impl DevNode {
    /// Signs and sends for an account; returns the transaction's hash.
    ///
    /// # Errors
    ///
    /// [`EthError`] if the pool does not take it, or the chain cannot be read.
    pub fn send(&self, from: &DevAccount, what: Outgoing) -> Result<B256, EthError> {
        let base_fee = u128::from(self.next_base_fee().map_err(EthError::from)?);
        let transaction = TxEip1559 {
            chain_id: self.dev.chain().spec().chain_id(),
            nonce: self.next_nonce(from.address)?,
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
        let decoded = self.node.pool().read(&signed.encoded())?;
        let hash = decoded.hash();
        self.node.pool().submit(decoded)?;
        Ok(hash)
    }

    /// Base fee of the block after the head, wei.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot be read.
    pub fn next_base_fee(&self) -> Result<u64, ChainError> {
        let reader = self.dev.chain().reader()?;
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
    pub fn next_nonce(&self, from: Address) -> Result<u64, EthError> {
        if let Some(nonce) = self.node.pool().pool().next_nonce(&from) {
            return Ok(nonce);
        }
        let reader = self.dev.chain().reader().map_err(EthError::from)?;
        let account = reader.state().account(from);
        let account = account.map_err(|error| EthError::from(ChainError::State(error)))?;
        Ok(account.map_or(0, |account| account.nonce))
    }
}
