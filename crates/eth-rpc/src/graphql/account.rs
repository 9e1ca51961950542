//! Accounts at a block.

use std::sync::Arc;

use alloy_primitives::{Address, KECCAK256_EMPTY};
use async_graphql::Object;
use quintet_eth::state::{Account as State, StateView as _, store::StateReader};

use super::{
    scalars::{Addr, BigInt, Data, Long, Word},
    scope::{Answer, Scope, wrong},
};
use crate::{
    args::BlockId,
    error::EthResult,
    methods::{pending_nonce, state_error},
    node::Named as _,
};

/// An account at a block.
#[derive(Debug, Clone)]
pub(super) struct Account {
    scope: Arc<Scope>,
    address: Address,
    at: BlockId,
}

impl Account {
    pub(super) fn new(scope: &Arc<Scope>, address: Address, at: BlockId) -> Self {
        Self { scope: Arc::clone(scope), address, at }
    }

    /// The account at the block that was asked for, else at the head.
    pub(super) fn at(scope: &Arc<Scope>, address: Address, block: Option<Long>) -> Self {
        let at = block.map_or(BlockId::Latest, |Long(number)| BlockId::Number(number));
        Self::new(scope, address, at)
    }

    fn state(&self) -> EthResult<(StateReader, Option<State>)> {
        let state = self.scope.reader.state_named(self.at)?;
        let account = state.account(self.address).map_err(state_error)?;
        Ok((state, account))
    }
}

/// Account is an account at a block.
#[Object]
impl Account {
    /// Its address.
    async fn address(&self) -> Addr {
        Addr(self.address)
    }

    /// What it has, in wei.
    async fn balance(&self) -> Answer<BigInt> {
        let (_, account) = self.state().map_err(wrong)?;
        Ok(BigInt(account.map(|account| account.balance).unwrap_or_default()))
    }

    /// Its nonce: how many transactions it sent, or how many contracts it made.
    async fn transaction_count(&self) -> Answer<Long> {
        if self.at != BlockId::Pending {
            let (_, account) = self.state().map_err(wrong)?;
            return Ok(Long(account.map_or(0, |account| account.nonce)));
        }
        let node = &self.scope.node;
        let in_pool = || node.pool().pool().next_nonce(&self.address);
        // What the query began with may be older than the pool.
        let in_state = || {
            let state = node.reader()?.state_named(BlockId::Pending)?;
            let account = state.account(self.address).map_err(state_error)?;
            Ok(account.map_or(0, |account| account.nonce))
        };
        Ok(Long(pending_nonce(in_pool, in_state).map_err(wrong)?))
    }

    /// Its code, if it is a contract.
    async fn code(&self) -> Answer<Data> {
        let (state, account) = self.state().map_err(wrong)?;
        let hash = account.map_or(KECCAK256_EMPTY, |account| account.code_hash);
        let code = state.code(hash).map_err(|error| wrong(state_error(error)))?;
        self.scope.data(&code)
    }

    /// What a slot of it holds.
    async fn storage(&self, slot: Word) -> Answer<Word> {
        let (state, _) = self.state().map_err(wrong)?;
        let value = state.storage(self.address, slot.0.into());
        Ok(Word(value.map_err(|error| wrong(state_error(error)))?.into()))
    }
}
