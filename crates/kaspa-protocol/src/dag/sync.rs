//! What peers ask each other to find out what one of them lacks.
//!
//! A *locator* names few blocks of a chain, dense at its top: the asked peer says which is the highest it knows. The *antipast* of two blocks is
//! what is to be sent then: everything below the one and not below the other, parents first.
//!
//! Reference: `processes::sync::SyncManager`.

use std::collections::HashMap;

use quintet_primitives::Hash256;

use super::{BlockId, Dag};

/// A part of an antipast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Antipast {
    /// The blocks, every one after its parents.
    pub blocks: Vec<BlockId>,
    /// The chain block reached: the last of `blocks`, from which to ask for the next part.
    pub reached: BlockId,
}

impl Dag {
    /// Returns the highest block that is on the chains of both.
    #[must_use]
    pub fn highest_common_chain_block(&self, a: BlockId, b: BlockId) -> BlockId {
        let mut at = a;
        // The root is on every chain.
        while !at.is_origin() && !self.reachability().is_chain_ancestor_of(at, b) {
            at = self.reachability().tree_parent(at);
        }
        at
    }

    /// Returns what is in the past of `high`, itself included, and not in that of `low`: whole mergesets of chain blocks upwards, as long as
    /// they fit into `limit` blocks. `limit` should not be less than what a block may merge, or nothing may come.
    ///
    /// Reference: `antipast_hashes_between`.
    #[must_use]
    pub fn antipast(&self, low: BlockId, high: BlockId, limit: usize) -> Antipast {
        let common = self.highest_common_chain_block(low, high);
        let mut antipast = Antipast { blocks: Vec::new(), reached: common };
        for block in self.reachability().forward_chain(common, high).skip(1) {
            let merged = self.ghostdag(block);
            if antipast.blocks.len() + merged.mergeset_size() > limit {
                break;
            }
            let mut ascending: Vec<BlockId> = merged.merged_descending(self).collect();
            ascending.push(merged.selected_parent);
            let new = |block: &BlockId| {
                !block.is_origin() && !self.reachability().is_dag_ancestor_of(*block, low)
            };
            antipast.blocks.extend(ascending.into_iter().rev().filter(new));
            antipast.reached = block;
        }
        if antipast.reached != common {
            antipast.blocks.push(antipast.reached);
        }
        antipast
    }

    /// Returns blocks of the chain from `high` down to `low`, at distances in blue score that double; at most `limit`. `None` if `low` is
    /// not on the chain.
    ///
    /// Reference: `create_block_locator_from_pruning_point`.
    #[must_use]
    pub fn block_locator(&self, high: BlockId, low: BlockId, limit: usize) -> Option<Vec<BlockId>> {
        if !self.reachability().is_chain_ancestor_of(low, high) {
            return None;
        }
        let lowest = self.blue_score(low);
        let (mut locator, mut at, mut step) = (Vec::new(), high, 1_u64);
        while locator.len() < limit {
            // Where a chain block merges more blues than the step, the step grows until it leads below it; the reference names the
            // block again each time.
            if locator.last() != Some(&at) {
                locator.push(at);
            }
            if self.blue_score(at) <= lowest {
                break;
            }
            let next = self.blue_score(at).saturating_sub(step).max(lowest);
            let chain = self.reachability().backward_chain(at, low);
            let above = chain.take_while(|&block| self.blue_score(block) >= next);
            at = above.last().unwrap_or(low);
            step = step.saturating_mul(2);
        }
        Some(locator)
    }

    /// Returns the blocks from the pruning point up to `high` whose bodies are missing, parents first. `None` if the pruning point is not on the
    /// chain of `high`.
    ///
    /// Bodies come with all bodies below them, so the chain is searched from both ends for the highest block that has one.
    ///
    /// Reference: `get_missing_block_body_hashes`.
    #[must_use]
    pub fn missing_bodies(
        &self,
        pruning_point: BlockId,
        high: BlockId,
        has_body: impl Fn(BlockId) -> bool,
    ) -> Option<Vec<BlockId>> {
        let reachability = self.reachability();
        if !reachability.is_chain_ancestor_of(pruning_point, high) {
            return None;
        }
        let mut upwards = reachability.forward_chain(pruning_point, high);
        let mut downwards = reachability.backward_chain(high, pruning_point);
        let mut highest = upwards.next()?;
        for (up, down) in upwards.by_ref().zip(downwards.by_ref()) {
            if !has_body(up) {
                break;
            }
            highest = up;
            if has_body(down) {
                highest = down;
                break;
            }
        }
        let mut missing = self.antipast(highest, high, usize::MAX).blocks;
        missing.retain(|&block| !has_body(block));
        Some(missing)
    }
}

/// Returns the places of a chain from `high` down to `low` that a locator names: at distances that double, and `low`. Empty if `low` is
/// above `high`.
///
/// Reference: `create_virtual_selected_chain_block_locator`.
#[must_use]
pub fn locator_places(low: u64, high: u64) -> Vec<u64> {
    let (mut places, mut at, mut step) = (Vec::new(), high, 1_u64);
    if low > high {
        return places;
    }
    while at > low {
        places.push(at);
        let Some(next) = at.checked_sub(step) else { break };
        (at, step) = (next, step.saturating_mul(2));
    }
    places.push(low);
    places
}

/// Sorts blocks that come parents first into layers: none has a parent in its own layer or in a later one, so that those of a layer can
/// be processed side by side. Returns the places of the blocks by layer.
///
/// A parent that is not among them, or comes later, counts for nothing.
#[must_use]
pub fn antichain_layers<'a>(
    blocks: impl IntoIterator<Item = (Hash256, &'a [Hash256])>,
) -> Vec<Vec<usize>> {
    let (mut layers, mut layer_of): (Vec<Vec<usize>>, HashMap<Hash256, usize>) = Default::default();
    for (place, (hash, parents)) in blocks.into_iter().enumerate() {
        let above = parents.iter().filter_map(|parent| layer_of.get(parent)).max();
        let layer = above.map_or(0, |layer| layer + 1);
        if layers.len() == layer {
            layers.push(Vec::new());
        }
        layers[layer].push(place);
        layer_of.insert(hash, layer);
    }
    layers
}
