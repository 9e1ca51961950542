//! Making the best block the tip, and seeing its scripts through.
//!
//! **Spec:** Bitcoin Core, `ActivateBestChain`, `ActivateBestChainStep`, `InvalidateBlock`, `ReconsiderBlock`.

use std::sync::Arc;

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{Block, header::HeaderId, rules::BlockError};
use quintet_utxo::checks::Failure;

use super::{Chain, ChainError, checks::Pending, connect::Outcome};
use crate::storage::BlockStatus;

/// Blocks that may be connected ahead of their scripts.
const PENDING_MAX: usize = 128;

/// A block that turned out to break a rule when it was connected or its scripts were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The block.
    pub hash: BlockHash,
    /// The rule.
    pub error: BlockError,
}

impl Chain {
    /// Disconnects and connects blocks until the best complete chain is the connected one. `fresh` is a block just stored, which
    /// need not be read back.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on. Blocks that break a rule are marked and passed over.
    pub(super) fn activate(&mut self, fresh: Option<&Arc<Block>>) -> Result<(), ChainError> {
        while let Some(best) = self.candidates.best(&self.tree) {
            if self.tree.work(best) <= self.tree.work(self.tip()) {
                break;
            }
            let fork = self.active.fork(&self.tree, best);
            if fork != self.tip() {
                // What is taken back has been checked to the end, or is not worth taking back.
                self.drain()?;
                let best_still = self.candidates.best(&self.tree) == Some(best);
                if !best_still {
                    continue;
                }
                while self.tip() != self.active.fork(&self.tree, best) {
                    self.disconnect_tip()?;
                }
            }
            self.connect_path(best, fresh)?;
            self.collect_done()?;
        }
        let tip = self.tip();
        self.candidates.prune(&self.tree, tip);
        Ok(())
    }

    /// Connects the blocks from the tip to `best`, its descendant, as far as they hold.
    fn connect_path(
        &mut self,
        best: HeaderId,
        fresh: Option<&Arc<Block>>,
    ) -> Result<(), ChainError> {
        for height in self.height() + 1..=self.tree.height(best) {
            let Some(id) = self.tree.ancestor(best, height) else { break };
            let hash = self.tree.hash(id);
            let block = match fresh.filter(|block| block.hash() == hash) {
                Some(block) => Arc::clone(block),
                None => Arc::new(self.read_block(id)?),
            };
            match self.connect_tip(id, block)? {
                Outcome::Connected => {}
                Outcome::Refused(error) => {
                    self.refuse(id, error);
                    break;
                }
            }
            if self.pending.iter().any(Pending::has_failed) {
                self.drain()?;
                break;
            }
            self.make_room()?;
        }
        Ok(())
    }

    /// Marks a block invalid and remembers why, for whoever asked for it.
    fn refuse(&mut self, id: HeaderId, error: BlockError) {
        self.mark_failed(id);
        let hash = self.tree.hash(id);
        tracing::warn!(block = %hash, reason = %error.reject_reason(), %error, "block refused");
        self.refused.push(Refused { hash, error });
    }

    /// Waits until every connected block's scripts are checked. Blocks that fail are taken back, with all on top of them, and the next
    /// best chain is connected instead.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn settle(&mut self) -> Result<(), ChainError> {
        loop {
            self.drain()?;
            let best = self.candidates.best(&self.tree);
            if best.is_none_or(|best| self.tree.work(best) <= self.tree.work(self.tip())) {
                return Ok(());
            }
            self.activate(None)?;
        }
    }

    /// Waits for every pending block's verdict.
    fn drain(&mut self) -> Result<(), ChainError> {
        while let Some(oldest) = self.pending.pop_front() {
            self.conclude(oldest)?;
        }
        Ok(())
    }

    /// Concludes the oldest blocks whose checks are done, without waiting.
    pub(super) fn collect_done(&mut self) -> Result<(), ChainError> {
        while self.pending.front().is_some_and(Pending::is_done) {
            if let Some(oldest) = self.pending.pop_front() {
                self.conclude(oldest)?;
            }
        }
        Ok(())
    }

    /// Waits for the oldest block if too many are ahead of their scripts.
    fn make_room(&mut self) -> Result<(), ChainError> {
        self.collect_done()?;
        if self.pending.len() >= PENDING_MAX
            && let Some(oldest) = self.pending.pop_front()
        {
            self.conclude(oldest)?;
        }
        Ok(())
    }

    /// Waits for the verdict on the oldest pending block, and acts on it.
    fn conclude(&mut self, oldest: Pending) -> Result<(), ChainError> {
        let id = oldest.id;
        let hash = self.tree.hash(id);
        let (verdict, undo) = oldest.wait();
        match verdict {
            Ok(()) => {
                self.change(id, |state| state.status |= BlockStatus::VALID_SCRIPTS);
                Ok(())
            }
            Err(Failure::Refused { error, .. }) => {
                while let Some(newest) = self.pending.pop_back() {
                    let undo = newest.cancel();
                    self.take_back(&undo)?;
                }
                self.take_back(&undo)?;
                self.refuse(id, error);
                // What is left may still be better than the tip.
                self.readmit();
                Ok(())
            }
            Err(Failure::Panicked { reason, .. }) => {
                Err(ChainError::CheckPanicked { hash, reason })
            }
            Err(Failure::Cancelled) => {
                Err(ChainError::CheckPanicked { hash, reason: "cancelled by nobody".to_owned() })
            }
        }
    }

    /// Makes every complete block with at least the tip's work a candidate again: after the tip went back.
    pub(super) fn readmit(&mut self) {
        let least = self.tree.work(self.tip());
        for index in 0..self.blocks.len() {
            let complete = self.blocks[index].chain_tx_count > 0;
            if let Some(id) =
                self.tree.id(index).filter(|&id| complete && self.tree.work(id) >= least)
            {
                self.candidates.add(&self.tree, id, self.blocks[index].sequence);
            }
        }
    }

    /// Takes the blocks refused since the last call, oldest first.
    pub fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    /// Marks a block invalid by the operator's will, and connects the best chain without it (`invalidateblock`).
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn invalidate(&mut self, id: HeaderId) -> Result<(), ChainError> {
        self.settle()?;
        while id != HeaderId::GENESIS && self.active.contains(&self.tree, id) {
            self.disconnect_tip()?;
        }
        self.mark_failed(id);
        self.readmit();
        self.activate(None)
    }

    /// Takes back what was marked on a block, those before and those after it (`reconsiderblock`).
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn reconsider(&mut self, id: HeaderId) -> Result<(), ChainError> {
        self.settle()?;
        self.tree.reconsider(id);
        for index in 0..self.blocks.len() {
            let Some(other) = self.tree.id(index) else { continue };
            let related = self.tree.is_ancestor(other, id) || self.tree.is_ancestor(id, other);
            if related && self.state(other).status.is_failed() {
                self.change(other, |state| {
                    state.status.remove(BlockStatus::FAILED | BlockStatus::FAILED_CHILD);
                });
            }
        }
        self.readmit();
        self.activate(None)
    }
}
