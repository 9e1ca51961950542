//! The virtual stage: finds the sink, takes the selected chain there, and works out the virtual block on top.
//!
//! ```text
//!   body tips by blue work ─► the highest is the candidate
//!        │                     ├─ its chain is valid ─────────► sink
//!        │                     └─ some chain block is not ──► disqualified; its parents are candidates too
//!        ▼
//!   walk: back over the diffs from the last place, on over known diffs, then block by block through `check_chain_block`
//!        ▼
//!   parents of the virtual block ─► its state ─► one step into the ledger ─► published
//! ```
//!
//! # Invariants
//!
//! - What is published stands on what is committed: readers hold the door while both change.
//! - Which block is the sink depends on the blocks that are there, not on the order in which they came: what a chain block leads to depends on
//!   its past alone, so a block is disqualified whenever it is looked at, or never.
//!
//! Reference: `resolve_virtual`, `sink_search_algorithm`, `calculate_utxo_state_relatively`.

use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    sync::{Arc, PoisonError},
};

use quintet_kaspa_protocol::{
    dag::{BlockId, Ghostdag},
    lanes::LaneTree,
    state::UtxoDiff,
};
use quintet_primitives::Hash256;
use ruint::aliases::U192;
use tracing::{debug, warn};

use super::{
    Consensus, candidates,
    chain::PointOfView,
    columns::Columns,
    error::{ConsensusError, Stop},
    events::Event,
    lanes,
    virtual_state::VirtualState,
};
use crate::ports::{BlockStatus, ChainRecord, LedgerError, VirtualStep};

/// A candidate, by blue work and hash.
type Ranked = (U192, Hash256, BlockId);

fn ranked(columns: &Columns, block: BlockId) -> Ranked {
    let (work, hash) = columns.dag.rank(block);
    (work, *hash, block)
}

/// A place on some chain, and the way there from the committed sink.
struct Search<'a> {
    consensus: &'a Consensus,
    at: BlockId,
    diff: UtxoDiff,
    /// The lanes there.
    lanes: LaneTree,
    fresh: HashMap<BlockId, Arc<ChainRecord>>,
    validated: Vec<(BlockId, Arc<ChainRecord>)>,
    disqualified: Vec<BlockId>,
    is_disqualified: HashSet<BlockId>,
}

impl<'a> Search<'a> {
    fn new(consensus: &'a Consensus, sink: BlockId, lanes: LaneTree) -> Self {
        Self {
            consensus,
            at: sink,
            diff: UtxoDiff::new(),
            lanes,
            fresh: HashMap::new(),
            validated: Vec::new(),
            disqualified: Vec::new(),
            is_disqualified: HashSet::new(),
        }
    }

    fn record(&self, block: BlockId) -> Result<Arc<ChainRecord>, ConsensusError> {
        if let Some(record) = self.fresh.get(&block) {
            return Ok(Arc::clone(record));
        }
        let record = self.consensus.records.get(&*self.consensus.ledger, block)?;
        Ok(record.ok_or(LedgerError::Missing { what: "the chain record", block })?)
    }

    fn status(&self, block: BlockId) -> BlockStatus {
        if self.fresh.contains_key(&block) {
            BlockStatus::UtxoValid
        } else if self.is_disqualified.contains(&block) {
            BlockStatus::Disqualified
        } else {
            self.consensus.columns().status(block)
        }
    }

    fn disqualify(&mut self, block: BlockId) {
        if self.is_disqualified.insert(block) {
            self.disqualified.push(block);
        }
    }

    /// Goes to the highest valid block on the chain of `to`, which is `to` if its chain is valid.
    fn go(&mut self, to: BlockId) -> Result<(), ConsensusError> {
        if self.status(to) == BlockStatus::Disqualified {
            return Ok(());
        }
        let (back, forth) = {
            let columns = self.consensus.columns();
            let reachability = columns.dag.reachability();
            let is_common = |&block: &BlockId| reachability.is_chain_ancestor_of(block, to);
            let mut back: Vec<BlockId> = Vec::new();
            let mut at = self.at;
            while !is_common(&at) {
                back.push(at);
                at = reachability.tree_parent(at);
            }
            let forth: Vec<BlockId> = reachability.forward_chain(at, to).skip(1).collect();
            self.at = at;
            (back, forth)
        };
        for block in back {
            let record = self.record(block)?;
            self.diff.then_reversed(&record.diff)?;
            self.lanes = lanes::diff(&record.lanes).undo(&self.lanes)?;
        }
        let mut is_valid = true;
        for block in forth {
            match self.status(block) {
                BlockStatus::UtxoValid if is_valid => {
                    let record = self.record(block)?;
                    self.diff.then(&record.diff)?;
                    self.lanes = lanes::diff(&record.lanes).apply(&self.lanes)?;
                    self.at = block;
                }
                BlockStatus::BodyPending if is_valid => is_valid = self.check(block)?,
                _ => {
                    is_valid = false;
                    self.disqualify(block);
                }
            }
        }
        Ok(())
    }

    /// Checks the block on top of the place, and goes there if it is valid.
    fn check(&mut self, block: BlockId) -> Result<bool, ConsensusError> {
        let parent = self.record(self.at)?;
        match self.consensus.check_chain_block(block, &self.diff, &parent, &self.lanes) {
            Ok((record, lanes)) => {
                self.lanes = lanes.apply(&self.lanes)?;
                let record = Arc::new(record);
                self.diff.then(&record.diff)?;
                self.fresh.insert(block, Arc::clone(&record));
                self.validated.push((block, record));
                self.at = block;
                Ok(true)
            }
            Err(Stop::Rule(error)) => {
                let hash = self.consensus.columns().hash(block);
                debug!(%hash, %error, "a block is no chain block");
                self.disqualify(block);
                self.consensus.note_disqualified(hash, error);
                Ok(false)
            }
            Err(Stop::Broken(error)) => Err(error),
        }
    }
}

/// What the selected chain left and joined.
struct Path {
    removed: Vec<BlockId>,
    added: Vec<BlockId>,
}

impl Path {
    fn between(columns: &Columns, from: BlockId, to: BlockId) -> Self {
        let reachability = columns.dag.reachability();
        let mut removed = Vec::new();
        let mut at = from;
        while !reachability.is_chain_ancestor_of(at, to) {
            removed.push(at);
            at = reachability.tree_parent(at);
        }
        let added = reachability.forward_chain(at, to).skip(1).collect();
        Self { removed, added }
    }
}

impl Consensus {
    /// Brings the virtual block up to all bodies that are there, and returns it.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails; consensus must not be used on then.
    pub fn resolve_virtual(&self) -> Result<Arc<VirtualState>, ConsensusError> {
        let _turn = self.resolving.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.published();
        let mut search = Search::new(self, last.sink, last.lanes.clone());
        let finality_point = self.finality_point(&last.ghostdag);
        let rest = self.find_sink(&mut search, finality_point)?;
        let sink = search.at;
        let (parents, ghostdag) = {
            let columns = self.columns();
            let rules = self.rules_after(&columns, sink);
            candidates::pick(&columns, sink, rest, &rules)?
        };
        let state = Arc::new(self.compute_virtual(&search, parents, ghostdag)?);
        self.commit(search, &last, &state)?;
        Ok(state)
    }

    /// Returns the block that must be on the chain of every sink.
    pub(super) fn finality_point(&self, ghostdag: &Ghostdag) -> BlockId {
        let columns = self.columns();
        let rules = self.rules_after(&columns, ghostdag.selected_parent);
        let pruning_point = columns.pruning_point();
        let depths = columns.depths.expect(&columns.dag, ghostdag, &rules.depth, pruning_point);
        let point = depths.map_or(BlockId::ORIGIN, |depths| depths.finality_point);
        let above = columns.dag.reachability().is_chain_ancestor_of(pruning_point, point);
        if !point.is_origin() && above { point } else { pruning_point }
    }

    /// Takes `search` to the sink, and returns the other candidates for the virtual block's parents, highest first.
    fn find_sink(
        &self,
        search: &mut Search<'_>,
        finality_point: BlockId,
    ) -> Result<Vec<BlockId>, ConsensusError> {
        let mut heap: BinaryHeap<Ranked> = {
            let columns = self.columns();
            let above = |&&tip: &&BlockId| {
                columns.dag.reachability().is_dag_ancestor_of(finality_point, tip)
            };
            columns.tips().iter().filter(above).map(|&tip| ranked(&columns, tip)).collect()
        };
        while let Some((_, hash, candidate)) = heap.pop() {
            let is_final = {
                let columns = self.columns();
                columns.dag.reachability().is_chain_ancestor_of(finality_point, candidate)
            };
            if is_final {
                search.go(candidate)?;
                if search.at == candidate {
                    return Ok(self.others(heap, candidate));
                }
            } else {
                warn!(%hash, "a tip is not above the finality point and cannot be the sink");
            }
            let columns = self.columns();
            let reachability = columns.dag.reachability();
            for &parent in columns.dag.parents(candidate) {
                let mut others = heap.iter().map(|&(_, _, block)| block);
                if reachability.is_dag_ancestor_of(finality_point, parent)
                    && !others.any(|other| reachability.is_dag_ancestor_of(parent, other))
                {
                    heap.push(ranked(&columns, parent));
                }
            }
        }
        Err(ConsensusError::Inconsistent { expected: "a valid sink above the finality point" })
    }

    /// Returns the candidates left, without those that are too low to be merged.
    fn others(&self, heap: BinaryHeap<Ranked>, sink: BlockId) -> Vec<BlockId> {
        let columns = self.columns();
        let merge_root = columns.depths.get(sink).merge_root;
        let lowest = columns.dag.blue_work(merge_root);
        let descending = heap.into_sorted_vec().into_iter().rev();
        descending.take_while(|&(work, ..)| work >= lowest).map(|(_, _, block)| block).collect()
    }

    fn compute_virtual(
        &self,
        search: &Search<'_>,
        parents: Vec<BlockId>,
        ghostdag: Ghostdag,
    ) -> Result<VirtualState, ConsensusError> {
        let sink = search.at;
        let (expected, pruning_point, parent_hashes) = {
            let columns = self.columns();
            let rules = self.rules_after(&columns, sink);
            let expected = columns.windows.expect(&columns.dag, &ghostdag, &rules.window)?;
            let point = columns.points.expect(&columns.dag, &ghostdag, &rules.pruning).point;
            let hashes = parents.iter().map(|&parent| columns.hash(parent)).collect();
            (expected, columns.hash(point), hashes)
        };
        let pov =
            PointOfView { ghostdag, daa_score: expected.daa_score, non_daa: expected.non_daa };
        let before = search.record(sink)?;
        let computed = match self.compute(&pov, &search.diff, &before.multiset, &search.lanes) {
            Ok(computed) => computed,
            Err(Stop::Broken(error)) => return Err(error),
            Err(Stop::Rule(_)) => {
                return Err(ConsensusError::Inconsistent { expected: "merged bodies to be valid" });
            }
        };
        Ok(VirtualState {
            parents,
            parent_hashes,
            sink,
            ghostdag: pov.ghostdag,
            daa_score: pov.daa_score,
            bits: expected.bits,
            past_median_time: expected.past_median_time,
            pruning_point,
            multiset: computed.multiset,
            diff: Arc::new(computed.acceptance.diff),
            acceptance: computed.acceptance.merged,
            rewards: computed.rewards,
            accepted_id_root: computed.accepted_id_root,
            lanes: search.lanes.clone(),
        })
    }

    /// Puts the step into the ledger, then into the columns, and publishes the state.
    fn commit(
        &self,
        search: Search<'_>,
        last: &VirtualState,
        state: &Arc<VirtualState>,
    ) -> Result<(), ConsensusError> {
        let path = Path::between(&self.columns(), last.sink, search.at);
        let step = VirtualStep {
            sink: search.at,
            removed: &path.removed,
            added: &path.added,
            diff: &search.diff,
            validated: &search.validated,
            disqualified: &search.disqualified,
        };
        let nothing =
            search.validated.is_empty() && search.disqualified.is_empty() && search.at == last.sink;
        {
            let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
            if !nothing {
                self.ledger.commit(&step)?;
            }
            *published = Arc::clone(state);
        }
        {
            let mut columns = self.columns_mut();
            for (block, _) in &search.validated {
                columns.set_status(*block, BlockStatus::UtxoValid);
            }
            for &block in &search.disqualified {
                columns.set_status(block, BlockStatus::Disqualified);
            }
        }
        for (block, record) in search.validated {
            self.records.insert(block, record);
        }
        self.tell(last, state, &path, &search.diff)
    }

    fn tell(
        &self,
        last: &VirtualState,
        state: &Arc<VirtualState>,
        path: &Path,
        since: &UtxoDiff,
    ) -> Result<(), ConsensusError> {
        if !self.listener.is_there() {
            return Ok(());
        }
        if !path.removed.is_empty() || !path.added.is_empty() {
            let columns = self.columns();
            let hashes = |blocks: &[BlockId]| {
                blocks.iter().map(|&block| columns.hash(block)).collect::<Vec<_>>()
            };
            let (removed, added) = (hashes(&path.removed), hashes(&path.added));
            drop(columns);
            self.listener.tell(&Event::VirtualChainChanged { removed, added });
        }
        let mut diff = UtxoDiff::new();
        diff.then_reversed(&last.diff)?;
        diff.then(since)?;
        diff.then(&state.diff)?;
        let state = Arc::clone(state);
        self.listener.tell(&Event::VirtualResolved { state, diff: Arc::new(diff) });
        Ok(())
    }
}
