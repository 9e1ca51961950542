//! The body stage: a body against its header, by itself, and where its block stands.
//!
//! Reference: `pipeline/body_processor/processor.rs`, `body_validation_in_context.rs`.

use quintet_kaspa_protocol::{
    block::Block,
    dag::BlockId,
    tx::Transaction,
    validation::{
        RuleError, check_body_in_isolation, check_coinbase_payload, check_tx_in_header_context,
        needs_median_time,
    },
};
use quintet_primitives::Hash256;

use super::{
    Consensus,
    error::{ConsensusError, Stop},
};
use crate::ports::BlockStatus;

/// Returns whether a body refused for this makes the whole block invalid: not if another body, or the same one later, may do.
pub(super) const fn condemns(error: &RuleError) -> bool {
    !matches!(
        error,
        RuleError::BadMerkleRoot { .. } | RuleError::MissingParents { .. } | RuleError::PrunedBlock
    )
}

impl Consensus {
    /// Checks a body whose header is there, and returns the ids of its transactions.
    pub(super) fn check_body(&self, id: BlockId, block: &Block) -> Result<Vec<Hash256>, Stop> {
        let checked = check_body_in_isolation(&self.params, block)?;
        self.check_parent_bodies(id)?;
        check_coinbase_payload(&self.params, block)?;
        self.check_lock_times(id, block, checked.ids())?;
        Ok(checked.into_ids())
    }

    fn check_parent_bodies(&self, id: BlockId) -> Result<(), Stop> {
        let columns = self.columns();
        let lacks = |&&parent: &&BlockId| !columns.status(parent).has_body();
        let missing = columns.dag.parents(id).iter().filter(lacks);
        let missing: Vec<Hash256> = missing.map(|&parent| columns.hash(parent)).collect();
        if missing.is_empty() { Ok(()) } else { Err(RuleError::MissingParents { missing }.into()) }
    }

    fn check_lock_times(&self, id: BlockId, block: &Block, ids: &[Hash256]) -> Result<(), Stop> {
        let mut median = None;
        for (tx, transaction_id) in block.transactions.iter().zip(ids) {
            if tx.lock_time == 0 {
                continue;
            }
            let time = self.median_time_for(id, tx, &mut median)?;
            check_tx_in_header_context(tx, block.header.daa_score, time).map_err(|source| {
                RuleError::TxInContextFailed {
                    transaction_id: *transaction_id,
                    source: Box::new(source),
                }
            })?;
        }
        Ok(())
    }

    /// Returns the past median time of a block if a transaction's lock time asks for it.
    fn median_time_for(
        &self,
        id: BlockId,
        tx: &Transaction,
        known: &mut Option<u64>,
    ) -> Result<u64, ConsensusError> {
        if !needs_median_time(tx) {
            return Ok(0);
        }
        if let Some(time) = *known {
            return Ok(time);
        }
        let columns = self.columns();
        let ghostdag = columns.dag.ghostdag(id);
        let rules = self.rules_after(&columns, ghostdag.selected_parent);
        let expected = columns.windows.expect(&columns.dag, &ghostdag, &rules.window)?;
        *known = Some(expected.past_median_time);
        Ok(expected.past_median_time)
    }

    /// Returns whether a body is wanted: `None` if it is, otherwise what becomes of it.
    pub(super) fn body_is_settled(&self, id: BlockId) -> Result<Option<BlockStatus>, RuleError> {
        let columns = self.columns();
        match columns.status(id) {
            BlockStatus::Invalid | BlockStatus::Deleted => Err(RuleError::KnownInvalid),
            BlockStatus::HeaderOnly => {
                let point = columns.pruning_point();
                // What is below the pruning point was there once and is not taken in again.
                let is_below = id != point
                    && !columns.edge.is_empty()
                    && columns.dag.reachability().is_dag_ancestor_of(id, point);
                if is_below { Err(RuleError::PrunedBlock) } else { Ok(None) }
            }
            status => Ok(Some(status)),
        }
    }
}
