//! Giving up old blocks, so that the files stay within a target or end at a height the operator names.
//!
//! ```text
//!   a new file was begun ──► beyond the target? ──► flush: coins of the tip ──► plan ──► index ──► unlink
//! ```
//!
//! # Invariants
//!
//! - Coins are those of the tip before a file goes: no replay needs what is gone.
//! - The last [`KEEP_BLOCKS`] blocks stay, with their undo data.
//!
//! **Spec:** Bitcoin Core, `FindFilesToPrune`, `FindFilesToPruneManual`, `PruneOneBlockFile`, `GetPruneHeight`.

use quintet_bitcoin_protocol::header::HeaderId;

use super::{Chain, ChainError};
use crate::storage::{KEEP_BLOCKS, PruneTarget};

/// Whether, and how, old blocks are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pruning {
    /// Every block is kept.
    #[default]
    Off,
    /// When the operator says so, up to the height that is named.
    Manual,
    /// So that the files take no more than so much.
    Automatic(PruneTarget),
}

/// Bytes kept free below the target: a new block file and a new undo file may begin before the next look.
///
/// **Spec:** Bitcoin Core, `BLOCKFILE_CHUNK_SIZE` and `UNDOFILE_CHUNK_SIZE`.
const HEADROOM: u64 = (16 << 20) + (1 << 20);

impl Chain {
    /// Returns whether, and how, old blocks are given up.
    #[must_use]
    pub const fn pruning(&self) -> Pruning {
        self.options.pruning
    }

    /// Returns the height of the last block that is gone, counted from the tip downwards; `None` if all from genesis on are there.
    ///
    /// **Spec:** Bitcoin Core, `GetPruneHeight`.
    #[must_use]
    pub fn pruned_up_to(&self) -> Option<u32> {
        if !self.has_pruned {
            return None;
        }
        let gone = |id: &&HeaderId| self.has_data(**id) != (true, true);
        let found = self.active.from(1).iter().rev().find(gone);
        found.map(|id| self.tree.height(*id))
    }

    /// Returns whether a block was there once and is gone.
    #[must_use]
    pub fn is_pruned(&self, id: HeaderId) -> bool {
        let state = self.state(id);
        id != HeaderId::GENESIS && state.tx_count > 0 && state.block.is_none()
    }

    /// Returns whether any block is gone.
    #[must_use]
    pub const fn has_pruned(&self) -> bool {
        self.has_pruned
    }

    /// Gives up old blocks if the files have outgrown their target and a new file was begun since the last look. Cheap at any other time.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn prune_if_full(&mut self) -> Result<(), ChainError> {
        let Pruning::Automatic(target) = self.options.pruning else { return Ok(()) };
        let files = self.storage.files();
        let segment = (files.blocks().end().segment, files.undo().end().segment);
        if self.pruned_at == Some(segment) {
            return Ok(());
        }
        self.pruned_at = Some(segment);
        // Small files are for tests, which count in them.
        let small = u64::from(self.options.segment_bytes_max) < HEADROOM;
        let headroom = if small { 0 } else { HEADROOM };
        let within = target.less(headroom);
        if self.height() < self.params.prune_after_height || within.allows(files.total_bytes()) {
            return Ok(());
        }
        self.prune_to(within)
    }

    /// Gives up blocks up to a height, as far as files hold no others and the last [`KEEP_BLOCKS`] blocks stay.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn prune_up_to(&mut self, height: u32) -> Result<(), ChainError> {
        self.prune_to(PruneTarget::up_to(height))
    }

    fn prune_to(&mut self, target: PruneTarget) -> Result<(), ChainError> {
        // A crash must find the coins of the tip: what they are made from may be gone.
        self.flush()?;
        let pruned = self.unlink(target);
        self.watch(pruned)
    }

    fn unlink(&mut self, target: PruneTarget) -> Result<(), ChainError> {
        let has_data = |id: &HeaderId| {
            let state = self.state(*id);
            state.block.is_some() || state.undo.is_some()
        };
        let ids = (0..self.blocks.len()).filter_map(|index| self.tree.id(index)).filter(has_data);
        let entries: Vec<_> = ids.map(|id| (id, self.tree.height(id), self.entry(id))).collect();
        let with_heights = entries.iter().map(|(_, height, entry)| (*height, entry));
        let plan = self.storage.plan_pruning(self.height(), target, with_heights)?;
        if plan.is_empty() {
            return Ok(());
        }
        let changed: Vec<_> =
            entries.iter().filter_map(|(id, _, entry)| Some((*id, plan.pruned(entry)?))).collect();
        for (id, entry) in &changed {
            let state = self.state_mut(*id);
            (state.block, state.undo) = (entry.block, entry.undo);
            self.has_pruned = true;
        }
        let mut flush = self.storage.begin_flush()?;
        for (id, entry) in &changed {
            // Entries are numbered as their headers are.
            if let Ok(number) = u32::try_from(id.index()) {
                flush.put_entry(number, entry)?;
            }
        }
        let freed = self.storage.prune(flush, &plan)?;
        tracing::info!(blocks = changed.len(), freed, kept = KEEP_BLOCKS, "pruned block files");
        Ok(())
    }
}
