//! Questions of clients and of whatever follows the virtual block: how it changed, and what is known of a block.
//!
//! Whoever follows asks for the way from the state it knows to the state of now, however many steps there were between: so nobody has to keep a queue, and
//! nobody falls out of step.

use std::{collections::HashSet, sync::Arc};

use quintet_kaspa_protocol::{
    dag::BlockId,
    header::BlueWork,
    state::{MergedBlock, UtxoDiff},
    target,
    tx::{Outpoint, UtxoEntry},
};
use quintet_primitives::Hash256;

use super::{Consensus, error::ConsensusError, virtual_state::VirtualState};
use crate::ports::{BlockStatus, ChainRecord, LedgerError};

/// Blocks that came after a block among which its children are looked for.
const CHILDREN_WITHIN: u32 = 4096;

/// The easiest target there is, 2²⁵⁵, as the reference shows difficulties.
const EASIEST: f64 = 57_896_044_618_658_097_711_785_492_504_343_953_926_634_992_332_820_282_019_728_792_003_956_564_819_968.0;

/// The way from one virtual block to another.
#[derive(Debug, Clone, Default)]
pub struct VirtualChanges {
    /// Chain blocks left, from the old sink down.
    pub removed: Vec<Hash256>,
    /// Chain blocks joined, upwards.
    pub added: Vec<Hash256>,
    /// From the old sink's UTXO set to the new one's.
    pub chain_diff: UtxoDiff,
    /// From the old virtual block's UTXO set to the new one's.
    pub diff: UtxoDiff,
    /// Transactions accepted now and not before, coinbases aside.
    pub accepted: Vec<Hash256>,
    /// Transactions accepted before and not now, coinbases aside.
    pub unaccepted: HashSet<Hash256>,
}

/// What the DAG says of a block.
#[derive(Debug, Clone)]
pub struct BlockPlace {
    /// Its status.
    pub status: BlockStatus,
    /// Its parent with most blue work.
    pub selected_parent: Hash256,
    /// Blocks that name it as a parent, of those that came soon after it.
    pub children: Vec<Hash256>,
    /// The blues it merges, the selected parent first.
    pub blues: Vec<Hash256>,
    /// The reds it merges.
    pub reds: Vec<Hash256>,
    /// Blues in its past.
    pub blue_score: u64,
    /// Whether the selected chain goes through it.
    pub is_chain_block: bool,
}

/// A chain block and what it accepted: of each merged block, the ids in the order of acceptance.
#[derive(Debug, Clone)]
pub struct AcceptedBy {
    /// The chain block.
    pub block: Hash256,
    /// Merged blocks, and ids of the transactions accepted of each.
    pub merged: Vec<(Hash256, Vec<Hash256>)>,
}

/// The way from a block to the sink along the selected chain.
#[derive(Debug, Clone, Default)]
pub struct ChainPath {
    /// Blocks that are not on the selected chain, downwards.
    pub removed: Vec<Hash256>,
    /// Blocks of the selected chain, upwards.
    pub added: Vec<Hash256>,
}

fn ids(merged: &[MergedBlock]) -> impl Iterator<Item = Hash256> + '_ {
    let accepted = merged.iter().flat_map(|block| &block.accepted);
    accepted.filter(|tx| tx.index != 0).map(|tx| tx.id)
}

impl Consensus {
    fn chain_record(&self, block: BlockId) -> Result<Arc<ChainRecord>, ConsensusError> {
        let record = self.records.get(&*self.ledger, block)?;
        Ok(record.ok_or(LedgerError::Missing { what: "the chain record", block })?)
    }

    /// Returns the numbers of the chain blocks left and joined on the way from one block to another; `None` if one is not known any more.
    fn path(&self, from: &Hash256, to: &Hash256) -> Option<(Vec<BlockId>, Vec<BlockId>)> {
        let columns = self.columns();
        let (from, to) = (columns.dag.find(from)?, columns.dag.find(to)?);
        let reachability = columns.dag.reachability();
        let common = columns.dag.highest_common_chain_block(from, to);
        let mut removed = Vec::new();
        let mut at = from;
        while at != common && !at.is_origin() {
            removed.push(at);
            at = reachability.tree_parent(at);
        }
        if common.is_origin() {
            return None;
        }
        let added = reachability.forward_chain(common, to).skip(1).collect();
        Some((removed, added))
    }

    /// Returns the way from one virtual block to another; `None` if the first is so old that it was pruned.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn changes(
        &self,
        last: &VirtualState,
        now: &VirtualState,
    ) -> Result<Option<VirtualChanges>, ConsensusError> {
        let _numbering = self.numbering();
        let Some((removed, added)) = self.path(&last.sink_hash(), &now.sink_hash()) else {
            return Ok(None);
        };
        let mut changes = VirtualChanges::default();
        let mut before: HashSet<Hash256> = ids(&last.acceptance).collect();
        let mut after: Vec<Hash256> = Vec::new();
        for &block in &removed {
            let record = self.chain_record(block)?;
            changes.chain_diff.then_reversed(&record.diff)?;
            before.extend(ids(&record.acceptance));
        }
        for &block in &added {
            let record = self.chain_record(block)?;
            changes.chain_diff.then(&record.diff)?;
            after.extend(ids(&record.acceptance));
        }
        after.extend(ids(&now.acceptance));
        changes.diff.then_reversed(&last.diff)?;
        changes.diff.then(&changes.chain_diff.clone())?;
        changes.diff.then(&now.diff)?;
        let is_after: HashSet<Hash256> = after.iter().copied().collect();
        changes.unaccepted = before.difference(&is_after).copied().collect();
        after.retain(|id| !before.contains(id));
        changes.accepted = after;
        let columns = self.columns();
        let hashes = |blocks: &[BlockId]| blocks.iter().map(|&block| columns.hash(block)).collect();
        changes.removed = hashes(&removed);
        changes.added = hashes(&added);
        Ok(Some(changes))
    }

    /// Returns the UTXO diff from the set of one chain block to that of another; `None` if one of them was never accepted or was pruned.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn chain_diff(
        &self,
        from: &Hash256,
        to: &Hash256,
    ) -> Result<Option<UtxoDiff>, ConsensusError> {
        let _numbering = self.numbering();
        let Some((removed, added)) = self.path(from, to) else { return Ok(None) };
        let mut diff = UtxoDiff::new();
        for (blocks, is_back) in [(removed, true), (added, false)] {
            for block in blocks {
                let Some(record) = self.records.get(&*self.ledger, block)? else { return Ok(None) };
                if is_back { diff.then_reversed(&record.diff)? } else { diff.then(&record.diff)? }
            }
        }
        Ok(Some(diff))
    }

    /// Returns up to `limit` entries of the pruning point's UTXO set in the order of outpoints, those after `after`.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn pruning_point_utxos(
        &self,
        after: Option<Outpoint>,
        limit: usize,
    ) -> Result<Vec<(Outpoint, UtxoEntry)>, ConsensusError> {
        Ok(self.ledger.pruning_utxos(after, limit)?)
    }

    /// Returns the way from a block to the sink, at most `limit` blocks of the selected chain; `None` if the block is not known or below the pruning point.
    #[must_use]
    pub fn chain_from(&self, low: &Hash256, limit: usize) -> Option<ChainPath> {
        let _numbering = self.numbering();
        let (removed, added) = self.path(low, &self.sink())?;
        let columns = self.columns();
        let hash = |&block: &BlockId| columns.hash(block);
        let added = added.iter().take(limit).map(hash).collect();
        Some(ChainPath { removed: removed.iter().map(hash).collect(), added })
    }

    /// Returns what a chain block accepted; `None` if it never was one or its record was pruned.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn accepted_by(&self, block: &Hash256) -> Result<Option<AcceptedBy>, ConsensusError> {
        let _numbering = self.numbering();
        let Some(id) = self.columns().dag.find(block) else { return Ok(None) };
        let Some(record) = self.records.get(&*self.ledger, id)? else { return Ok(None) };
        let columns = self.columns();
        let merged = record.acceptance.iter().map(|merged| {
            let ids = merged.accepted.iter().map(|tx| tx.id).collect();
            (columns.hash(merged.block), ids)
        });
        Ok(Some(AcceptedBy { block: *block, merged: merged.collect() }))
    }

    /// Returns what the DAG says of a block; `None` if it is not known.
    #[must_use]
    pub fn place(&self, block: &Hash256) -> Option<BlockPlace> {
        let _numbering = self.numbering();
        let sink = self.virtual_state().sink_hash();
        let columns = self.columns();
        let id = columns.dag.find(block)?;
        let reachability = columns.dag.reachability();
        let hash = |&block: &BlockId| columns.hash(block);
        let is_there = |block: &&BlockId| !block.is_origin();
        let is_chain_block =
            columns.dag.find(&sink).is_some_and(|sink| reachability.is_chain_ancestor_of(id, sink));
        // Children come soon after their parents: only so many of the blocks that came next are looked at.
        let next = id.number().saturating_add(1);
        let end = u32::try_from(columns.dag.len()).unwrap_or(u32::MAX);
        let after = (next..end.min(next.saturating_add(CHILDREN_WITHIN))).map(BlockId::new);
        let is_child = |child: &BlockId| columns.dag.parents(*child).contains(&id);
        let children = after.filter(is_child).map(|child| columns.hash(child)).collect();
        Some(BlockPlace {
            status: columns.status(id),
            selected_parent: columns.hash(columns.dag.selected_parent(id)),
            children,
            blues: columns.dag.blues(id).iter().filter(is_there).map(hash).collect(),
            reds: columns.dag.reds(id).iter().filter(is_there).map(hash).collect(),
            blue_score: columns.dag.blue_score(id),
            is_chain_block,
        })
    }

    /// Returns blocks that are not in the past of `low`, parents first, at most about `limit`, and `low` itself in front; of all that follow it if
    /// there is room, also those of the sink's anticone.
    ///
    /// Reference: `get_hashes_between` in `get_blocks_call`.
    #[must_use]
    pub fn blocks_from(&self, low: &Hash256, limit: usize) -> Option<Vec<Hash256>> {
        let _numbering = self.numbering();
        let sink = self.sink();
        let tips = self.tips();
        let columns = self.columns();
        let (from, to) = (columns.dag.find(low)?, columns.dag.find(&sink)?);
        let found = columns.dag.antipast(from, to, limit);
        let is_whole = found.reached == to;
        let mut blocks = vec![*low];
        blocks.extend(found.blocks.iter().map(|&block| columns.hash(block)));
        blocks.dedup();
        if is_whole {
            let ids = tips.iter().filter_map(|tip| columns.dag.find(tip));
            let anticone = columns.dag.anticone(to, ids, limit);
            let mut rest: Vec<BlockId> = anticone.unwrap_or_default();
            rest.sort_by_key(|&block| columns.dag.blue_work(block));
            blocks.extend(rest.into_iter().map(|block| columns.hash(block)));
        }
        Some(blocks)
    }

    /// Estimates how many hashes a second the network makes, from the last `window` chain blocks down from a block; `None` if there is too little of a chain.
    ///
    /// Reference: `estimate_network_hashes_per_second_impl`, which takes the difficulty window.
    #[must_use]
    pub fn hashes_per_second(&self, from: &Hash256, window: usize) -> Option<u64> {
        let _numbering = self.numbering();
        let columns = self.columns();
        let top = columns.dag.find(from)?;
        let mut at = top;
        for _ in 0..window {
            let below = columns.dag.selected_parent(at);
            if below.is_origin() {
                break;
            }
            at = below;
        }
        let millis = columns.windows.timestamp(top).checked_sub(columns.windows.timestamp(at))?;
        let work = columns.dag.blue_work(top).checked_sub(columns.dag.blue_work(at))?;
        let rate =
            work.checked_mul(BlueWork::from(1000_u64))?.checked_div(BlueWork::from(millis))?;
        u64::try_from(rate).ok()
    }

    /// Returns the timestamps, in milliseconds, of chain blocks at these DAA scores: of the highest block not above each.
    #[must_use]
    pub fn timestamps_at(&self, daa_scores: &[u64]) -> Vec<u64> {
        let _numbering = self.numbering();
        let sink = self.virtual_state().sink_hash();
        let columns = self.columns();
        let Some(sink) = columns.dag.find(&sink) else { return vec![0; daa_scores.len()] };
        let mut wanted: Vec<(usize, u64)> = daa_scores.iter().copied().enumerate().collect();
        wanted.sort_by_key(|&(_, score)| std::cmp::Reverse(score));
        let mut found = vec![0; daa_scores.len()];
        let mut at = sink;
        for (place, score) in wanted {
            while columns.windows.daa_score(at) > score {
                let below = columns.dag.selected_parent(at);
                if below.is_origin() {
                    break;
                }
                at = below;
            }
            found[place] = columns.windows.timestamp(at);
        }
        found
    }

    /// Returns the difficulty of bits: how many hashes more than at the easiest target a block takes.
    #[must_use]
    pub fn difficulty(&self, bits: u32) -> f64 {
        let target = f64::from(target::from_compact(bits));
        if target > 0.0 { EASIEST / target } else { 0.0 }
    }

    /// Returns how many bodies there are in memory's columns, about: headers that have one.
    #[must_use]
    pub fn body_count(&self) -> usize {
        let columns = self.columns();
        columns.blocks().filter(|&block| columns.status(block).has_body()).count()
    }
}
