//! Taking blocks in: the header, the body, and both; and seeing to it that they stay.

use std::sync::{Arc, PoisonError};

use quintet_kaspa_protocol::{
    block::Block,
    dag::BlockId,
    header::Header,
    state::{MergedBody, ScriptVerifier as _, script_jobs},
    validation::{RuleError, check_header_in_isolation},
};
use quintet_primitives::Hash256;

use super::{
    Consensus,
    bodies::KnownBody,
    body, chain,
    columns::Columns,
    error::{ConsensusError, Outcome, Stop},
    events::Event,
    header::HeaderStage,
};
use crate::ports::{BlockStatus, HeaderRow, LedgerError};

impl Consensus {
    /// Takes a header in.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if consensus cannot go on; what the header breaks is an [`Outcome`].
    pub fn submit_header(&self, header: &Arc<Header>) -> Result<Outcome, ConsensusError> {
        let _numbering = self.numbering();
        match self.take_header(header) {
            Ok(Ok(_)) => Ok(Outcome::Accepted(BlockStatus::HeaderOnly)),
            Ok(Err(known)) => Ok(Outcome::Known(self.columns().status(known))),
            Err(Stop::Rule(error)) => Ok(Outcome::Refused(error)),
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    /// Takes a block in: header, then body. The virtual block is not brought up to it; [`Self::resolve_virtual`] does that.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if consensus cannot go on; what the block breaks is an [`Outcome`].
    pub fn submit_body(&self, block: Block) -> Result<Outcome, ConsensusError> {
        let header = Arc::new(block.header.clone());
        let outcome = {
            let _numbering = self.numbering();
            match self.take_header(&header) {
                Ok(Ok(id) | Err(id)) => self.take_body(id, block)?,
                Err(Stop::Rule(error)) => return Ok(Outcome::Refused(error)),
                Err(Stop::Broken(error)) => return Err(error),
            }
        };
        if matches!(outcome, Outcome::Accepted(_)) && self.listener.is_there() {
            self.listener.tell(&Event::BlockAdded { block: header.hash() });
        }
        Ok(outcome)
    }

    /// Takes a block in and resolves the virtual block: all stages on the caller's thread.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if consensus cannot go on; what the block breaks is an [`Outcome`].
    pub fn submit_block(&self, block: Block) -> Result<Outcome, ConsensusError> {
        let hash = block.header.hash();
        let outcome = self.submit_body(block)?;
        if !matches!(outcome, Outcome::Accepted(_)) {
            return Ok(outcome);
        }
        self.resolve_virtual()?;
        Ok(Outcome::Accepted(self.status(&hash).unwrap_or(BlockStatus::BodyPending)))
    }

    /// Takes a header in and returns its number, as an error if it was there.
    fn take_header(&self, header: &Arc<Header>) -> Result<Result<BlockId, BlockId>, Stop> {
        let hash = header.hash();
        let known = |columns: &Columns| {
            let block = columns.dag.find(&hash)?;
            Some((block, columns.status(block)))
        };
        match known(&self.columns()) {
            Some((_, BlockStatus::Invalid)) => return Err(RuleError::KnownInvalid.into()),
            Some((block, _)) => return Ok(Err(block)),
            None => {}
        }
        if self.is_refused(&hash) {
            return Err(RuleError::KnownInvalid.into());
        }
        let level = check_header_in_isolation(&self.params, header, (self.options.clock)())?;
        loop {
            let (row, generation) = self.row_of(hash, header, level);
            let row = row.inspect_err(|stop| {
                if let Stop::Rule(error) = stop
                    && is_final(error)
                {
                    self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(hash);
                }
            })?;
            let mut columns = self.columns_mut();
            if let Some((block, _)) = known(&columns) {
                return Ok(Err(block));
            }
            if columns.generation() != generation {
                // Blocks were pruned in the meantime, which the row may rest on.
                continue;
            }
            let next = BlockId::new(u32::try_from(columns.dag.len()).unwrap_or(u32::MAX));
            self.ledger.append_header(next, header, &row)?;
            let block = columns.push(&row)?;
            columns.keep_header(Arc::clone(header));
            return Ok(Ok(block));
        }
    }

    /// Prepares the row of a header, and tells the generation of the columns it was prepared with.
    fn row_of(&self, hash: Hash256, header: &Header, level: u8) -> (Result<HeaderRow, Stop>, u64) {
        let columns = self.columns();
        let stage = HeaderStage {
            params: &self.params,
            columns: &columns,
            ledger: &*self.ledger,
            is_refused: &|hash| self.is_refused(hash),
        };
        (stage.row(hash, header, level), columns.generation())
    }

    pub(super) fn is_refused(&self, hash: &Hash256) -> bool {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).known.contains(hash)
    }

    /// Takes the body of a block in whose header is there.
    fn take_body(&self, id: BlockId, block: Block) -> Result<Outcome, ConsensusError> {
        match self.body_is_settled(id) {
            Ok(None) => {}
            Ok(Some(status)) => return Ok(Outcome::Known(status)),
            Err(error) => return Ok(Outcome::Refused(error)),
        }
        let ids = match self.check_body(id, &block) {
            Ok(ids) => ids,
            Err(Stop::Broken(error)) => return Err(error),
            Err(Stop::Rule(error)) => {
                if body::condemns(&error) {
                    let mut columns = self.columns_mut();
                    if columns.status(id) == BlockStatus::HeaderOnly {
                        self.ledger.append_invalid(id)?;
                        columns.set_status(id, BlockStatus::Invalid);
                    }
                }
                return Ok(Outcome::Refused(error));
            }
        };
        let body = Arc::new(KnownBody::new(Arc::new(block.transactions), ids));
        {
            let mut columns = self.columns_mut();
            let status = columns.status(id);
            match status {
                BlockStatus::HeaderOnly => {}
                BlockStatus::Deleted => return Ok(Outcome::Refused(RuleError::PrunedBlock)),
                _ => return Ok(Outcome::Known(status)),
            }
            self.ledger.append_body(id, &body.transactions)?;
            self.bodies.insert(id, body);
            columns.add_body(id);
        }
        Ok(Outcome::Accepted(BlockStatus::BodyPending))
    }

    /// Runs the scripts of a block's transactions ahead, as far as what they spend is in the virtual block's set, so that the virtual stage
    /// finds them verified. Changes nothing that is decided.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn verify_ahead(&self, hash: &Hash256) -> Result<(), ConsensusError> {
        let _numbering = self.numbering();
        let found = {
            let columns = self.columns();
            let found = columns.dag.find(hash).filter(|&block| columns.status(block).has_body());
            found.map(|block| (block, columns.windows.daa_score(block)))
        };
        let Some((block, daa_score)) = found else { return Ok(()) };
        let body = match self.bodies.get(&*self.ledger, block) {
            Ok(body) => body,
            // It was pruned in the meantime.
            Err(ConsensusError::Ledger(LedgerError::Missing { .. })) => return Ok(()),
            Err(error) => return Err(error),
        };
        if body.transactions.len() < 2 {
            return Ok(());
        }
        let (state, entries) = {
            let published = self.published_guard();
            let state = Arc::clone(&published);
            let mut all = body.transactions.iter();
            let entries = chain::fetch(&*self.ledger, &state.diff, &mut all)?.entries;
            (state, entries)
        };
        let view = chain::Fetched { since: &state.diff, entries };
        let merged =
            MergedBody { block, daa_score, transactions: &body.transactions, ids: &body.ids };
        let jobs = script_jobs(&self.params, &view, &merged, daa_score.max(state.daa_score));
        // Whoever is wrong is found again, and named, where it counts.
        let _ = self.scripts.with(&self.chain_view(state.sink)).verify(&jobs);
        Ok(())
    }

    /// Brings everything to where it outlives this process, though not a power cut: before somebody is told that a block was taken.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn write_out(&self) -> Result<(), ConsensusError> {
        Ok(self.ledger.write_out()?)
    }

    /// Makes everything durable.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn flush(&self) -> Result<(), ConsensusError> {
        Ok(self.ledger.flush()?)
    }
}

/// Returns whether a header refused for this is refused for ever; others may do later, or be told so again at little cost.
///
/// Reference: `HeaderProcessor::validate_header` marks those of `post_pow_validation`.
const fn is_final(error: &RuleError) -> bool {
    matches!(
        error,
        RuleError::UnexpectedHeaderBlueScore { .. }
            | RuleError::UnexpectedHeaderBlueWork { .. }
            | RuleError::TimeTooOld { .. }
            | RuleError::MergeSetTooBig { .. }
            | RuleError::ViolatingBoundedMergeDepth
            | RuleError::WrongHeaderPruningPoint { .. }
            | RuleError::UnexpectedIndirectParents { .. }
    )
}
