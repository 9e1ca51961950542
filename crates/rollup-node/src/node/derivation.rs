//! Derivation for good: the driver on a thread of its own, begun again when L1 comes back.
//!
//! ```text
//!   open ──► step, step, … ──► Status (heads)
//!    ▲          │ L1 gives no answer           anything else: a fault, and the node ends
//!    └── pause ◄┘
//! ```

use std::{sync::Arc, thread, time::Duration};

use quintet_eth_chain::BlockTag;
use quintet_rollup_protocol::config::RollupConfig;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::Status;
use crate::{
    derive::{DriveError, Driver, DriverOptions, Progress, SafeHeads, StartAt},
    engine::{EngineClient, L2Reader},
    l1::L1Source,
};

/// Pause before derivation is begun again after L1 gave no answer.
const PAUSE: Duration = Duration::from_secs(2);
/// L1 blocks derivation may be behind and still has read all of L1: the newest may have come this instant.
const BEHIND_MAX: u64 = 1;
/// Time between two looks at whether to stop, in a pause.
const LOOK: Duration = Duration::from_millis(50);

/// What derives.
#[derive(Debug, Clone)]
pub(crate) struct Derivation {
    pub(crate) config: Arc<RollupConfig>,
    pub(crate) source: Arc<dyn L1Source>,
    pub(crate) engine: EngineClient,
    pub(crate) reader: L2Reader,
    pub(crate) record: SafeHeads,
    pub(crate) options: DriverOptions,
    pub(crate) status: Status,
}

impl Derivation {
    /// Derives until told to stop. Blocks: call it on a thread that may.
    ///
    /// # Errors
    ///
    /// [`DriveError`] where asking L1 again would not help.
    pub(crate) fn run(&self, runtime: &Handle, stop: &CancellationToken) -> Result<(), DriveError> {
        while !stop.is_cancelled() {
            match self.once(runtime, stop) {
                Ok(()) => return Ok(()),
                Err(DriveError::L1(error)) => {
                    tracing::error!(%error, "derivation waits for L1");
                    self.pause(stop);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn pause(&self, stop: &CancellationToken) {
        let mut left = PAUSE;
        while !left.is_zero() && !stop.is_cancelled() {
            thread::sleep(LOOK);
            left = left.saturating_sub(LOOK);
        }
    }

    fn once(&self, runtime: &Handle, stop: &CancellationToken) -> Result<(), DriveError> {
        let mut driver = Driver::open(
            Arc::clone(&self.config),
            Arc::clone(&self.source),
            self.engine.clone(),
            self.record.clone(),
            StartAt::genesis(&self.config),
            self.options,
            runtime.clone(),
        )?;
        let finalized = self.reader.find(BlockTag::Finalized)?.unwrap_or_default();
        self.status.update(|heads| {
            heads.safe_l2 = *driver.safe_head();
            heads.current_l1 = *driver.origin();
            heads.finalized_l2 = finalized;
        });
        while !stop.is_cancelled() {
            let progress = driver.step()?;
            self.tell(&progress, &driver);
        }
        driver.close()?;
        Ok(())
    }

    fn tell(&self, progress: &Progress, driver: &Driver<EngineClient>) {
        let safe = *driver.safe_head();
        match progress {
            Progress::Block(derived) => {
                let block = &derived.block;
                let consolidated = derived.is_consolidated;
                tracing::debug!(number = block.number, hash = %block.hash, consolidated, "safe block");
                self.status.update(|heads| heads.safe_l2 = safe);
            }
            Progress::Origin(origin) => self.status.update(|heads| {
                heads.current_l1 = *origin;
                heads.safe_l2 = safe;
            }),
            Progress::AtHead(_) | Progress::Done => {
                self.status.update(|heads| heads.current_l1 = *driver.origin());
            }
            Progress::Finalized(block) => {
                self.status.update(|heads| heads.finalized_l2 = *block);
            }
            Progress::Reset { reason, safe, base } => {
                tracing::warn!(
                    reason,
                    safe = safe.number,
                    base = base.number,
                    "derivation goes on behind"
                );
                self.status.update(|heads| {
                    heads.safe_l2 = *safe;
                    heads.current_l1 = *base;
                });
            }
            Progress::Invalid { .. } | Progress::Waiting => {}
        }
        let read = driver.origin().number.saturating_add(self.options.prefetch.confirmations);
        self.status.update(|heads| {
            let head = heads.head_l1.number;
            heads.is_caught_up |= head > 0 && read.saturating_add(BEHIND_MAX) >= head;
        });
    }
}
