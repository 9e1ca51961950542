//! A view that is a consensus of its own, over a ledger in memory or on disk, pruned as a node's is.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quintet_kaspa_protocol::{
    block::Block,
    coinbase::MinerData,
    params::Params,
    tx::{Outpoint, Transaction, UtxoEntry},
};
use quintet_primitives::Hash256;

use super::{Mined, SimError, View};
use crate::{
    consensus::{Consensus, MemoryLedger, Options, Outcome},
    ports::{BlockStatus, Ledger},
};

/// A consensus whose clock is the simulation's.
#[derive(Debug)]
pub struct ConsensusView {
    number: usize,
    params: Params,
    ledger: Arc<dyn Ledger>,
    /// None only while it is opened anew, and after that failed.
    consensus: Option<Consensus>,
    /// Milliseconds since 1970.
    now: Arc<AtomicU64>,
    /// Taken in since the virtual block was resolved.
    fresh: Vec<Hash256>,
    /// Whether it is opened anew when blocks were deleted.
    reopens: bool,
}

impl ConsensusView {
    /// Makes a view in memory that knows the genesis alone.
    ///
    /// # Errors
    ///
    /// [`SimError::View`].
    pub fn new(number: usize, params: &Params) -> Result<Self, SimError> {
        Self::over(number, params, Arc::new(MemoryLedger::new()))
    }

    /// Makes a view over a ledger, which is empty.
    ///
    /// # Errors
    ///
    /// [`SimError::View`], also if there is another network's DAG in the ledger.
    pub fn over(number: usize, params: &Params, ledger: Arc<dyn Ledger>) -> Result<Self, SimError> {
        let now = Arc::new(AtomicU64::new(params.genesis.header().timestamp));
        let mut view = Self {
            number,
            params: params.clone(),
            ledger,
            consensus: None,
            now,
            fresh: Vec::new(),
            reopens: false,
        };
        view.open()?;
        Ok(view)
    }

    /// Lets the view be opened anew over its ledger whenever blocks were deleted, as by a restart: what is in memory of deleted blocks goes
    /// with that.
    #[must_use]
    pub const fn reopened_when_pruned(mut self) -> Self {
        self.reopens = true;
        self
    }

    /// Returns the consensus.
    ///
    /// # Errors
    ///
    /// [`SimError::View`] if it could not be opened anew.
    pub fn consensus(&self) -> Result<&Consensus, SimError> {
        let closed = || failed(self.number, "go on", &"it could not be opened anew");
        self.consensus.as_ref().ok_or_else(closed)
    }

    fn open(&mut self) -> Result<(), SimError> {
        self.consensus = None;
        let clock = Arc::clone(&self.now);
        let options = Options {
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            ..Options::default()
        };
        let opened = Consensus::open(self.params.clone(), options, Arc::clone(&self.ledger));
        self.consensus = Some(opened.map_err(|error| self.failed("begin", &error))?);
        Ok(())
    }

    fn failed(&self, action: &'static str, reason: &dyn std::fmt::Display) -> SimError {
        failed(self.number, action, reason)
    }

    /// Lets the clock go on; it never goes back.
    fn tick(&self, to: u64) {
        self.now.fetch_max(to, Ordering::Relaxed);
    }
}

fn failed(view: usize, action: &'static str, reason: &dyn std::fmt::Display) -> SimError {
    SimError::View { view, action, reason: reason.to_string() }
}

impl View for ConsensusView {
    fn resolve(&mut self) -> Result<u64, SimError> {
        let consensus = self.consensus()?;
        if self.fresh.is_empty() {
            return Ok(consensus.virtual_state().daa_score);
        }
        let state = consensus.resolve_virtual();
        let daa_score = state.map_err(|error| self.failed("resolve", &error))?.daa_score;
        for hash in &self.fresh {
            match consensus.status(hash) {
                Some(BlockStatus::UtxoValid | BlockStatus::BodyPending) => {}
                status => {
                    let reason = format!("{status:?}: {:?}", consensus.disqualification(hash));
                    return Err(self.failed("take a block in", &reason));
                }
            }
        }
        let moved = consensus.advance_pruning_point();
        let moved = moved.map_err(|error| self.failed("prune", &error))?;
        self.fresh.clear();
        if moved.is_some() && self.reopens {
            self.open()?;
        }
        Ok(daa_score)
    }

    fn knows(&self, block: &Hash256) -> bool {
        let status = self.consensus.as_ref().and_then(|consensus| consensus.status(block));
        status.is_some_and(BlockStatus::has_body)
    }

    fn entries(&self, outpoints: &[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, SimError> {
        let found = self.consensus()?.utxos(outpoints);
        found.map_err(|error| self.failed("look up coins", &error))
    }

    fn template(
        &mut self,
        miner: MinerData<'_>,
        timestamp: u64,
        transactions: Vec<Transaction>,
    ) -> Result<Block, SimError> {
        self.tick(timestamp);
        let built = self.consensus()?.build_block_template(miner, transactions);
        let built = built.map_err(|error| self.failed("build a block", &error))?;
        let template = built.map_err(|error| self.failed("build a block", &error))?;
        Ok(template.block)
    }

    fn submit(&mut self, mined: &Mined) -> Result<(), SimError> {
        let Mined { block, hash, .. } = mined;
        self.tick(block.header.timestamp);
        let outcome = self.consensus()?.submit_body(block.clone());
        match outcome.map_err(|error| self.failed("take a block in", &error))? {
            Outcome::Accepted(_) => self.fresh.push(*hash),
            other => return Err(self.failed("take a block in", &format!("{other:?}"))),
        }
        Ok(())
    }
}
