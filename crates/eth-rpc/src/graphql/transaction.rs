//! Transactions: in a block, or waiting.

use std::sync::Arc;

use alloy_consensus::{Eip658Value, Transaction as Fields};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, U256};
use async_graphql::{Object, SimpleObject};
use quintet_eth::tx::EthTransaction;
use quintet_eth_pool::PoolTransaction;
use quintet_evm::execute::Receipt;

use super::{
    account::Account,
    block::{Block, Mined},
    log::Log,
    scalars::{Addr, BigInt, Data, Long, Word},
    scope::{Answer, Scope, wrong},
};
use crate::{
    error::{EthError, EthResult},
    json::{effective_price, signature_v},
    methods::blob_price,
};

/// A transaction with its place.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    scope: Arc<Scope>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// In a block, at an index that is there.
    Mined(Arc<Mined>, usize),
    Waiting(Arc<PoolTransaction>),
}

/// Legacy transactions have type 0.
const LEGACY: u8 = 0;
/// Transactions that name two fees have types from this on.
const DYNAMIC_FEE: u8 = 2;

impl Transaction {
    pub(super) fn mined(scope: &Arc<Scope>, block: Arc<Mined>, index: usize) -> Self {
        Self { scope: Arc::clone(scope), place: Place::Mined(block, index) }
    }

    pub(super) fn waiting(scope: &Arc<Scope>, transaction: Arc<PoolTransaction>) -> Self {
        Self { scope: Arc::clone(scope), place: Place::Waiting(transaction) }
    }

    fn parts(&self) -> EthResult<(&EthTransaction, Address)> {
        let missing = || EthError::server("transaction not found");
        match &self.place {
            Place::Mined(block, index) => block.sealed.transaction(*index).ok_or_else(missing),
            Place::Waiting(one) => Ok((one.transaction(), one.sender())),
        }
    }

    fn transaction(&self) -> Answer<&EthTransaction> {
        self.parts().map(|(transaction, _)| transaction).map_err(wrong)
    }

    fn fields(&self) -> Answer<&dyn Fields> {
        Ok(self.transaction()?.as_transaction())
    }

    /// The base fee of its block, if it is in one.
    fn base_fee(&self) -> Option<Option<u64>> {
        match &self.place {
            Place::Mined(block, _) => Some(block.sealed.header().base_fee_per_gas),
            Place::Waiting(_) => None,
        }
    }

    /// Its receipt, if it is in a block, and how many logs the block has before it.
    fn receipt(&self) -> Answer<Option<(&Receipt, usize)>> {
        let Place::Mined(block, index) = &self.place else { return Ok(None) };
        let receipts = block.receipts(&self.scope).map_err(wrong)?;
        let before = receipts.iter().take(*index).map(|receipt| receipt.logs.len()).sum();
        Ok(receipts.get(*index).map(|receipt| (receipt, before)))
    }

    fn blob_gas(&self) -> Answer<Option<u64>> {
        Ok(self.transaction()?.as_signed().and_then(Fields::blob_gas_used))
    }

    fn signed<T>(&self, part: impl Fn(&alloy_primitives::Signature) -> T) -> Answer<Option<T>> {
        Ok(self.transaction()?.as_signed().map(|signed| part(signed.signature())))
    }
}

/// AccessTuple is an account that a transaction says it reads, with slots.
#[derive(Debug, SimpleObject)]
struct AccessTuple {
    /// The account.
    address: Addr,
    /// The slots.
    storage_keys: Vec<Word>,
}

/// Transaction is a transaction, mined or waiting.
#[Object]
impl Transaction {
    /// Its hash.
    async fn hash(&self) -> Answer<Word> {
        Ok(Word(self.transaction()?.hash()))
    }

    /// The nonce that its sender gave it.
    async fn nonce(&self) -> Answer<Long> {
        Ok(Long(self.fields()?.nonce()))
    }

    /// Its index in the block; null while it waits.
    async fn index(&self) -> Option<Long> {
        match &self.place {
            Place::Mined(_, index) => Some(Long::count(*index)),
            Place::Waiting(_) => None,
        }
    }

    /// Who sent it, at a block, the head if none is named.
    async fn from(&self, block: Option<Long>) -> Answer<Account> {
        let (_, sender) = self.parts().map_err(wrong)?;
        Ok(Account::at(&self.scope, sender, block))
    }

    /// Whom it calls, at a block, the head if none is named; null if it makes a contract.
    async fn to(&self, block: Option<Long>) -> Answer<Option<Account>> {
        Ok(self.fields()?.to().map(|to| Account::at(&self.scope, to, block)))
    }

    /// Wei that move.
    async fn value(&self) -> Answer<BigInt> {
        Ok(BigInt(self.fields()?.value()))
    }

    /// What it pays for each gas, in wei: in a block what it paid, before that the most it pays.
    async fn gas_price(&self) -> Answer<BigInt> {
        let fields = self.fields()?;
        Ok(BigInt::wei(match self.base_fee() {
            Some(base_fee) => effective_price(fields, base_fee),
            None => fields.max_fee_per_gas(),
        }))
    }

    /// The most it pays for each gas, in wei, if it names that.
    async fn max_fee_per_gas(&self) -> Answer<Option<BigInt>> {
        let one = self.transaction()?;
        let fee = one.as_transaction().max_fee_per_gas();
        Ok((one.as_signed().is_some() && one.kind() >= DYNAMIC_FEE).then(|| BigInt::wei(fee)))
    }

    /// The most of that which is a tip, if it names that.
    async fn max_priority_fee_per_gas(&self) -> Answer<Option<BigInt>> {
        let one = self.transaction()?;
        let tip = one.as_signed().and_then(Fields::max_priority_fee_per_gas);
        Ok(tip.map(BigInt::wei))
    }

    /// The most it pays for each blob gas, in wei, if it has blobs.
    async fn max_fee_per_blob_gas(&self) -> Answer<Option<BigInt>> {
        let one = self.transaction()?;
        Ok(one.as_signed().and_then(Fields::max_fee_per_blob_gas).map(BigInt::wei))
    }

    /// The tip it paid for each gas, in wei; null while it waits.
    async fn effective_tip(&self) -> Answer<Option<BigInt>> {
        let Some(base_fee) = self.base_fee() else { return Ok(None) };
        let paid = effective_price(self.fields()?, base_fee);
        let tip = paid.saturating_sub(u128::from(base_fee.unwrap_or_default()));
        Ok(Some(BigInt::wei(tip)))
    }

    /// Gas it may use.
    async fn gas(&self) -> Answer<Long> {
        Ok(Long(self.fields()?.gas_limit()))
    }

    /// What the callee is given.
    async fn input_data(&self) -> Answer<Data> {
        self.scope.data(self.fields()?.input())
    }

    /// Its block; null while it waits.
    async fn block(&self) -> Option<Block> {
        match &self.place {
            Place::Mined(block, _) => Some(Block::mined(&self.scope, Arc::clone(block))),
            Place::Waiting(_) => None,
        }
    }

    /// 1 if it went well, 0 if not; null while it waits, and before Byzantium.
    async fn status(&self) -> Answer<Option<Long>> {
        Ok(match self.receipt()?.map(|(receipt, _)| receipt.status) {
            Some(Eip658Value::Eip658(success)) => Some(Long(u64::from(success))),
            Some(Eip658Value::PostState(_)) | None => None,
        })
    }

    /// Gas it used; null while it waits.
    async fn gas_used(&self) -> Answer<Option<Long>> {
        Ok(self.receipt()?.map(|(receipt, _)| Long(receipt.gas_used)))
    }

    /// Gas used in the block up to and including it; null while it waits.
    async fn cumulative_gas_used(&self) -> Answer<Option<Long>> {
        Ok(self.receipt()?.map(|(receipt, _)| Long(receipt.cumulative_gas_used)))
    }

    /// What it paid for each gas, in wei; null while it waits.
    async fn effective_gas_price(&self) -> Answer<Option<BigInt>> {
        let Some(base_fee) = self.base_fee() else { return Ok(None) };
        Ok(Some(BigInt::wei(effective_price(self.fields()?, base_fee))))
    }

    /// Blob gas it used, if it has blobs; null while it waits.
    async fn blob_gas_used(&self) -> Answer<Option<Long>> {
        if self.base_fee().is_none() {
            return Ok(None);
        }
        Ok(self.blob_gas()?.map(Long))
    }

    /// What it paid for each blob gas, in wei, if it has blobs; null while it waits.
    async fn blob_gas_price(&self) -> Answer<Option<BigInt>> {
        let Place::Mined(block, _) = &self.place else { return Ok(None) };
        if self.blob_gas()?.is_none() {
            return Ok(None);
        }
        let price = blob_price(&self.scope.reader, &block.sealed).map_err(wrong)?;
        Ok(price.map(BigInt::wei))
    }

    /// The contract it made, at a block, the head if none is named; null if it made none or waits.
    async fn created_contract(&self, block: Option<Long>) -> Answer<Option<Account>> {
        let created = self.receipt()?.and_then(|(receipt, _)| receipt.created);
        Ok(created.map(|address| Account::at(&self.scope, address, block)))
    }

    /// What it logged; null while it waits.
    async fn logs(&self) -> Answer<Option<Vec<Log>>> {
        let Some((receipt, before)) = self.receipt()? else { return Ok(None) };
        let logs = receipt.logs.iter().enumerate().map(|(at, log)| Log {
            scope: Arc::clone(&self.scope),
            log: log.clone(),
            index: before + at,
            transaction: self.clone(),
        });
        Ok(Some(logs.collect()))
    }

    /// Its signature's r.
    async fn r(&self) -> Answer<BigInt> {
        Ok(BigInt(self.signed(|signature| signature.r())?.unwrap_or_default()))
    }

    /// Its signature's s.
    async fn s(&self) -> Answer<BigInt> {
        Ok(BigInt(self.signed(|signature| signature.s())?.unwrap_or_default()))
    }

    /// Its signature's v: which of two keys, for legacy transactions with the chain's id mixed in.
    async fn v(&self) -> Answer<BigInt> {
        let signed = self.transaction()?.as_signed();
        Ok(BigInt(signed.map_or(U256::ZERO, signature_v)))
    }

    /// Which of two keys signed it; null for legacy transactions.
    async fn y_parity(&self) -> Answer<Option<BigInt>> {
        if self.transaction()?.kind() == LEGACY {
            return Ok(None);
        }
        let parity = self.signed(alloy_primitives::Signature::v)?.unwrap_or_default();
        Ok(Some(BigInt::wei(u8::from(parity))))
    }

    /// Its type, as EIP-2718 numbers them.
    #[graphql(name = "type")]
    async fn kind(&self) -> Answer<Option<Long>> {
        Ok(Some(Long(u64::from(self.transaction()?.kind()))))
    }

    /// Accounts and slots that it says it reads; empty for legacy transactions.
    async fn access_list(&self) -> Answer<Option<Vec<AccessTuple>>> {
        let list = self.fields()?.access_list().cloned().unwrap_or_default();
        let tuple = |item: alloy_eips::eip2930::AccessListItem| AccessTuple {
            address: Addr(item.address),
            storage_keys: item.storage_keys.into_iter().map(Word).collect(),
        };
        Ok(Some(list.0.into_iter().map(tuple).collect()))
    }

    /// Hashes of its blobs, if it has some.
    async fn blob_versioned_hashes(&self) -> Answer<Option<Vec<Word>>> {
        let hashes = self.fields()?.blob_versioned_hashes();
        Ok(hashes.map(|hashes| hashes.iter().copied().map(Word).collect()))
    }

    /// Its encoding, as EIP-2718 says.
    async fn raw(&self) -> Answer<Data> {
        self.scope.data(self.transaction()?.encoded())
    }

    /// The encoding of its receipt, as EIP-2718 says; empty while it waits.
    async fn raw_receipt(&self) -> Answer<Data> {
        let receipt = self.receipt()?.map(|(receipt, _)| receipt.encoded_2718());
        self.scope.data(receipt.unwrap_or_default())
    }
}
