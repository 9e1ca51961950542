//! A state of a few accounts and transactions without signatures.

use std::{collections::HashMap, convert::Infallible};

use alloy_consensus::{EthereumTxEnvelope, Signed, TxEip1559, TxEip4844, TxEip7702, TxLegacy};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Signature, TxKind, U256, keccak256};
use quintet_eth::{
    state::{Account, StateView},
    tx::{EthTransaction, TxRules},
};
use quintet_eth_pool::{Added, Head, Origin, Pool, PoolConfig, PoolError, Verified};

/// Accounts in memory.
#[derive(Debug, Default, Clone)]
pub(crate) struct World {
    pub(crate) accounts: HashMap<Address, Account>,
    pub(crate) codes: HashMap<B256, Bytes>,
}

impl World {
    /// One account with a balance and a nonce.
    pub(crate) fn with(mut self, address: Address, nonce: u64, balance: u64) -> Self {
        let balance = U256::from(balance);
        let account = Account { nonce, balance, code_hash: KECCAK256_EMPTY };
        self.accounts.insert(address, account);
        self
    }

    pub(crate) fn with_code(mut self, address: Address, code: &[u8]) -> Self {
        let hash = keccak256(code);
        self.codes.insert(hash, Bytes::copy_from_slice(code));
        self.accounts.get_mut(&address).unwrap().code_hash = hash;
        self
    }
}

impl StateView for World {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Option<Account>, Infallible> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, _: Address, _: U256) -> Result<U256, Infallible> {
        Ok(U256::ZERO)
    }

    fn code(&self, hash: B256) -> Result<Bytes, Infallible> {
        Ok(self.codes.get(&hash).cloned().unwrap_or_default())
    }
}

pub(crate) const RICH: u64 = u64::MAX;

pub(crate) fn address(number: u8) -> Address {
    Address::with_last_byte(number)
}

pub(crate) fn head(base_fee: u64) -> Head {
    let rules = TxRules::Osaka;
    Head { hash: B256::ZERO, rules, base_fee, blob_fee: 1, gas_limit: 30_000_000 }
}

pub(crate) fn pool() -> Pool {
    Pool::new(PoolConfig::default(), head(7))
}

/// A transfer's fields, to be changed before it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tx {
    pub(crate) from: u8,
    pub(crate) nonce: u64,
    pub(crate) fee: u128,
    pub(crate) tip: u128,
    pub(crate) value: u64,
    pub(crate) gas: u64,
    pub(crate) input: usize,
}

pub(crate) const fn tx(from: u8, nonce: u64) -> Tx {
    Tx { from, nonce, fee: 100, tip: 10, value: 0, gas: 21_000, input: 0 }
}

impl Tx {
    pub(crate) const fn paying(self, fee: u128, tip: u128) -> Self {
        Self { fee, tip, ..self }
    }

    pub(crate) const fn cost(self) -> u64 {
        self.gas * self.fee as u64 + self.value
    }

    pub(crate) fn build(self) -> Verified {
        let tx = TxEip1559 {
            chain_id: 1,
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: self.fee,
            max_priority_fee_per_gas: self.tip,
            to: TxKind::Call(address(99)),
            value: U256::from(self.value),
            access_list: alloy_eips::eip2930::AccessList::default(),
            input: vec![0; self.input].into(),
        };
        // The sender is part of the hash, as with a signature.
        let signature = Signature::new(U256::from(self.from), U256::ONE, false);
        let hash = keccak256(
            [
                U256::from(self.from),
                U256::from(self.nonce),
                U256::from(self.fee),
                U256::from(self.tip),
                U256::from(self.value),
                U256::from(self.input),
            ]
            .map(|n: U256| B256::from(n))
            .concat(),
        );
        let signed = Signed::new_unchecked(tx, signature, hash);
        Verified::impersonated(EthTransaction::Signed(signed.into()), address(self.from))
    }

    pub(crate) fn hash(self) -> B256 {
        self.build().transaction().hash()
    }

    pub(crate) fn add(self, pool: &mut Pool, world: &World) -> Result<Added, PoolError> {
        pool.add(self.build(), Origin::Remote, world, 0)
    }
}

/// A transaction that carries blobs, without them.
pub(crate) fn blob(from: u8, nonce: u64, blob_fee: u128) -> Verified {
    let tx = TxEip4844 {
        chain_id: 1,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100,
        max_priority_fee_per_gas: 10,
        max_fee_per_blob_gas: blob_fee,
        blob_versioned_hashes: vec![B256::with_last_byte(1)],
        ..TxEip4844::default()
    };
    let hash = keccak256([from, nonce as u8, blob_fee as u8, 3]);
    let signature = Signature::new(U256::from(from), U256::ONE, false);
    let signed = Signed::new_unchecked(tx, signature, hash);
    Verified::impersonated(
        EthTransaction::Signed(EthereumTxEnvelope::Eip4844(signed)),
        address(from),
    )
}

pub(crate) fn legacy(from: u8, nonce: u64, gas_price: u128) -> Verified {
    let tx = TxLegacy {
        chain_id: Some(1),
        nonce,
        gas_price,
        gas_limit: 21_000,
        to: TxKind::Call(address(99)),
        ..TxLegacy::default()
    };
    let hash = keccak256([from, nonce as u8, gas_price as u8, 0]);
    let signed = Signed::new_unchecked(tx, Signature::new(U256::ONE, U256::ONE, false), hash);
    Verified::impersonated(EthTransaction::Signed(signed.into()), address(from))
}

/// A transaction that delegates the account of this key.
pub(crate) fn delegating(from: u8, nonce: u64, key: [u8; 32]) -> Verified {
    use alloy_eips::eip7702::Authorization;
    let authorization = Authorization { chain_id: U256::ONE, address: address(50), nonce: 0 };
    let signature = super::signed::sign(key, authorization.signature_hash());
    let tx = TxEip7702 {
        chain_id: 1,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 100,
        max_priority_fee_per_gas: 10,
        authorization_list: vec![authorization.into_signed(signature)],
        ..TxEip7702::default()
    };
    let signed = Signed::new_unchecked(tx, signature, keccak256([from, nonce as u8, 4]));
    Verified::impersonated(EthTransaction::Signed(signed.into()), address(from))
}
