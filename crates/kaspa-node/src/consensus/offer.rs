//! What a node that starts from our pruning point is offered: proof, trusted blocks, set, lanes. Made once for each pruning point.
//!
//! Reference: `get_pruning_point_proof`, `get_pruning_point_anticone_and_trusted_data`, `get_pruning_point_utxos`,
//! `get_pruning_point_smt_metadata`.

use std::sync::{Arc, PoisonError};

use quintet_kaspa_protocol::{
    dag::BlockId,
    header::Header,
    lanes::{LaneMetadata, LaneTree},
    proof::{PruningProof, TrustedData, TrustedGhostdag, TrustedHeader},
    tx::{Outpoint, UtxoEntry},
};
use quintet_primitives::Hash256;

use super::{
    Consensus,
    columns::Columns,
    error::ConsensusError,
    lanes,
    rules::{DagRules, GENESIS},
};
use crate::ports::LedgerError;

/// Most blocks between the tips and the pruning point, as a multiple of the pruning depth.
const WIDTH_MAX: usize = 64;

/// The blocks that a node which starts is told of, by hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The pruning point, then its anticone: to be sent whole.
    pub blocks: Vec<Hash256>,
    /// Headers to be sent with GHOSTDAG data.
    pub window: Vec<Hash256>,
    /// Blocks whose GHOSTDAG data older peers are sent apart.
    pub ghostdag: Vec<Hash256>,
    /// Chain blocks below the window, whose headers are sent, highest first.
    pub segment: Vec<Hash256>,
}

/// Lanes and what is said of them before.
pub type OfferedLanes = (LaneMetadata, LaneTree);

/// What was made for a pruning point.
#[derive(Debug, Default)]
pub(super) struct Offer {
    point: Hash256,
    proof: Option<Arc<PruningProof>>,
    blocks: Option<Arc<Offered>>,
    lanes: Option<Arc<OfferedLanes>>,
}

impl Offer {
    /// Begins with the proof of a pruning point.
    pub(super) const fn with_proof(point: Hash256, proof: Arc<PruningProof>) -> Self {
        Self { point, proof: Some(proof), blocks: None, lanes: None }
    }
}

impl Consensus {
    /// Looks up what was made for the pruning point, or makes it.
    fn offered<T>(
        &self,
        known: impl Fn(&mut Offer) -> &mut Option<Arc<T>>,
        make: impl FnOnce(BlockId) -> Result<Option<T>, ConsensusError>,
    ) -> Result<Option<Arc<T>>, ConsensusError> {
        let _numbering = self.numbering();
        let (point, hash) = {
            let columns = self.columns();
            (columns.pruning_point(), columns.hash(columns.pruning_point()))
        };
        let mut offer = self.offer.lock().unwrap_or_else(PoisonError::into_inner);
        if offer.point != hash {
            *offer = Offer { point: hash, ..Offer::default() };
        }
        if let Some(made) = known(&mut offer) {
            return Ok(Some(Arc::clone(made)));
        }
        let made = make(point)?.map(Arc::new);
        known(&mut offer).clone_from(&made);
        Ok(made)
    }

    /// Returns the proof of the pruning point; `None` if it cannot be built.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn pruning_proof(&self) -> Result<Option<Arc<PruningProof>>, ConsensusError> {
        self.offered(
            |offer| &mut offer.proof,
            |point| {
                if point == GENESIS {
                    let levels = usize::from(self.params.max_block_level) + 1;
                    let genesis = Arc::new(self.params.genesis.header());
                    return Ok(Some(vec![vec![genesis]; levels]));
                }
                let rules = {
                    let columns = self.columns();
                    self.rules_after(&columns, point)
                };
                Ok(self.proof_of(point, &rules).map(|built| built.proof))
            },
        )
    }

    /// Returns the headers of all pruning points so far, the genesis first.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn pruning_point_headers(&self) -> Result<Vec<Arc<Header>>, ConsensusError> {
        let _numbering = self.numbering();
        let points = self.columns().pruning_points.clone();
        points.into_iter().map(|point| self.header_of(point)).collect()
    }

    /// Returns the blocks that a node which starts from the pruning point is told of; `None` if the DAG above is too wide.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn trusted_blocks(&self) -> Result<Option<Arc<Offered>>, ConsensusError> {
        self.offered(
            |offer| &mut offer.blocks,
            |point| {
                let columns = self.columns();
                let rules = self.rules_after(&columns, point);
                let tips: Vec<BlockId> = columns.tips().iter().copied().collect();
                let data = self.trusted_data(&columns, point, &tips, &rules);
                let all = |blocks: &[BlockId]| {
                    blocks.iter().map(|&block| columns.hash(block)).collect::<Vec<_>>()
                };
                Ok(data.map(|data| Offered {
                    blocks: all(&data.anticone),
                    window: all(&data.window),
                    ghostdag: all(&data.ghostdag),
                    segment: all(&data.chain_segment),
                }))
            },
        )
    }

    /// Collects what a node that starts from `point` is told of besides the proof; `None` if the DAG between it and the tips is too wide.
    pub(super) fn trusted_data(
        &self,
        columns: &Columns,
        point: BlockId,
        tips: &[BlockId],
        rules: &DagRules,
    ) -> Option<TrustedData> {
        let limit = usize::try_from(rules.pruning.pruning_depth).unwrap_or(usize::MAX);
        TrustedData::collect(
            &columns.dag,
            point,
            tips,
            rules.ghostdag.k,
            rules.depth.finality_depth,
            limit.saturating_mul(WIDTH_MAX),
            |block| self.difficulty_window(columns, block),
        )
    }

    /// Returns what GHOSTDAG says of a block; `None` if it is not known.
    #[must_use]
    pub fn ghostdag_of(&self, hash: &Hash256) -> Option<TrustedGhostdag> {
        let columns = self.columns();
        columns.dag.find(hash).map(|block| TrustedGhostdag::of(&columns.dag, block))
    }

    /// Returns a header with what GHOSTDAG says of it; `None` if it is not known.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn trusted_header(&self, hash: &Hash256) -> Result<Option<TrustedHeader>, ConsensusError> {
        let (Some(ghostdag), Some(header)) = (self.ghostdag_of(hash), self.header(hash)?) else {
            return Ok(None);
        };
        Ok(Some(TrustedHeader { header, ghostdag }))
    }

    /// Returns up to `limit` entries of a pruning point's set, those after `after`; `None` if it is not the pruning point.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn utxos_of_point(
        &self,
        point: &Hash256,
        after: Option<Outpoint>,
        limit: usize,
    ) -> Result<Option<Vec<(Outpoint, UtxoEntry)>>, ConsensusError> {
        let _set = self.pruning_set.read().unwrap_or_else(PoisonError::into_inner);
        if self.pruning_point() != *point {
            return Ok(None);
        }
        Ok(Some(self.ledger.pruning_utxos(after, limit)?))
    }

    /// Returns the lanes of the pruning point; `None` if its header does not commit to any, or was accepted by an older version that did not
    /// keep the digest of its payloads.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn lanes_of_point(&self) -> Result<Option<Arc<OfferedLanes>>, ConsensusError> {
        self.offered(
            |offer| &mut offer.lanes,
            |point| {
                let state = self.published();
                let (chain, parent) = {
                    let columns = self.columns();
                    let reachability = columns.dag.reachability();
                    let chain: Vec<_> = reachability.backward_chain(state.sink, point).collect();
                    if self.committed_block(&columns, point).is_none() {
                        return Ok(None);
                    }
                    (chain, columns.dag.selected_parent(point))
                };
                let mut tree = state.lanes.clone();
                for &block in chain.iter().filter(|&&block| block != point) {
                    let record = self.records.get(&*self.ledger, block)?;
                    let missing = LedgerError::Missing { what: "the chain record", block };
                    tree = lanes::diff(&record.ok_or(missing)?.lanes).undo(&tree)?;
                }
                let record = self.records.get(&*self.ledger, point)?;
                let digest =
                    record.map_or_else(Hash256::default, |record| record.payload_and_context);
                if digest == Hash256::default() || parent.is_origin() {
                    return Ok(None);
                }
                let metadata = LaneMetadata {
                    lanes_root: tree.root(),
                    payload_and_context: digest,
                    parent_commitment: self.header_of(parent)?.accepted_id_merkle_root,
                    active_lanes: tree.len() as u64,
                };
                Ok(Some((metadata, tree)))
            },
        )
    }
}
