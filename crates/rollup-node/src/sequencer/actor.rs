//! The task that makes blocks.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use quintet_eth_chain::BlockTag;
use quintet_rollup_protocol::{
    attributes::{Epoch, prepare},
    config::RollupConfig,
    refs::{L1Ref, L2Ref},
    sequencing::origin::{OriginChoice, choose, is_deep_enough},
    system::SystemConfig,
    upgrades::MissingBundle,
};
use tokio::{sync::mpsc, task::JoinError};
use tokio_util::sync::CancellationToken;

use super::{SequencerControl, SequencerOptions, epoch::Origins};
use crate::{
    engine::{Engine as _, EngineClient, EngineError, L2Reader},
    l1::{L1Error, L1Source},
    node::Status,
};

/// Pause after something that may be otherwise soon: L1 does not answer, derivation is behind.
const PAUSE: Duration = Duration::from_millis(500);
/// Failures of the engine one after the other before the sequencer gives up.
const FAILURES_MAX: u32 = 16;

/// Why no block was made, where going on helps.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    L1(#[from] L1Error),
    #[error(transparent)]
    Bundle(#[from] MissingBundle),
    #[error("the engine's thread did not answer: {0}")]
    Task(#[from] JoinError),
}

/// What the sequencer is made of.
#[derive(Debug)]
pub(crate) struct Sequencer {
    pub(crate) config: Arc<RollupConfig>,
    pub(crate) source: Arc<dyn L1Source>,
    pub(crate) engine: EngineClient,
    pub(crate) reader: L2Reader,
    pub(crate) status: Status,
    pub(crate) control: SequencerControl,
    pub(crate) options: SequencerOptions,
    /// Where blocks go that others should have.
    pub(crate) published: Option<mpsc::Sender<L2Ref>>,
}

/// What comes next.
enum Next {
    Now,
    After(Duration),
}

/// Makes blocks until told to stop.
///
/// # Errors
///
/// The engine's, if it goes on failing.
pub(crate) async fn run(sequencer: Sequencer, stop: CancellationToken) -> Result<(), EngineError> {
    let mut active = sequencer.control.subscribe();
    let mut origins = Origins::new(Arc::clone(&sequencer.source), Arc::clone(&sequencer.config));
    let mut failures = 0;
    loop {
        if stop.is_cancelled() {
            return Ok(());
        }
        if !*active.borrow_and_update() {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                // The control lives as long as the node.
                _ = active.changed() => continue,
            }
        }
        let next = {
            let _making = sequencer.control.making().await;
            if !sequencer.control.is_active() {
                continue;
            }
            sequencer.step(&mut origins).await
        };
        let pause = match next {
            Ok(Next::Now) => {
                failures = 0;
                continue;
            }
            Ok(Next::After(pause)) => {
                failures = 0;
                pause
            }
            Err(StepError::Engine(error)) if failures >= FAILURES_MAX => return Err(error),
            Err(error) => {
                failures += 1;
                tracing::error!(%error, failures, "no block was made");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = active.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Sequencer {
    /// Makes the next block if its time has come.
    async fn step(&self, origins: &mut Origins) -> Result<Next, StepError> {
        let heads = self.status.heads();
        if !heads.is_caught_up {
            return Ok(Next::After(PAUSE));
        }
        let (head, system) = self.reader.head()?;
        let time = Duration::from_secs(head.timestamp.saturating_add(self.config.block_time));
        if let Some(left) = time.checked_sub(now()).filter(|left| !left.is_zero()) {
            return Ok(Next::After(left));
        }
        let lag = head.number.saturating_sub(heads.safe_l2.number);
        if self.options.max_safe_lag > 0 && lag >= self.options.max_safe_lag {
            tracing::warn!(
                lag,
                "the safe head is too far behind: no block until it has come closer"
            );
            return Ok(Next::After(PAUSE));
        }
        let Some(current) = origins.current(head.l1_origin.number).await else {
            return Ok(Next::After(PAUSE));
        };
        let number = head.l1_origin.number.saturating_add(1);
        let deep = is_deep_enough(number, heads.head_l1.number, self.options.l1_confirmations);
        let next = if deep { origins.next(number).await } else { None };
        let refs: (L1Ref, Option<L1Ref>) =
            (current.header.block, next.as_ref().map(|next| next.header.block));
        let (origin, users) = match choose(&self.config, &head, &refs.0, refs.1.as_ref()) {
            OriginChoice::Stay { users } => (current, users),
            OriginChoice::Advance { users } => (next.unwrap_or(current), users),
            OriginChoice::Wait { drift, drift_max } => {
                tracing::warn!(
                    drift,
                    drift_max,
                    "L1 was not heard of for too long: no block until it is"
                );
                return Ok(Next::After(PAUSE));
            }
            OriginChoice::Reorged { expected, actual } => {
                tracing::warn!(%expected, %actual, "L1 was reorganised below the head");
                origins.forget();
                return self.retreat(origins, &head).await;
            }
        };
        let is_first = origin.header.block.number != head.l1_origin.number;
        let epoch = if is_first {
            origins.epoch(&origin).await?
        } else {
            Epoch { header: origin.header.clone(), ..Epoch::default() }
        };
        self.make(&head, &system, &epoch, users).await?;
        Ok(Next::Now)
    }

    async fn make(
        &self,
        head: &L2Ref,
        system: &SystemConfig,
        epoch: &Epoch,
        users: bool,
    ) -> Result<(), StepError> {
        let (mut attributes, ..) = prepare(&self.config, head, system, epoch)?;
        attributes.no_tx_pool = !users;
        let (mut engine, parent) = (self.engine.clone(), *head);
        let work = move || {
            engine.build(&parent, &attributes)?;
            engine.seal()
        };
        let sealed = tokio::task::spawn_blocking(work).await??;
        let made = self.reader.find(BlockTag::Hash(sealed.hash))?;
        if let Some(made) = made {
            tracing::info!(
                number = made.number,
                hash = %made.hash,
                origin = made.l1_origin.number,
                "block made"
            );
            if let Some(published) = &self.published
                && published.try_send(made).is_err()
            {
                tracing::warn!(
                    number = made.number,
                    "a block is not gossiped: too many wait already"
                );
            }
        }
        Ok(())
    }

    /// Goes back to the newest block whose origin L1 still has, at most to the safe head.
    ///
    /// **Spec:** op-node's `sync.FindL2Heads`, for the unsafe head.
    async fn retreat(&self, origins: &Origins, head: &L2Ref) -> Result<Next, StepError> {
        let safe = self.status.heads().safe_l2;
        let mut at = *head;
        let mut checked = None;
        while at.number > safe.number {
            let known = match checked {
                Some((number, is_there)) if number == at.l1_origin.number => is_there,
                _ => {
                    let Some(hash) = origins.hash(at.l1_origin.number).await else {
                        // L1 may be shorter than it was, or not answer: asked again later.
                        if self.status.heads().head_l1.number >= at.l1_origin.number {
                            return Ok(Next::After(PAUSE));
                        }
                        checked = Some((at.l1_origin.number, false));
                        continue;
                    };
                    let is_there = hash == at.l1_origin.hash;
                    checked = Some((at.l1_origin.number, is_there));
                    is_there
                }
            };
            if known {
                break;
            }
            let Some(parent) = self.reader.find(BlockTag::Hash(at.parent_hash))? else { break };
            at = parent;
        }
        if at.hash == head.hash {
            // The safe head itself stands on an L1 that is gone: derivation takes it back.
            return Ok(Next::After(PAUSE));
        }
        tracing::warn!(from = head.number, to = at.number, "blocks are taken back");
        let mut engine = self.engine.clone();
        tokio::task::spawn_blocking(move || engine.retreat(&at)).await??;
        Ok(Next::Now)
    }
}
