//! A block run again, transaction by transaction, under watch: `debug_trace*`.

use std::sync::Arc;

use alloy_primitives::B256;
use quintet_eth::state::store::StateReader;
use quintet_evm::{
    execute::{Called, ExecuteError, Inspector, Receipt, Session, Transaction},
    schedule::Rules,
};

use super::{Ancestors, ChainReader};
use crate::{
    block::{BlockTag, SealedBlock},
    error::ChainError,
    write::{all_runnable, failed, run_failed},
};

/// What a transaction did when it was run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStep {
    /// Its index in the block.
    pub index: usize,
    /// Its hash.
    pub hash: B256,
    /// What it did.
    pub called: Called,
    /// Its receipt.
    pub receipt: Receipt,
}

/// A block that is run again, and where in it.
#[expect(missing_debug_implementations, reason = "the session has none")]
pub struct Replay<'s> {
    session: Session<'s, StateReader, Ancestors<'s>>,
    transactions: &'s [Transaction],
    block: Arc<SealedBlock>,
    next: usize,
}

impl ChainReader {
    /// Begins to run a block again, on the state before it, and hands that to `run`.
    ///
    /// # Errors
    ///
    /// As for [`Self::state_at`] of the block's parent, and for [`Self::block`].
    pub fn replay<R>(
        &self,
        hash: B256,
        run: impl FnOnce(&mut Replay<'_>) -> R,
    ) -> Result<R, ChainError> {
        let tag = BlockTag::Hash(hash);
        let block = self.block(hash)?.ok_or(ChainError::UnknownBlock { tag })?;
        let header = block.header();
        if block.senders.len() != block.transactions().len() {
            return Err(ChainError::NotExecuted { hash });
        }
        let rules: Rules = self.rules_of(header)?;
        let state = self.state_at(BlockTag::Hash(header.parent_hash))?;
        let ready = all_runnable(&rules, block.transactions(), &block.senders)
            .map_err(|error| failed(ExecuteError::Invalid(error)))?;
        let ancestors = Ancestors::before(self, header);
        let session = Session::begin(rules, header, &state, &ancestors, None).map_err(failed)?;
        let mut replay =
            Replay { session, transactions: &ready, block: Arc::clone(&block), next: 0 };
        Ok(run(&mut replay))
    }
}

impl<'s> Replay<'s> {
    /// The block.
    #[must_use]
    pub const fn block(&self) -> &Arc<SealedBlock> {
        &self.block
    }

    /// Index of the next transaction.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.next
    }

    /// The state as the next transaction meets it.
    pub const fn session(&mut self) -> &mut Session<'s, StateReader, Ancestors<'s>> {
        &mut self.session
    }

    /// Runs transactions without watching, until the next is the one with this index.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the state cannot be read.
    pub fn skip_to(&mut self, index: usize) -> Result<(), ChainError> {
        let until = index.min(self.transactions.len());
        for transaction in self.transactions.get(self.next..until).unwrap_or_default() {
            self.session.run(transaction).map_err(run_failed)?;
        }
        self.next = self.next.max(until);
        Ok(())
    }

    /// Runs the next transaction, watched; `None` behind the last.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the state cannot be read.
    pub fn inspect(
        &mut self,
        inspector: Option<&mut dyn Inspector>,
    ) -> Result<Option<ReplayStep>, ChainError> {
        let index = self.next;
        let Some(transaction) = self.transactions.get(index) else { return Ok(None) };
        let (called, receipt) = self.session.inspect(transaction, inspector).map_err(run_failed)?;
        let receipt = receipt.clone();
        let hash = self.block.transactions().get(index).map(|transaction| transaction.hash());
        self.next += 1;
        Ok(Some(ReplayStep { index, hash: hash.unwrap_or_default(), called, receipt }))
    }
}
