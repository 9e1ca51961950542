//! Making the best block the tip, and seeing its scripts through.
//!
//! ```text
//!   better ──► data on the whole path? ──no──► waits for it, next best
//!      ▲              │ yes
//!      │              ▼
//!      │       on top of the tip? ──no──► drain ──► still the best? ──► disconnect to the fork
//!      │              │ yes                                                     │
//!      │              ▼                                                         │
//!      └────── connect one by one, up to PENDING ahead of their scripts ◄───────┘
//!              one fails: all on top of it and itself taken back, marked, every complete block a candidate again
//! ```
//!
//! Each turn of the loop makes the tip better, or a block invalid, or lets one wait; so it ends.
//!
//! **Spec:** Bitcoin Core, `ActivateBestChain`, `ActivateBestChainStep`, `FindMostWorkChain`, `InvalidateBlock`, `PreciousBlock`.

use std::{ops::ControlFlow, sync::Arc};

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{
    Block,
    header::{HeaderId, Validity},
    rules::BlockError,
};
use quintet_utxo::checks::Failure;

use super::{Chain, ChainError, ahead::Ahead, checks::Pending, connect::Outcome, source::OnDisk};
use crate::storage::BlockStatus;

/// Blocks that may be connected ahead of their scripts, blocks.
const PENDING_MAX: usize = 128;

/// Serialised size of the blocks connected ahead of their scripts, bytes for each thread that checks: a full block's scripts keep
/// a thread busy for longer than it takes to connect one. With tables and spent coins blocks take about three times that.
const PENDING_BYTES_PER_THREAD: usize = 4 << 20;

/// Refused blocks that are remembered until somebody asks, blocks; the oldest are forgotten.
pub const REFUSED_MAX: usize = 1000;

/// Told after each block connected on a long way; may stop there.
pub(super) type Watch<'a> = &'a mut dyn FnMut(&Chain) -> ControlFlow<()>;

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
        self.activate_watched(fresh, &mut |_| ControlFlow::Continue(())).map(drop)
    }

    /// Like [`Chain::activate`]; `watch` may stop it between two blocks.
    pub(super) fn activate_watched(
        &mut self,
        fresh: Option<&Arc<Block>>,
        watch: Watch<'_>,
    ) -> Result<ControlFlow<()>, ChainError> {
        self.check_sound()?;
        let outcome = self.seek_best(fresh, watch);
        self.watch(outcome)
    }

    fn seek_best(
        &mut self,
        fresh: Option<&Arc<Block>>,
        watch: Watch<'_>,
    ) -> Result<ControlFlow<()>, ChainError> {
        while let Some(best) = self.better() {
            if !self.has_path(best) {
                continue;
            }
            if self.active.fork(&self.tree, best) != self.tip() {
                // What is taken back has been checked to the end: only then is it known where to.
                self.drain()?;
                if self.better() != Some(best) {
                    continue;
                }
                while self.active.fork(&self.tree, best) != self.tip() {
                    self.disconnect_tip()?;
                }
            }
            if self.connect_path(best, fresh, watch)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.collect_done()?;
        }
        let tip = self.tip();
        self.candidates.prune(&self.tree, tip);
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the best candidate if it should be the tip instead of what is.
    pub(super) fn better(&mut self) -> Option<HeaderId> {
        let best = self.candidates.best(&self.tree)?;
        (self.rank(best) > self.rank(self.tip())).then_some(best)
    }

    /// Returns whether every block from the fork to `best` is on disk. If not, it and those on the way wait for the lowest that is missing.
    fn has_path(&mut self, best: HeaderId) -> bool {
        let fork = self.active.fork(&self.tree, best);
        let path = || {
            let next = |id: &HeaderId| self.tree.parent(*id);
            std::iter::successors(Some(best), next).take_while(|&id| id != fork)
        };
        let Some(missing) = path().filter(|&id| self.state(id).block.is_none()).last() else {
            return true;
        };
        let waiting: Vec<_> = path().take_while(|&id| id != missing).collect();
        for id in waiting {
            self.candidates.remove(self.rank(id), id);
            if let Some(parent) = self.tree.parent(id) {
                self.candidates.wait(parent, id);
            }
        }
        self.candidates.remove(self.rank(missing), missing);
        false
    }

    /// Connects the blocks from the tip to `best`, its descendant, as far as they hold.
    fn connect_path(
        &mut self,
        best: HeaderId,
        fresh: Option<&Arc<Block>>,
        watch: Watch<'_>,
    ) -> Result<ControlFlow<()>, ChainError> {
        let mut ahead = Ahead::new(Arc::clone(&self.decoders));
        let top = self.tree.height(best);
        let mut to_read = self.height() + 1;
        for height in self.height() + 1..=top {
            let Some(id) = self.tree.ancestor(best, height) else { break };
            let hash = self.tree.hash(id);
            // What is not being read already.
            let fresh = fresh.filter(|block| to_read == height && block.hash() == hash);
            let block = if let Some(block) = fresh {
                to_read += 1;
                Arc::clone(block)
            } else {
                while to_read <= top && ahead.has_room() {
                    let Some(id) = self.tree.ancestor(best, to_read) else { break };
                    let (hash, position) = self.locate_block(id)?;
                    let files = self.storage.files().clone();
                    ahead.push(position.len as usize, move || OnDisk::read(&files, hash, position));
                    to_read += 1;
                }
                let lost = ChainError::ThreadLost { doing: "reads blocks" };
                ahead.next(self.coins.cache_mut())?.ok_or(lost)?.into_block()?
            };
            if let Outcome::Refused(error) = self.connect_tip(id, block)? {
                self.refuse(id, error);
                break;
            }
            if self.pending.iter().any(Pending::has_failed) {
                self.drain()?;
            } else {
                self.make_room()?;
            }
            if self.coins.cache().should_flush() {
                self.flush_if_full()?;
            }
            // A block below may have failed, and this one have gone with it.
            if self.tip() != id {
                break;
            }
            if watch(self).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Marks a block invalid and remembers why, for whoever asks for it.
    fn refuse(&mut self, id: HeaderId, error: BlockError) {
        self.mark_failed(id);
        let hash = self.tree.hash(id);
        // Tools that drive Bitcoin Core look for these words.
        tracing::warn!(block = %hash, "Block validation error: {}, {}", error.reject_reason(), error.debug_message());
        if self.refused.len() >= REFUSED_MAX {
            self.refused.pop_front();
        }
        self.refused.push_back(Refused { hash, error });
        // What is left may still be better than the tip.
        self.readmit();
    }

    /// Waits until every connected block's scripts are checked. Blocks that fail are taken back, with all on top of them, and the next
    /// best chain is connected instead.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn settle(&mut self) -> Result<(), ChainError> {
        self.check_sound()?;
        loop {
            let drained = self.drain();
            self.watch(drained)?;
            if self.better().is_none() {
                return Ok(());
            }
            self.activate(None)?;
        }
    }

    /// Waits for every pending block's verdict.
    pub(super) fn drain(&mut self) -> Result<(), ChainError> {
        while let Some(oldest) = self.pending.pop_front() {
            self.conclude(oldest)?;
        }
        Ok(())
    }

    /// Concludes the oldest blocks whose checks are done, without waiting.
    fn collect_done(&mut self) -> Result<(), ChainError> {
        while self.pending.front().is_some_and(Pending::is_done) {
            if let Some(oldest) = self.pending.pop_front() {
                self.conclude(oldest)?;
            }
        }
        Ok(())
    }

    /// Waits for the oldest blocks while too many, or too large ones, are ahead of their scripts.
    fn make_room(&mut self) -> Result<(), ChainError> {
        self.collect_done()?;
        let bytes_max = self.options.check_threads.max(1).saturating_mul(PENDING_BYTES_PER_THREAD);
        let too_many = |pending: &std::collections::VecDeque<Pending>| {
            let bytes: usize = pending.iter().map(Pending::bytes).sum();
            pending.len() >= PENDING_MAX || (pending.len() > 1 && bytes > bytes_max)
        };
        while too_many(&self.pending) {
            let Some(oldest) = self.pending.pop_front() else { break };
            self.conclude(oldest)?;
        }
        Ok(())
    }

    /// Waits for the verdict on the oldest pending block, and acts on it.
    fn conclude(&mut self, oldest: Pending) -> Result<(), ChainError> {
        let (id, run) = (oldest.id, oldest.is_checked());
        let (verdict, undo) = oldest.wait();
        let failure = match verdict {
            Ok(()) => {
                self.change(id, |state| {
                    state.status |= BlockStatus::VALID_SCRIPTS;
                    state.scripts_passed = run;
                });
                return Ok(());
            }
            Err(failure) => failure,
        };
        while let Some(newest) = self.pending.pop_back() {
            let undo = newest.cancel(&self.verified);
            self.take_back(&undo)?;
        }
        self.take_back(&undo)?;
        let reason = match failure {
            Failure::Refused { error, .. } => {
                self.refuse(id, error);
                return Ok(());
            }
            Failure::Panicked { reason, .. } => reason,
            Failure::Cancelled => "cancelled by nobody".to_owned(),
        };
        Err(ChainError::CheckPanicked { hash: self.tree.hash(id), reason })
    }

    /// Makes every complete block with at least the tip's work a candidate again: after the tip went back.
    pub(super) fn readmit(&mut self) {
        let least = self.tree.work(self.tip());
        for index in 0..self.blocks.len() {
            let complete = self.blocks[index].chain_tx_count > 0;
            if let Some(id) =
                self.tree.id(index).filter(|&id| complete && self.tree.work(id) >= least)
            {
                self.candidates.add(self.rank(id), id);
            }
        }
    }

    /// Takes the blocks refused since the last call, oldest first.
    pub fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused).into()
    }

    /// Marks a block invalid by the operator's will, and connects the best chain without it (`invalidateblock`).
    ///
    /// # Errors
    ///
    /// [`ChainError::Genesis`]; [`ChainError`] if the chain cannot go on, such as below what was pruned.
    pub fn invalidate(&mut self, id: HeaderId) -> Result<(), ChainError> {
        if id == HeaderId::GENESIS {
            return Err(ChainError::Genesis);
        }
        self.settle()?;
        if self.active.contains(&self.tree, id) {
            self.check_way_back(self.tree.height(id))?;
        }
        // Marked first: what is written on the way names no block invalid that the coins are of, see `leave_invalid`.
        self.mark_failed(id);
        let left = self.leave_invalid();
        self.watch(left)?;
        self.readmit();
        self.activate(None)
    }

    /// Takes back blocks until the tip is not known to be invalid.
    pub(super) fn leave_invalid(&mut self) -> Result<(), ChainError> {
        while self.tree.validity(self.tip()) != Validity::Valid {
            self.disconnect_tip()?;
            self.flush_if_full()?;
        }
        Ok(())
    }

    /// Checks that every connected block from `height` on can be taken back.
    fn check_way_back(&self, height: u32) -> Result<(), ChainError> {
        for &id in self.active.from(height) {
            let what = match self.has_data(id) {
                (true, true) => continue,
                (false, _) => "data",
                (true, false) => "undo data",
            };
            return Err(ChainError::DataAbsent { hash: self.tree.hash(id), what });
        }
        Ok(())
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
            if self.blocks[index].status.is_failed() && self.tree.validity(other) == Validity::Valid
            {
                self.change(other, |state| {
                    state.status.remove(BlockStatus::FAILED | BlockStatus::FAILED_CHILD);
                });
            }
        }
        self.readmit();
        self.activate(None)
    }

    /// Treats a block as if it had come before all others with the same work (`preciousblock`). Does nothing for one with less work than the
    /// tip. Forgotten at the next opening.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn precious(&mut self, id: HeaderId) -> Result<(), ChainError> {
        self.settle()?;
        let complete = self.state(id).chain_tx_count > 0;
        if !complete || self.tree.work(id) < self.tree.work(self.tip()) {
            return Ok(());
        }
        self.candidates.remove(self.rank(id), id);
        self.precious -= 1;
        self.state_mut(id).sequence = self.precious;
        self.candidates.add(self.rank(id), id);
        self.activate(None)
    }
}
