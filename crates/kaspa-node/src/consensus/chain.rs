//! One step of the chain: what a block, or the virtual block, makes of the state of its selected parent.
//!
//! ```text
//!   bodies of the mergeset ─► outpoints ─► one look-up in the ledger ─► accept ─► MuHash, roots, rewards
//! ```

use std::sync::{Arc, PoisonError, RwLock};

use quintet_kaspa_protocol::{
    dag::{BlockId, Ghostdag},
    hashing::UtxoMuHash,
    header::Header,
    lanes::{Activity, LaneContext, LaneDiff, LaneTree, shortcut_block},
    script::SequencingCommitments,
    state::{
        Acceptance, Claims, Composed, DiffEntry, MergedBody, Rewards, UtxoDiff, UtxoMap, UtxoView,
        accept, accepted_id_root, check_transactions,
    },
    tx::{Outpoint, Transaction, UtxoEntry},
    validation::RuleError,
};
use quintet_primitives::Hash256;

use super::{
    Consensus,
    bodies::KnownBody,
    columns::Columns,
    error::{ConsensusError, Stop},
    lanes,
    rules::{DagRules, GENESIS},
};
use crate::ports::{ChainRecord, Ledger, LedgerError};

/// A set read ahead: what has changed since the committed sink, and the entries fetched from the ledger.
pub(super) struct Fetched<'a> {
    pub(super) since: &'a UtxoDiff,
    pub(super) entries: UtxoMap,
}

impl UtxoView for Fetched<'_> {
    fn get(&self, outpoint: &Outpoint) -> Option<UtxoEntry> {
        match self.since.get(outpoint) {
            DiffEntry::Unspent(entry) => Some(entry.clone()),
            DiffEntry::Spent => None,
            DiffEntry::Unchanged => self.entries.get(outpoint).cloned(),
        }
    }
}

/// Reads what the inputs of transactions spend, as far as `since` does not know it.
///
/// Also what one of them makes: the same transaction may have been accepted before, in another block, and is not accepted again;
/// what it made is spent nevertheless.
pub(super) fn fetch<'a>(
    ledger: &dyn Ledger,
    since: &'a UtxoDiff,
    transactions: &mut dyn Iterator<Item = &Transaction>,
) -> Result<Fetched<'a>, LedgerError> {
    let mut wanted = Vec::new();
    for tx in transactions {
        for input in &tx.inputs {
            let outpoint = input.previous_outpoint;
            if since.get(&outpoint) == DiffEntry::Unchanged {
                wanted.push(outpoint);
            }
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let found = ledger.utxos(&wanted)?;
    let entries = wanted.into_iter().zip(found);
    let entries = entries.filter_map(|(outpoint, entry)| Some((outpoint, entry?))).collect();
    Ok(Fetched { since, entries })
}

/// What `OP_CHAINBLOCK_SEQ_COMMIT` sees from a block with this selected parent.
pub(super) struct ChainView<'a> {
    pub(super) columns: &'a RwLock<Columns>,
    pub(super) ledger: &'a dyn Ledger,
    pub(super) selected_parent: BlockId,
    pub(super) toccata: quintet_kaspa_protocol::params::ForkActivation,
    /// Blues below which a commitment is not seen any more.
    pub(super) depth: u64,
}

impl SequencingCommitments for ChainView<'_> {
    fn is_chain_ancestor(&self, block: &Hash256) -> Option<bool> {
        let columns = self.columns.read().unwrap_or_else(PoisonError::into_inner);
        let block = columns.dag.find(block)?;
        Some(columns.dag.reachability().is_chain_ancestor_of(block, self.selected_parent))
    }

    fn commitment_within_depth(&self, block: &Hash256) -> Option<Hash256> {
        let (block, score) = {
            let columns = self.columns.read().unwrap_or_else(PoisonError::into_inner);
            let block = columns.dag.find(block)?;
            if !self.toccata.is_active(columns.windows.daa_score(block)) {
                return None;
            }
            (block, columns.dag.blue_score(self.selected_parent))
        };
        let header = self.ledger.header(block).ok().flatten()?;
        let is_near = header.blue_score.saturating_add(self.depth) > score;
        is_near.then_some(header.accepted_id_merkle_root)
    }
}

/// Who looks at the mergeset: a chain block or the virtual block.
pub(super) struct PointOfView {
    pub(super) ghostdag: Ghostdag,
    pub(super) daa_score: u64,
    pub(super) non_daa: Vec<BlockId>,
}

/// What it sees.
pub(super) struct Computed {
    pub(super) acceptance: Acceptance,
    pub(super) rewards: Rewards,
    pub(super) multiset: UtxoMuHash,
    pub(super) accepted_id_root: Hash256,
    pub(super) lanes: LaneDiff,
    pub(super) payload_and_context: Hash256,
}

/// What a header must say of the accepted transactions, and what that changes.
#[derive(Default)]
struct Committed {
    root: Hash256,
    lanes: LaneDiff,
    payload_and_context: Hash256,
}

/// A body of the mergeset, and the DAA score of its block.
struct Merged {
    block: BlockId,
    daa_score: u64,
    body: Arc<KnownBody>,
}

impl Merged {
    fn as_body(&self) -> MergedBody<'_> {
        MergedBody {
            block: self.block,
            daa_score: self.daa_score,
            transactions: &self.body.transactions,
            ids: &self.body.ids,
        }
    }
}

impl Consensus {
    /// Returns the bodies of a mergeset in the order of acceptance.
    fn merged(&self, ghostdag: &Ghostdag) -> Result<Vec<Merged>, ConsensusError> {
        let blocks: Vec<(BlockId, u64)> = {
            let columns = self.columns();
            let mut blocks: Vec<BlockId> = ghostdag.merged_descending(&columns.dag).collect();
            blocks.push(ghostdag.selected_parent);
            let score = |block| (block, columns.windows.daa_score(block));
            blocks.into_iter().rev().map(score).collect()
        };
        let body = |(block, daa_score)| {
            let body = self.bodies.get(&*self.ledger, block)?;
            Ok(Merged { block, daa_score, body })
        };
        blocks.into_iter().map(body).collect()
    }

    /// Returns what scripts see of the chain from above a block.
    pub(super) fn chain_view(&self, selected_parent: BlockId) -> ChainView<'_> {
        ChainView {
            columns: &self.columns,
            ledger: &*self.ledger,
            selected_parent,
            toccata: self.params.toccata_activation,
            depth: self.params.toccata.rate.finality_depth,
        }
    }

    /// Accepts a mergeset. `since` leads from the committed sink's set to that of the selected parent, whose hash is `before`.
    pub(super) fn compute(
        &self,
        pov: &PointOfView,
        since: &UtxoDiff,
        before: &UtxoMuHash,
        lanes: &LaneTree,
    ) -> Result<Computed, Stop> {
        let merged = self.merged(&pov.ghostdag)?;
        let mut transactions = merged.iter().flat_map(|merged| merged.body.transactions.iter());
        let base = fetch(&*self.ledger, since, &mut transactions)?;
        let bodies: Vec<MergedBody<'_>> = merged.iter().map(Merged::as_body).collect();
        let chain = self.chain_view(pov.ghostdag.selected_parent);
        let verifier = self.scripts.with(&chain);
        let acceptance = accept(&self.params, &base, &bodies, pov.daa_score, &verifier)?;
        let rewards = Rewards::of(&self.params, &pov.ghostdag, &pov.non_daa, &bodies, &acceptance)?;
        let multiset = self.scripts.multiset(before, &acceptance.diff);
        let Committed { root: accepted_id_root, lanes, payload_and_context } =
            self.accepted_id_root(pov, &bodies, &acceptance, lanes)?;
        let computed = Computed {
            acceptance,
            rewards,
            multiset,
            accepted_id_root,
            lanes,
            payload_and_context,
        };
        Ok(computed)
    }

    /// Returns what a header must say of the accepted transactions, and what it changes of the lanes of its selected parent.
    fn accepted_id_root(
        &self,
        pov: &PointOfView,
        bodies: &[MergedBody<'_>],
        acceptance: &Acceptance,
        lanes: &LaneTree,
    ) -> Result<Committed, ConsensusError> {
        let parent = self.header_of(pov.ghostdag.selected_parent)?;
        let before = parent.accepted_id_merkle_root;
        if let Some(root) = accepted_id_root(&self.params, pov.daa_score, &before, acceptance) {
            return Ok(Committed { root, ..Committed::default() });
        }
        let context = LaneContext {
            parent_commitment: before,
            parent_timestamp: parent.timestamp,
            daa_score: pov.daa_score,
            blue_score: pov.ghostdag.blue_score,
            inactivity_shortcut: self.inactivity_shortcut(&pov.ghostdag)?,
            finality_depth: self.params.toccata.rate.finality_depth,
        };
        let committed = context.commit(lanes, &self.activity(bodies, acceptance));
        Ok(Committed {
            root: committed.commitment,
            lanes: committed.diff,
            payload_and_context: committed.payload_and_context,
        })
    }

    /// Collects what a mergeset did on lanes.
    fn activity(&self, bodies: &[MergedBody<'_>], acceptance: &Acceptance) -> Activity {
        let mut activity = Activity::new();
        let columns = self.columns();
        for (body, merged) in bodies.iter().zip(&acceptance.merged) {
            let payload = body.transactions.first().map_or(&[][..], |coinbase| &coinbase.payload);
            activity.merge(
                columns.dag.hash(body.block),
                &columns.dag.blue_work(body.block),
                payload,
            );
            for accepted in &merged.accepted {
                if let Some(tx) = body.transactions.get(accepted.index as usize) {
                    activity.accept(tx.subnetwork_id, &accepted.id, tx.version);
                }
            }
        }
        activity
    }

    /// Returns the commitment of the chain block a finality depth below.
    fn inactivity_shortcut(&self, ghostdag: &Ghostdag) -> Result<Hash256, ConsensusError> {
        let block = {
            let columns = self.columns();
            let depth = self.params.toccata.rate.finality_depth;
            let parent = ghostdag.selected_parent;
            let known = columns.depths.get(parent).finality_point;
            let from = if known.is_origin() { columns.pruning_point() } else { known };
            let on_chain = columns.dag.reachability().is_chain_ancestor_of(from, parent);
            let from = if on_chain { from } else { GENESIS };
            // Where a node began at a pruning point, the blocks soon above it look below it.
            let below = if known.is_origin() && on_chain {
                columns.below_start(ghostdag.blue_score.saturating_sub(depth))
            } else {
                None
            };
            let block = below.unwrap_or_else(|| {
                shortcut_block(&columns.dag, parent, ghostdag.blue_score, depth, GENESIS, from)
            });
            self.committed_block(&columns, block)
        };
        self.commitment_of(block)
    }

    /// Returns a block if its header commits to lanes.
    pub(super) fn committed_block(&self, columns: &Columns, block: BlockId) -> Option<BlockId> {
        let daa_score = columns.windows.daa_score(block);
        self.params.toccata_activation.is_active(daa_score).then_some(block)
    }

    /// Returns what a block's header commits to; zeros for none.
    pub(super) fn commitment_of(&self, block: Option<BlockId>) -> Result<Hash256, ConsensusError> {
        match block {
            Some(block) => Ok(self.header_of(block)?.accepted_id_merkle_root),
            None => Ok(Hash256::default()),
        }
    }

    /// Checks a chain block against the state of its selected parent, and returns what it makes of it.
    pub(super) fn check_chain_block(
        &self,
        block: BlockId,
        since: &UtxoDiff,
        parent: &ChainRecord,
        lanes: &LaneTree,
    ) -> Result<(ChainRecord, LaneDiff), Stop> {
        let header = self.header_of(block)?;
        let body = self.bodies.get(&*self.ledger, block)?;
        let (pov, pruning_point, selected_parent) = {
            let columns = self.columns();
            let ghostdag = columns.dag.ghostdag(block);
            let pruning_point = columns.hash(columns.points.get(block).point);
            let selected_parent = columns.hash(ghostdag.selected_parent);
            let non_daa = columns.non_daa(block).to_vec();
            let pov = PointOfView { ghostdag, daa_score: header.daa_score, non_daa };
            (pov, pruning_point, selected_parent)
        };
        let mut computed = self.compute(&pov, since, &parent.multiset, lanes)?;
        // The one division; the short form is what children begin with.
        computed.multiset = computed.multiset.normalised();
        let coinbase = body.transactions.first().ok_or(RuleError::NoTransactions)?;
        Claims {
            header: &header,
            coinbase,
            blue_score: pov.ghostdag.blue_score,
            rewards: &computed.rewards,
            utxo_commitment: computed.multiset.finalise(),
            accepted_id_root: computed.accepted_id_root,
            pruning_point,
            selected_parent,
        }
        .check(&self.params)?;
        self.check_own_transactions(block, &header, &body, &pov, since, &computed)?;
        let record = ChainRecord {
            diff: computed.acceptance.diff,
            acceptance: computed.acceptance.merged,
            multiset: computed.multiset,
            lanes: lanes::stored(&computed.lanes),
            payload_and_context: computed.payload_and_context,
        };
        Ok((record, computed.lanes))
    }

    fn check_own_transactions(
        &self,
        block: BlockId,
        header: &Header,
        body: &KnownBody,
        pov: &PointOfView,
        since: &UtxoDiff,
        computed: &Computed,
    ) -> Result<(), Stop> {
        let mut own = body.transactions.iter();
        let base = fetch(&*self.ledger, since, &mut own)?;
        let view = Composed { base: &base, diff: &computed.acceptance.diff };
        let chain = self.chain_view(pov.ghostdag.selected_parent);
        let own = MergedBody {
            block,
            daa_score: header.daa_score,
            transactions: &body.transactions,
            ids: &body.ids,
        };
        let checked = check_transactions(&self.params, &view, &own, &self.scripts.with(&chain));
        match checked {
            Ok(_) => Ok(()),
            Err(invalid) => Err(RuleError::InvalidTransactionsInUtxoContext {
                invalid: invalid.len(),
                total: body.transactions.len().saturating_sub(1),
            }
            .into()),
        }
    }

    /// Returns a header.
    pub(super) fn header_of(&self, block: BlockId) -> Result<Arc<Header>, ConsensusError> {
        if let Some(header) = self.columns().recent_header(block) {
            return Ok(Arc::clone(header));
        }
        let header = self.ledger.header(block)?;
        Ok(header.ok_or(LedgerError::Missing { what: "the header", block })?)
    }

    /// Returns the rules for a block with this selected parent.
    pub(super) fn rules_after(&self, columns: &Columns, selected_parent: BlockId) -> DagRules {
        DagRules::after(&self.params, columns.windows.daa_score(selected_parent))
    }
}
