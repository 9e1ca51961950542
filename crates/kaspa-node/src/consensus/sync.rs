//! What peers ask of each other's DAG: locators, headers between two blocks, bodies that are missing.
//!
//! Questions name blocks by hash and are hostile: a block that is not known, or not where it should be, is `None`.
//!
//! Reference: `processes::sync::SyncManager` and the `ConsensusApi` methods that its flows call.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use quintet_kaspa_protocol::{
    dag::{BlockId, locator_places},
    header::{BlueWork, Header},
};
use quintet_primitives::Hash256;

use super::{Consensus, columns::Columns, error::ConsensusError, rules::GENESIS};
use crate::ports::{BlockStatus, Body};

/// Headers above a block, and how far they reach.
#[derive(Debug, Clone)]
pub struct HeadersAbove {
    /// The headers, parents first.
    pub headers: Vec<Arc<Header>>,
    /// The chain block reached: where to go on.
    pub reached: Hash256,
}

/// Returns a block that is there and stands in the reachability of the DAG.
fn find(columns: &Columns, hash: &Hash256) -> Option<BlockId> {
    columns.dag.find(hash).filter(|&block| columns.status(block) != BlockStatus::Deleted)
}

impl Consensus {
    /// Returns whether `low` is on the chain of `high`, or is `high`; `None` if one is not known.
    #[must_use]
    pub fn is_chain_ancestor_of(&self, low: &Hash256, high: &Hash256) -> Option<bool> {
        let columns = self.columns();
        let (low, high) = (find(&columns, low)?, find(&columns, high)?);
        Some(columns.dag.reachability().is_chain_ancestor_of(low, high))
    }

    /// Returns headers above `low` up to `high`: whole mergesets of chain blocks, some `limit` of them. `None` if one is not known or `low`
    /// is not on the chain of `high`.
    ///
    /// Reference: `get_hashes_between`.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn headers_above(
        &self,
        low: &Hash256,
        high: &Hash256,
        limit: usize,
    ) -> Result<Option<HeadersAbove>, ConsensusError> {
        let _numbering = self.numbering();
        let (blocks, reached) = {
            let columns = self.columns();
            let (Some(low), Some(high)) = (find(&columns, low), find(&columns, high)) else {
                return Ok(None);
            };
            if !columns.dag.reachability().is_chain_ancestor_of(low, high) {
                return Ok(None);
            }
            let antipast = columns.dag.antipast(low, high, limit);
            (antipast.blocks, columns.hash(antipast.reached))
        };
        let headers = blocks.into_iter().map(|block| self.header_of(block));
        Ok(Some(HeadersAbove { headers: headers.collect::<Result<_, _>>()?, reached }))
    }

    /// Returns the headers in the past of `context`, itself included, and not in that of `block`, parents first. `None` if one is not known
    /// or more than `limit` blocks lie between.
    ///
    /// Reference: `get_antipast_from_pov`.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn antipast_headers(
        &self,
        block: &Hash256,
        context: &Hash256,
        limit: usize,
    ) -> Result<Option<Vec<Arc<Header>>>, ConsensusError> {
        let _numbering = self.numbering();
        let found = {
            let columns = self.columns();
            let (Some(block), Some(context)) = (find(&columns, block), find(&columns, context))
            else {
                return Ok(None);
            };
            let reachability = columns.dag.reachability();
            let is_new = |at: BlockId| {
                !at.is_origin()
                    && reachability.has(at)
                    && !reachability.is_dag_ancestor_of(at, block)
            };
            let (mut met, mut rest) = (HashSet::from([context]), VecDeque::from([context]));
            let mut found = Vec::new();
            while let Some(at) = rest.pop_front() {
                if !is_new(at) {
                    continue;
                }
                if found.len() == limit {
                    return Ok(None);
                }
                found.push(at);
                let parents = columns.dag.parents(at).iter().copied();
                rest.extend(parents.filter(|parent| met.insert(*parent)));
            }
            found.sort_by(|&a, &b| columns.dag.rank(a).cmp(&columns.dag.rank(b)));
            found
        };
        let headers = found.into_iter().map(|block| self.header_of(block));
        Ok(Some(headers.collect::<Result<_, _>>()?))
    }

    /// Returns blocks of the chain from `high` down to the pruning point, at distances that double; at most `limit`. `None` if `high` is not
    /// known or not above the pruning point.
    #[must_use]
    pub fn block_locator(&self, high: &Hash256, limit: usize) -> Option<Vec<Hash256>> {
        let columns = self.columns();
        let high = find(&columns, high)?;
        let locator = columns.dag.block_locator(high, columns.pruning_point(), limit)?;
        Some(locator.into_iter().map(|block| columns.hash(block)).collect())
    }

    /// Returns blocks of the selected chain from `high`, or the sink, down to `low`, or the pruning point, at distances that double. Empty
    /// if the chain does not hold both; `None` if `low` is above `high`.
    ///
    /// Reference: `create_virtual_selected_chain_block_locator`.
    #[must_use]
    pub fn chain_locator(
        &self,
        low: Option<&Hash256>,
        high: Option<&Hash256>,
    ) -> Option<Vec<Hash256>> {
        let _numbering = self.numbering();
        let sink = self.published().sink;
        let columns = self.columns();
        let reachability = columns.dag.reachability();
        let on_chain = |hash: &Hash256| {
            find(&columns, hash).filter(|&block| reachability.is_chain_ancestor_of(block, sink))
        };
        let low = low.map_or_else(|| Some(columns.pruning_point()), on_chain);
        let high = high.map_or(Some(sink), on_chain);
        let (Some(low), Some(high)) = (low, high) else { return Some(Vec::new()) };
        if !reachability.is_chain_ancestor_of(low, high) {
            return None;
        }
        let chain: Vec<BlockId> = reachability.forward_chain(low, high).collect();
        let top = u64::try_from(chain.len().saturating_sub(1)).unwrap_or(u64::MAX);
        let places = locator_places(0, top).into_iter();
        let block = |place| chain.get(usize::try_from(place).ok()?);
        Some(places.filter_map(block).map(|&block| columns.hash(block)).collect())
    }

    /// Returns the blocks up to `high` whose bodies are missing, parents first. `None` if `high` is not known or not above the pruning point.
    #[must_use]
    pub fn missing_bodies(&self, high: &Hash256) -> Option<Vec<Hash256>> {
        let columns = self.columns();
        let high = find(&columns, high)?;
        let has_body = |block| columns.status(block).has_body();
        let missing = columns.dag.missing_bodies(columns.pruning_point(), high, has_body)?;
        Some(missing.into_iter().map(|block| columns.hash(block)).collect())
    }

    /// Returns a block's transactions; `None` if they are not there.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn body(&self, hash: &Hash256) -> Result<Option<Body>, ConsensusError> {
        let _numbering = self.numbering();
        let found = {
            let columns = self.columns();
            columns.dag.find(hash).filter(|&block| columns.status(block).has_body())
        };
        let body = found.map(|block| self.bodies.get(&*self.ledger, block)).transpose()?;
        Ok(body.map(|body| Arc::clone(&body.transactions)))
    }

    /// Returns the blue work that a block must exceed to be merged by the virtual block without another's help: that of the virtual
    /// block's merge depth root.
    ///
    /// Reference: `get_virtual_merge_depth_blue_work_threshold`.
    #[must_use]
    pub fn merge_depth_work(&self) -> BlueWork {
        let _numbering = self.numbering();
        let state = self.published();
        let columns = self.columns();
        let rules = self.rules_after(&columns, state.sink).depth;
        let point = columns.pruning_point();
        let depths = columns.depths.expect(&columns.dag, &state.ghostdag, &rules, point);
        let root = depths.map_or(BlockId::ORIGIN, |depths| depths.merge_root);
        if root.is_origin() || root == GENESIS {
            return BlueWork::ZERO;
        }
        columns.dag.blue_work(root)
    }

    /// Returns the time of the block below which the virtual block's chain is final, milliseconds.
    #[must_use]
    pub fn finality_point_time(&self) -> u64 {
        let _numbering = self.numbering();
        let point = self.finality_point(&self.published().ghostdag);
        self.columns().windows.timestamp(point)
    }

    /// Returns the last `count` pruning points, the newest first.
    #[must_use]
    pub fn last_pruning_points(&self, count: usize) -> Vec<Hash256> {
        let columns = self.columns();
        let points = columns.pruning_points.iter().rev().take(count);
        points.map(|&point| columns.hash(point)).collect()
    }
}
