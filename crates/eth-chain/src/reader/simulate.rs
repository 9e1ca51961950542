//! Calls that nobody signed, at the state after a block: `eth_call` and what is made of it.

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_primitives::Address;
use quintet_eth::state::{StateView, store::StateReader};
use quintet_evm::{
    execute::{AccountOverride, CallTransaction, Called, Checks, ExecuteError, Inspector, Session},
    schedule::Rules,
};

use super::{Ancestors, ChainReader};
use crate::{
    block::BlockTag,
    error::ChainError,
    write::{failed, run_failed},
};

/// A place to run calls: a state, a block around them, accounts taken to be other than they are.
#[derive(Debug, Clone)]
pub struct Simulator {
    pub(super) reader: ChainReader,
    pub(super) state: StateReader,
    /// The block around the call; change what is to be overridden. Its parent's hash leads to the hashes of earlier blocks.
    pub header: Header,
    /// Price of blob gas in place of what the header asks for, wei.
    pub blob_price: Option<u128>,
    /// Accounts taken to be other than they are.
    pub overrides: BTreeMap<Address, AccountOverride>,
    /// What is asked of calls.
    pub checks: Checks,
    rules: Rules,
}

impl ChainReader {
    /// Returns a place to run calls, at the state after a block and inside that block.
    ///
    /// # Errors
    ///
    /// As for [`Self::state_at`].
    pub fn simulator(&self, tag: BlockTag) -> Result<Simulator, ChainError> {
        let at = self.resolve(tag)?;
        let state = self.state_at(BlockTag::Hash(at.hash))?;
        let record = self.header_record(at.hash)?;
        let record = record.ok_or(ChainError::Damaged { what: "headers", hash: at.hash })?;
        let header = record.header.clone();
        let rules = self.rules_of(&header)?;
        Ok(Simulator {
            reader: self.clone(),
            state,
            header,
            blob_price: None,
            overrides: BTreeMap::new(),
            checks: Checks::NONE,
            rules,
        })
    }
}

impl Simulator {
    /// The state calls run at, overrides aside.
    #[must_use]
    pub const fn state(&self) -> &StateReader {
        &self.state
    }

    /// The rules calls run by: those of the block they were taken from, whatever its header is changed to.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Runs a call and keeps nothing of it.
    ///
    /// # Errors
    ///
    /// [`ChainError::Refused`] if it cannot be run; [`ChainError`] if the state cannot be read.
    pub fn call(
        &self,
        call: &CallTransaction,
        inspector: Option<&mut dyn Inspector>,
    ) -> Result<Called, ChainError> {
        self.with_session(|session| session.call(call, inspector).map_err(run_failed))?
    }

    /// Runs a call as [`Self::call`] does, as long as `go_on` says so: none if it was given up.
    ///
    /// # Errors
    ///
    /// As for [`Self::call`].
    pub fn call_while(
        &self,
        call: &CallTransaction,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Called>, ChainError> {
        self.with_session(|session| session.call_while(call, go_on).map_err(run_failed))?
    }

    /// Hands a session to `run`: for several calls one after the other, each seeing what those before it did if they are run with
    /// [`Session::inspect_call`].
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the overridden accounts cannot be read.
    pub fn with_session<R>(
        &self,
        run: impl for<'s> FnOnce(&mut Session<'s, StateReader, Ancestors<'s>>) -> R,
    ) -> Result<R, ChainError> {
        self.with_session_on(&self.state, run)
    }

    /// As [`Self::with_session`], on another state: one of blocks that are not there.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the overridden accounts cannot be read.
    pub fn with_session_on<V, R>(
        &self,
        view: &V,
        run: impl for<'s> FnOnce(&mut Session<'s, V, Ancestors<'s>>) -> R,
    ) -> Result<R, ChainError>
    where
        V: StateView<Error = quintet_eth::state::store::StateError>,
    {
        let ancestors = Ancestors::before(&self.reader, &self.header);
        let mut session = Session::simulate(
            self.rules,
            &self.header,
            view,
            &ancestors,
            self.checks,
            self.blob_price,
        );
        for (address, account) in &self.overrides {
            session
                .override_account(*address, account)
                .map_err(|error| failed(ExecuteError::Read(error)))?;
        }
        Ok(run(&mut session))
    }
}
