//! The pruning stage: moves the pruning point and lets go what nobody will ask for again.
//!
//! ```text
//!   sink ─► next pruning points ─► diffs of the chain between ─► set of the new pruning point
//!        ─► proof and trusted data of the new point ─► Kept ─► bodies and blocks to delete ─► one step into the ledger
//! ```
//!
//! Headers that the next proof or the windows above need stay in the DAG, without bodies.
//!
//! Reference: `pruning_processor::{advance_pruning_point_if_possible, advance_pruning_utxoset, prune}`.

use std::sync::{Arc, PoisonError};

use quintet_kaspa_protocol::{
    dag::BlockId,
    header::Header,
    proof::{BuiltProof, Kept, ProofRules, ProofView, PruningProof, build},
    state::UtxoDiff,
};
use quintet_primitives::Hash256;
use tracing::{info, warn};

use super::{
    Consensus,
    columns::{Columns, Levels},
    error::ConsensusError,
    events::Event,
    header::level_rules,
    offer::Offer,
    rules::{DagRules, GENESIS},
};
use crate::ports::{BlockStatus, LedgerError, PruneStep};

/// The headers proofs are built of.
struct Headers<'a>(&'a Consensus);

impl ProofView for Headers<'_> {
    fn header(&self, hash: &Hash256) -> Option<Arc<Header>> {
        let block = self.0.columns().dag.find(hash)?;
        self.0.header_of(block).ok()
    }
}

/// What goes.
#[derive(Debug, Default)]
struct Doomed {
    bodies: Vec<BlockId>,
    blocks: Vec<BlockId>,
    /// The proof that showed what may go: that of the new pruning point.
    proof: Option<PruningProof>,
}

impl Consensus {
    /// Moves the pruning point as far as the sink allows and deletes what is below. Returns it if it moved.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails; consensus must not be used on then.
    pub fn advance_pruning_point(&self) -> Result<Option<Hash256>, ConsensusError> {
        let _turn = self.resolving.lock().unwrap_or_else(PoisonError::into_inner);
        let sink = self.published().sink;
        let (current, points, rules) = {
            let columns = self.columns();
            let rules = self.rules_after(&columns, sink);
            let current = columns.pruning_point();
            let tip = columns.dag.ghostdag(sink);
            (current, columns.points.next(&columns.dag, &tip, &rules.pruning, current), rules)
        };
        let Some(&point) = points.last() else { return Ok(None) };
        let diff = self.diff_between(current, point)?;
        let doomed = if self.options.archival {
            Doomed::default()
        } else {
            let Some(doomed) = self.doomed(point, &points, &rules) else { return Ok(None) };
            doomed
        };
        let hash = {
            let _set = self.pruning_set.write().unwrap_or_else(PoisonError::into_inner);
            self.ledger.prune(&PruneStep {
                points: &points,
                diff: &diff,
                bodies: &doomed.bodies,
                blocks: &doomed.blocks,
            })?;
            let mut columns = self.columns_mut();
            doomed.bodies.iter().for_each(|&block| columns.drop_body(block));
            doomed.blocks.iter().for_each(|&block| columns.delete(block));
            columns.pruning_points.extend_from_slice(&points);
            columns.find_edge();
            columns.hash(point)
        };
        info!(%hash, bodies = doomed.bodies.len(), blocks = doomed.blocks.len(), "pruned");
        if let Some(proof) = doomed.proof {
            *self.offer.lock().unwrap_or_else(PoisonError::into_inner) =
                Offer::with_proof(hash, Arc::new(proof));
        }
        self.renumber_if_sparse()?;
        self.listener.tell(&Event::PruningPointMoved { point: hash });
        Ok(Some(hash))
    }

    /// Returns what leads from the set of one chain block to that of a higher one.
    fn diff_between(&self, low: BlockId, high: BlockId) -> Result<UtxoDiff, ConsensusError> {
        let chain: Vec<BlockId> = {
            let columns = self.columns();
            columns.dag.reachability().forward_chain(low, high).skip(1).collect()
        };
        let mut diff = UtxoDiff::new();
        for block in chain {
            let record = self.ledger.chain_record(block)?;
            let record = record.ok_or(LedgerError::Missing { what: "the chain record", block })?;
            diff.then(&record.diff)?;
        }
        Ok(diff)
    }

    /// Works out what goes with a new pruning point; `None` if a proof of it cannot be built, and so nothing may go.
    fn doomed(&self, point: BlockId, points: &[BlockId], rules: &DagRules) -> Option<Doomed> {
        let proof = self.proof_of(point, rules)?;
        let columns = self.columns();
        let tips: Vec<BlockId> = columns.tips().iter().copied().collect();
        let Some(data) = self.trusted_data(&columns, point, &tips, rules) else {
            warn!("the DAG above the next pruning point is too wide; nothing is pruned");
            return None;
        };
        let past = columns.pruning_points.iter().chain(points);
        let past: Vec<Hash256> = past.map(|&point| columns.hash(point)).collect();
        let view = Levels { columns: &columns, ledger: &*self.ledger };
        let levels = level_rules(&self.params, &columns);
        let kept = Kept::new(&view, &levels, &proof.proof, &data, &past, |header| header.hash());
        let mut doomed = Doomed::default();
        for block in columns.blocks() {
            let status = columns.status(block);
            if status == BlockStatus::Deleted {
                continue;
            }
            if !kept.header(&columns.dag, block) {
                doomed.blocks.push(block);
            } else if status.has_body() && !kept.body(&columns.dag, block) {
                doomed.bodies.push(block);
            }
        }
        drop(columns);
        *self.proof_roots.lock().unwrap_or_else(PoisonError::into_inner) = proof.roots;
        doomed.proof = Some(proof.proof);
        Some(doomed)
    }

    pub(super) fn proof_of(&self, point: BlockId, rules: &DagRules) -> Option<BuiltProof> {
        let (hash, level, genesis) = {
            let columns = self.columns();
            (columns.hash(point), columns.level(point), columns.hash(GENESIS))
        };
        let proof_rules = ProofRules {
            genesis,
            max_level: self.params.max_block_level,
            m: self.params.pruning_proof_m,
            k: rules.ghostdag.k,
            skip_proof_of_work: self.params.skip_proof_of_work,
        };
        let roots = self.proof_roots.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match build(&Headers(self), &proof_rules, hash, level, &roots) {
            Ok(proof) => Some(proof),
            Err(error) => {
                warn!(%hash, %error, "no proof of the next pruning point; nothing is pruned");
                None
            }
        }
    }

    pub(super) fn difficulty_window(&self, columns: &Columns, block: BlockId) -> Vec<BlockId> {
        let ghostdag = columns.dag.ghostdag(block);
        let rules = self.rules_after(columns, ghostdag.selected_parent).window;
        let expected = columns.windows.expect(&columns.dag, &ghostdag, &rules);
        expected.map_or_else(
            |_| Vec::new(),
            |expected| columns.windows.difficulty_window(&columns.dag, &expected, &rules),
        )
    }
}
