//! Blocks are numbered densely, in the order in which they came, and a deleted block's row stays. Once there are many such rows the ledger
//! is read back as at a start: it numbers what is left anew, and the memory of the rest is free.
//!
//! # Invariants
//!
//! - Whoever holds a block's number across two locks holds `numbering` for reading; here it is held for writing. The virtual stage
//!   and the pruning stage need not: they and this exclude each other by `resolving`.
//! - Nobody sees the columns while they are empty: to whoever looks no more than a hash up, every block would be unknown then, and a block
//!   that came at that moment would wait for parents that are there already.
//! - Nothing that is decided changes: the virtual block is the same, with other numbers in it.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use quintet_kaspa_protocol::dag::BlockId;
use quintet_primitives::Hash256;
use tracing::debug;

use super::{Columns, Consensus, ConsensusError, VirtualState, header::genesis_row, open::load};

/// Rows of deleted blocks are put up with until they are this share of those that are left: one in so many.
const SPARSE_FROM: usize = 4;

impl Consensus {
    /// Numbers blocks anew if many rows are of deleted ones. To be called with `resolving` held.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails; consensus must not be used on then.
    pub(super) fn renumber_if_sparse(&self) -> Result<(), ConsensusError> {
        let (deleted, left) = self.columns().rows();
        let is_sparse = deleted >= self.options.sparse_rows_min && deleted >= left / SPARSE_FROM;
        if !is_sparse || !self.ledger.numbers_anew() {
            return Ok(());
        }
        let _alone = self.numbering.write().unwrap_or_else(PoisonError::into_inner);
        self.bodies.clear();
        self.records.clear();
        let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
        let before = Arc::clone(&published);
        let mut shared = self.columns_mut();
        let hashes = hashes_of(&before, &shared);
        let (generation, recent) = (shared.generation(), shared.take_recent());
        // Both at once would be twice the memory.
        *shared = Columns::new(&self.options, &genesis_row(&self.params)?)?;
        let (mut columns, committed) = load(&self.params, &self.options, &*self.ledger)?;
        let committed = committed.ok_or(ConsensusError::Inconsistent {
            expected: "a ledger that was committed to before",
        })?;
        columns.pruning_points = committed.pruning_points;
        columns.find_edge();
        columns.succeed(generation, recent);
        let state = with_numbers(&before, |block| {
            hashes.get(&block).and_then(|hash| columns.dag.find(hash)).ok_or(
                ConsensusError::Inconsistent {
                    expected: "what the virtual block merges to be kept",
                },
            )
        })?;
        *shared = columns;
        *published = Arc::new(state);
        debug!(deleted, left, "numbered anew");
        Ok(())
    }
}

/// Returns the hashes of all blocks a virtual block names by number.
fn hashes_of(state: &VirtualState, columns: &Columns) -> HashMap<BlockId, Hash256> {
    let ghostdag = &state.ghostdag;
    let named = [state.sink, ghostdag.selected_parent].into_iter();
    let named = named.chain(state.parents.iter().copied());
    let named = named.chain(ghostdag.blues.iter().chain(&ghostdag.reds).copied());
    let named = named.chain(ghostdag.anticone_sizes.iter().map(|size| size.block));
    let named = named.chain(state.acceptance.iter().map(|merged| merged.block));
    named.map(|block| (block, columns.hash(block))).collect()
}

/// Returns the virtual block with other numbers in it.
fn with_numbers(
    state: &VirtualState,
    number: impl Fn(BlockId) -> Result<BlockId, ConsensusError>,
) -> Result<VirtualState, ConsensusError> {
    let all = |blocks: &mut [BlockId]| -> Result<(), ConsensusError> {
        blocks.iter_mut().try_for_each(|block| number(*block).map(|new| *block = new))
    };
    let mut state = state.clone();
    state.sink = number(state.sink)?;
    all(&mut state.parents)?;
    let ghostdag = &mut state.ghostdag;
    ghostdag.selected_parent = number(ghostdag.selected_parent)?;
    all(&mut ghostdag.blues)?;
    all(&mut ghostdag.reds)?;
    for size in &mut ghostdag.anticone_sizes {
        size.block = number(size.block)?;
    }
    for merged in &mut state.acceptance {
        merged.block = number(merged.block)?;
    }
    Ok(state)
}
