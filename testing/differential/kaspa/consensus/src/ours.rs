//! This project's consensus, one block at a time, over a ledger in memory or on disk.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use quintet_kaspa_node::{
    consensus::{Consensus, MemoryLedger, Options, Outcome},
    ports::{BlockStatus, Ledger},
    storage::{DiskLedger, StorageOptions},
};
use quintet_kaspa_protocol::{block::Block, dag::BlockId, params::Params, validation::RuleError};
use quintet_primitives::Hash256;

use super::verdict::{Status, Verdict, Virtual, variant};

/// This project's consensus.
#[derive(Debug)]
pub struct Ours {
    consensus: Arc<Consensus>,
    /// Hashes by number: numbers are given in order of insertion, the first one, 1, to the genesis.
    hashes: Vec<Hash256>,
    headers_only: bool,
}

impl Ours {
    /// Starts one; `headers_only` for one that takes in no bodies.
    ///
    /// # Errors
    ///
    /// If consensus cannot start.
    pub fn start(params: Params, headers_only: bool) -> anyhow::Result<Self> {
        Self::over(Arc::new(MemoryLedger::new()), params, headers_only)
    }

    /// Starts one over files in an empty directory; whoever asks for the ledger as well closes it.
    ///
    /// # Errors
    ///
    /// If consensus cannot start, or the directory cannot be written to.
    pub fn on_disk(params: Params, directory: &Path) -> anyhow::Result<(Self, Arc<DiskLedger>)> {
        let genesis = params.genesis.header().hash();
        // The salt of the coins' table: nobody attacks here.
        let options = StorageOptions::new([1, 2]);
        let ledger = Arc::new(DiskLedger::open(directory, &genesis, &options)?);
        Ok((Self::over(Arc::clone(&ledger) as _, params, false)?, ledger))
    }

    fn over(ledger: Arc<dyn Ledger>, params: Params, headers_only: bool) -> anyhow::Result<Self> {
        let consensus = Arc::new(Consensus::open(params, Options::default(), ledger)?);
        let hashes = vec![Hash256::default(), consensus.sink()];
        Ok(Self { consensus, hashes, headers_only })
    }

    /// Returns the consensus itself.
    pub const fn inner(&self) -> &Arc<Consensus> {
        &self.consensus
    }

    /// Takes a block in and resolves the virtual block.
    ///
    /// # Errors
    ///
    /// If consensus breaks.
    pub fn submit(&mut self, block: Block) -> anyhow::Result<Verdict> {
        let hash = block.header.hash();
        let outcome = if self.headers_only {
            self.consensus.submit_header(&Arc::new(block.header))?
        } else {
            let outcome = self.consensus.submit_block(block)?;
            self.consensus.advance_pruning_point()?;
            outcome
        };
        if self.consensus.header_count() == self.hashes.len() {
            self.hashes.push(hash);
        }
        Ok(match outcome {
            Outcome::Accepted(_) | Outcome::Known(_) => Verdict::Present(self.status(&hash)),
            Outcome::Refused(error) => Verdict::Refused(name(&error)),
        })
    }

    /// Returns a block's status.
    pub fn status(&self, hash: &Hash256) -> Status {
        match self.consensus.status(hash) {
            Some(BlockStatus::HeaderOnly) => Status::HeaderOnly,
            Some(BlockStatus::BodyPending) => Status::Pending,
            Some(BlockStatus::UtxoValid) => Status::Valid,
            Some(BlockStatus::Disqualified) => Status::Disqualified,
            Some(BlockStatus::Invalid) => Status::Invalid,
            Some(BlockStatus::Deleted) | None => Status::Absent,
        }
    }

    /// Returns the virtual block.
    ///
    /// # Errors
    ///
    /// If a block it merges is not there.
    pub fn virtual_block(&self) -> anyhow::Result<Virtual> {
        let state = self.consensus.virtual_state();
        let ghostdag = &state.ghostdag;
        let hashes = |list: &[BlockId]| {
            let hash = |block: &BlockId| self.hashes.get(block.number() as usize).copied();
            list.iter().map(|block| hash(block).context("expected a known block")).collect()
        };
        let (blues, reds): (anyhow::Result<Vec<_>>, anyhow::Result<Vec<_>>) =
            (hashes(&ghostdag.blues), hashes(&ghostdag.reds));
        Ok(Virtual {
            parents: state.parent_hashes.clone(),
            blues: blues?,
            reds: reds?,
            blue_score: ghostdag.blue_score,
            blue_work: ghostdag.blue_work.to_le_bytes::<24>(),
            daa_score: state.daa_score,
            bits: state.bits,
            median_time: state.past_median_time,
            commitment: state.multiset.finalise(),
            accepted: state.accepted_id_root,
            pruning_point: self.consensus.pruning_point(),
        })
    }

    /// Returns why a block is no chain block, for a message.
    ///
    /// # Errors
    ///
    /// If nobody knows.
    pub fn disqualification(&self, hash: &Hash256) -> anyhow::Result<RuleError> {
        self.consensus.disqualification(hash).context("expected a reason, none is known")
    }
}

/// Returns the name of a rule, with the transaction's rule in it.
fn name(error: &RuleError) -> String {
    let outer = format!("{error:?}");
    let inner = match error {
        RuleError::TxInIsolationValidationFailed { source, .. }
        | RuleError::TxInContextFailed { source, .. } => format!("{source:?}"),
        _ => return variant(&outer).to_owned(),
    };
    format!("{}/{}", variant(&outer), variant(&inner))
}
