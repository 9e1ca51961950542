//! A view that is a consensus of its own, in memory.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quintet_kaspa_protocol::{
    block::Block,
    coinbase::MinerData,
    params::Params,
    tx::{Outpoint, ScriptPublicKey, Transaction, UtxoEntry},
};

use super::{SimError, View};
use crate::{
    consensus::{Consensus, MemoryLedger, Options, Outcome},
    ports::BlockStatus,
};

/// A consensus whose clock is the simulation's.
#[derive(Debug)]
pub struct ConsensusView {
    number: usize,
    consensus: Consensus,
    /// Milliseconds since 1970.
    now: Arc<AtomicU64>,
}

impl ConsensusView {
    /// Makes a view that knows the genesis alone.
    ///
    /// # Errors
    ///
    /// [`SimError::View`].
    pub fn new(number: usize, params: &Params) -> Result<Self, SimError> {
        let now = Arc::new(AtomicU64::new(params.genesis.header().timestamp));
        let clock = Arc::clone(&now);
        let options = Options {
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            ..Options::default()
        };
        let consensus = Consensus::open(params.clone(), options, Arc::new(MemoryLedger::new()))
            .map_err(|error| failed(number, "begin", &error))?;
        Ok(Self { number, consensus, now })
    }

    /// Returns the consensus.
    #[must_use]
    pub const fn consensus(&self) -> &Consensus {
        &self.consensus
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
    fn daa_score(&self) -> u64 {
        self.consensus.virtual_state().daa_score
    }

    fn entries(&self, outpoints: &[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, SimError> {
        let look = |outpoint| self.consensus.utxo(outpoint);
        let found: Result<_, _> = outpoints.iter().map(look).collect();
        found.map_err(|error| self.failed("look up coins", &error))
    }

    fn template(
        &mut self,
        miner: &ScriptPublicKey,
        timestamp: u64,
        transactions: Vec<Transaction>,
    ) -> Result<Block, SimError> {
        self.tick(timestamp);
        let miner = MinerData { script_public_key: miner.clone(), extra_data: &[] };
        let built = self.consensus.build_block_template(miner, transactions);
        let built = built.map_err(|error| self.failed("build a block", &error))?;
        let template = built.map_err(|error| self.failed("build a block", &error))?;
        Ok(template.block)
    }

    fn submit(&mut self, block: &Block) -> Result<(), SimError> {
        self.tick(block.header.timestamp);
        let outcome = self.consensus.submit_block(block.clone());
        match outcome.map_err(|error| self.failed("take a block in", &error))? {
            Outcome::Accepted(BlockStatus::UtxoValid | BlockStatus::BodyPending) => Ok(()),
            other => Err(self.failed("take a block in", &format!("{other:?}"))),
        }
    }
}
