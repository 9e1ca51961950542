//! A miner on one thread of this machine, for development networks: it asks for templates, looks for a nonce, and submits.
//!
//! With a rate it waits between blocks as if many miners shared the network: the times are exponentially distributed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_kaspa_protocol::{block::Block, coinbase::MinerData, pow::Pow, tx::ScriptPublicKey};
use quintet_primitives::Hash256;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{TemplateError, Templates};
use crate::consensus::{ConsensusError, Outcome};

/// Nonces tried before it is looked whether the template is good still.
const NONCES_PER_LOOK: u64 = 2048;

/// Longest sleep before it is looked whether to stop.
const NAP: Duration = Duration::from_millis(50);

/// How to mine.
#[derive(Debug, Clone)]
pub struct MinerOptions {
    /// Who is paid.
    pub script: ScriptPublicKey,
    /// Blocks a second, on average; as fast as it can if there is none.
    pub rate: Option<f64>,
    /// Text in the coinbase.
    pub extra_data: Vec<u8>,
}

/// Why mining ended.
#[derive(Debug, Error)]
pub enum MinerError {
    /// There is no template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Consensus cannot go on.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
}

/// Takes found blocks.
pub type Submit = Arc<dyn Fn(Block) -> Result<Outcome, ConsensusError> + Send + Sync>;

/// A miner.
pub struct CpuMiner {
    templates: Arc<Templates>,
    submit: Submit,
    /// What is mined on: the sink, as long as it is this one the template is good.
    sink: Arc<dyn Fn() -> Hash256 + Send + Sync>,
    options: MinerOptions,
}

impl std::fmt::Debug for CpuMiner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuMiner").field("options", &self.options).finish_non_exhaustive()
    }
}

impl CpuMiner {
    /// Makes a miner that submits to `submit`.
    #[must_use]
    pub fn new(
        templates: Arc<Templates>,
        sink: Arc<dyn Fn() -> Hash256 + Send + Sync>,
        submit: Submit,
        options: MinerOptions,
    ) -> Self {
        Self { templates, submit, sink, options }
    }

    /// Mines until `stop` is cancelled. Takes a thread.
    ///
    /// # Errors
    ///
    /// [`MinerError`].
    pub fn run(&self, stop: &CancellationToken) -> Result<(), MinerError> {
        let mut due = Instant::now();
        while !stop.is_cancelled() {
            if let Some(rate) = self.options.rate {
                while Instant::now() < due && !stop.is_cancelled() {
                    std::thread::sleep(NAP.min(due.saturating_duration_since(Instant::now())));
                }
                let part: f64 = rand::random::<f64>().max(f64::MIN_POSITIVE);
                let seconds = (-part.ln() / rate.max(1e-6)).min(3600.0);
                // What is late is not caught up with: a machine that is too slow must not be flooded.
                due = due.max(Instant::now() - NAP) + Duration::from_secs_f64(seconds);
            }
            self.mine_one(stop)?;
        }
        Ok(())
    }

    /// Looks for one block, from as many templates as it takes.
    fn mine_one(&self, stop: &CancellationToken) -> Result<(), MinerError> {
        while !stop.is_cancelled() {
            let sink = (self.sink)();
            let miner = MinerData {
                script_public_key: self.options.script.clone(),
                extra_data: &self.options.extra_data,
            };
            let mut block = self.templates.get(&miner)?.block.clone();
            let pow = Pow::new(&block.header);
            let mut nonce: u64 = rand::random();
            while !stop.is_cancelled() && (self.sink)() == sink {
                let end = nonce.wrapping_add(NONCES_PER_LOOK);
                while nonce != end && pow.check(nonce).is_none() {
                    nonce = nonce.wrapping_add(1);
                }
                if nonce != end {
                    block.header.nonce = nonce;
                    if let Outcome::Refused(error) = (self.submit)(block)? {
                        warn!(%error, "a mined block was refused");
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
