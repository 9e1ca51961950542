//! The pipeline: L1 blocks in, attributes of the safe chain out, one `poll` at a time.
//!
//! ```text
//!              poll(L1View, SafeChain) ──► Step::NeedL1(…) | NeedL2(…) | Attributes(…) | Advanced(…) | Reset(…)
//!   driver ──┤ confirm(hash)             the block was built: it is the safe head
//!              reject()                   the block is invalid: the next attempt comes from poll
//!              reset(Start)               L1 or L2 is another chain than it was
//!
//!   inbox ─► frames ─► channels ─► batches ─► batch stage ─► attributes
//!   └──────────────── Source ─────────────┘
//! ```
//!
//! The pipeline holds no I/O, no clock and no thread; what is missing it names, and it goes on where it was when polled
//! again. Rejecting a block is a call, so nothing can wait for anything in a circle.
//!
//! # Invariants
//!
//! - At most one block is out at a time: [`Pipeline::poll`] gives no second one before the first is confirmed or rejected.
//! - An L1 block's inbox and receipts are asked for once; receipts only where the bloom may hold a log that counts.
//! - L1 blocks are followed by parent hash. A gap or another branch is [`Reset`], never a guess.
//! - Before Holocene a span is atomic: if one of its blocks is invalid, the head goes back to where the span began.
//! - Epochs kept are those from the safe head's on: at most a sequencing window and what is ahead of it.
//!
//! **Spec:** `protocol/derivation.md`, "Derivation Pipeline"; `holocene/derivation.md`; op-node's `DerivationPipeline`.

mod ahead;
mod finality;
mod source;
mod start;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use alloy_eips::BlockNumHash;
use alloy_primitives::{B256, Log};
use thiserror::Error;

use self::source::{Blocked, Source};
pub use self::{
    ahead::Ahead,
    finality::{FINALITY_ENTRIES_MAX, Finality},
    start::{BaseSearch, Searched, Start},
};
use crate::{
    attributes::{DerivedAttributes, Epoch, derive},
    batch::{
        DropRule, SingularBatch,
        stage::{BatchQueue, BatchStage, Pulled, Stepped},
    },
    config::{Fork, RollupConfig},
    deposit::{DEPOSIT_TOPIC, DepositError, derive_deposits},
    refs::{L1Ref, L2Ref, SafeChain},
    system::{CONFIG_UPDATE_TOPIC, ConfigUpdate, ConfigUpdateError, SystemConfig},
    upgrades::MissingBundle,
    view::{L1Header, L1View, LogMask, Need},
};

/// What a poll came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Something of L1 is missing: fetch it and poll again. A header that does not exist yet means that derivation is done for
    /// now.
    NeedL1(Need),
    /// A block of the safe chain is missing: fetch it and poll again.
    NeedL2 {
        /// Its number.
        number: u64,
    },
    /// A block to build. Then call [`Pipeline::confirm`] or [`Pipeline::reject`].
    Attributes(Arc<DerivedAttributes>),
    /// A block is out that was neither confirmed nor rejected.
    AwaitingResult,
    /// All of an L1 block has been read; derivation stands at this one now.
    Advanced {
        /// The L1 block.
        origin: L1Ref,
    },
    /// L1 or L2 is not the chain it was: find a start and call [`Pipeline::reset`].
    Reset(Reset),
}

/// Why the pipeline must start over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reset {
    /// The next L1 block does not build on the one derivation stands at.
    L1Reorg {
        /// The block derivation stands at.
        expected: BlockNumHash,
        /// The block the next one builds on.
        actual: B256,
    },
    /// The L1 blocks at hand are not those of the safe head.
    OriginMismatch {
        /// L1 origin of the safe head.
        safe: BlockNumHash,
        /// The L1 block at hand.
        epoch: BlockNumHash,
    },
    /// A batch that passed all checks names an epoch that is not kept.
    UnknownEpoch {
        /// The epoch.
        epoch: BlockNumHash,
    },
}

/// Why derivation cannot go on, whatever is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DerivationError {
    /// A deposit that is none: deposits may never be passed over.
    #[error("L1 block {number} {hash}: {error}", number = block.number, hash = block.hash)]
    Deposit {
        /// The L1 block.
        block: BlockNumHash,
        /// What is wrong.
        error: DepositError,
    },
    /// An update of the system configuration that is none.
    #[error("L1 block {number} {hash}: {error}", number = block.number, hash = block.hash)]
    System {
        /// The L1 block.
        block: BlockNumHash,
        /// What is wrong.
        error: ConfigUpdateError,
    },
    /// The chain's data lies elsewhere.
    #[error("L1 block {number} {hash}: expected data on L1, got a commitment to data elsewhere, which is not supported", number = block.number, hash = block.hash)]
    AltDa {
        /// The L1 block.
        block: BlockNumHash,
    },
    /// A block of deposits alone is invalid: the execution layer is not that of this chain.
    #[error("expected a block of deposits alone to be valid, got one on {number} {hash} that is not", number = parent.number, hash = parent.hash)]
    DepositsOnlyInvalid {
        /// The block it would build on.
        parent: BlockNumHash,
    },
    /// The upgrade transactions of a fork were not given.
    #[error(transparent)]
    Bundle(#[from] MissingBundle),
    /// A result for a block that is not out.
    #[error("expected a result for a block that is out, got one while none is")]
    NothingPending,
}

/// What went through the pipeline since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// L1 blocks.
    pub l1_blocks: u64,
    /// L1 blocks whose receipts were read.
    pub receipts: u64,
    /// Batcher transactions with calldata.
    pub transactions: u64,
    /// Blobs.
    pub blobs: u64,
    /// Transactions and blobs that hold no frames.
    pub malformed_transactions: u64,
    /// Frames.
    pub frames: u64,
    /// Frames no channel took.
    pub dropped_frames: u64,
    /// Complete channels.
    pub channels: u64,
    /// Channels that could not be inflated.
    pub malformed_channels: u64,
    /// Batches.
    pub batches: u64,
    /// Batches that could not be read, and ended their channel.
    pub malformed_batches: u64,
    /// Batches that could not be read, with their channel going on behind them.
    pub skipped_batches: u64,
    /// Batches dropped, by rule.
    pub dropped_batches: BTreeMap<DropRule, u64>,
    /// Blocks given out.
    pub attributes: u64,
    /// Blocks rejected.
    pub rejected: u64,
}

/// The batch stage as the fork of the L1 block has it.
#[derive(Debug)]
enum Batches {
    Queue(BatchQueue),
    Stage(BatchStage),
}

/// A block with the configuration it records.
#[derive(Debug, Clone, Copy)]
struct Head {
    block: L2Ref,
    system: SystemConfig,
}

/// A block that is out.
#[derive(Debug)]
struct Pending {
    attributes: Arc<DerivedAttributes>,
    system: SystemConfig,
    /// Whether it has been given out.
    is_out: bool,
}

/// The pipeline.
#[derive(Debug)]
pub struct Pipeline {
    config: Arc<RollupConfig>,
    origin: L1Ref,
    /// Whether `origin` itself has been entered; false after a reset.
    entered: bool,
    /// What L1 says now: who may submit batches.
    l1_system: SystemConfig,
    /// Confirmed, with its whole span.
    safe: Head,
    /// Confirmed.
    head: Head,
    epochs: VecDeque<Epoch>,
    source: Source,
    batches: Batches,
    pulled: Option<Pulled>,
    next: Option<(SingularBatch, bool)>,
    pending: Option<Pending>,
    stats: Stats,
    /// Logs that are deposits.
    deposits: LogMask,
    /// Logs that are updates of the system configuration.
    updates: LogMask,
}

impl Pipeline {
    /// Makes a pipeline that begins at `start`.
    #[must_use]
    pub fn new(config: Arc<RollupConfig>, start: &Start) -> Self {
        let head = Head { block: start.safe, system: start.safe_system };
        let mut pipeline = Self {
            source: Source::new(&config, start.base),
            deposits: LogMask::new(config.deposit_contract, DEPOSIT_TOPIC),
            updates: LogMask::new(config.l1_system_config, CONFIG_UPDATE_TOPIC),
            config,
            origin: start.base,
            entered: false,
            l1_system: start.base_system,
            safe: head,
            head,
            epochs: VecDeque::new(),
            batches: Batches::Queue(BatchQueue::default()),
            pulled: None,
            next: None,
            pending: None,
            stats: Stats::default(),
        };
        pipeline.reset(start);
        pipeline
    }

    /// Begins again at `start`. Nothing of before remains but [`Stats`].
    pub fn reset(&mut self, start: &Start) {
        self.origin = start.base;
        self.entered = false;
        self.l1_system = start.base_system;
        self.safe = Head { block: start.safe, system: start.safe_system };
        self.head = self.safe;
        self.epochs.clear();
        self.source = Source::new(&self.config, start.base);
        self.batches = if self.config.is_active(Fork::Holocene, start.base.timestamp) {
            let mut stage = BatchStage::default();
            stage.reset(start.base);
            Batches::Stage(stage)
        } else {
            let mut queue = BatchQueue::default();
            queue.reset(start.base);
            Batches::Queue(queue)
        };
        self.pulled = None;
        self.next = None;
        self.pending = None;
    }

    /// Returns the L1 block derivation stands at.
    #[must_use]
    pub const fn origin(&self) -> &L1Ref {
        &self.origin
    }

    /// Returns the safe head: the last block confirmed with its whole span.
    #[must_use]
    pub const fn safe_head(&self) -> &L2Ref {
        &self.safe.block
    }

    /// Returns the last block confirmed; before Holocene it may be ahead of the safe head, within a span.
    #[must_use]
    pub const fn head(&self) -> &L2Ref {
        &self.head.block
    }

    /// Returns the system configuration the safe head records.
    #[must_use]
    pub const fn safe_system(&self) -> &SystemConfig {
        &self.safe.system
    }

    /// Returns the system configuration the last confirmed block records.
    #[must_use]
    pub const fn head_system(&self) -> &SystemConfig {
        &self.head.system
    }

    /// Returns what went through.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Goes on as far as it can.
    ///
    /// # Errors
    ///
    /// [`DerivationError`] if derivation cannot go on whatever is fetched.
    pub fn poll(
        &mut self,
        l1: &impl L1View,
        safe: &impl SafeChain,
    ) -> Result<Step, DerivationError> {
        if !self.entered
            && let Some(step) = self.enter(l1)?
        {
            return Ok(step);
        }
        loop {
            if let Some(pending) = &mut self.pending {
                let is_out = core::mem::replace(&mut pending.is_out, true);
                return Ok(if is_out {
                    Step::AwaitingResult
                } else {
                    self.stats.attributes += 1;
                    Step::Attributes(Arc::clone(&pending.attributes))
                });
            }
            if let Some((batch, is_last)) = self.next.take() {
                if let Some(step) = self.build(batch, is_last)? {
                    return Ok(step);
                }
                continue;
            }
            let stepped = match self.step(l1, safe) {
                Ok(stepped) => stepped,
                Err(Blocked::Need(need)) => return Ok(Step::NeedL1(need)),
                Err(Blocked::Error(error)) => return Err(error),
            };
            self.count_dropped();
            match stepped {
                Stepped::Next { batch, is_last } => self.next = Some((batch, is_last)),
                Stepped::More => {}
                Stepped::NeedL2 { number } => return Ok(Step::NeedL2 { number }),
                Stepped::OutOfData => return self.advance(l1),
                Stepped::Inconsistent { epoch } => {
                    let safe = self.head.block.l1_origin;
                    return Ok(Step::Reset(Reset::OriginMismatch { safe, epoch: epoch.id() }));
                }
            }
        }
    }

    /// Steps the batch stage, pulling a batch if it has none.
    fn step(&mut self, l1: &impl L1View, safe: &impl SafeChain) -> Result<Stepped, Blocked> {
        let (config, parent) = (&*self.config, &self.head.block);
        let prepared = match &mut self.batches {
            Batches::Queue(queue) => queue.prepare(config, self.origin, parent),
            Batches::Stage(stage) => stage.prepare(config, self.origin, parent),
        };
        let stepped = if let Some(stepped) = prepared {
            stepped
        } else {
            if self.pulled.is_none() {
                let batch =
                    self.source.next_batch(config, self.l1_system.batcher, l1, &mut self.stats)?;
                self.pulled = Some(batch.map_or(Pulled::OutOfData, Pulled::Batch));
            }
            match &mut self.batches {
                Batches::Queue(queue) => queue.step(config, &mut self.pulled, parent, safe),
                Batches::Stage(stage) => stage.step(config, &mut self.pulled, parent, safe),
            }
        };
        if let Batches::Stage(stage) = &mut self.batches
            && stage.take_flush()
        {
            self.source.flush();
        }
        Ok(stepped)
    }

    fn count_dropped(&mut self) {
        let dropped = match &mut self.batches {
            Batches::Queue(queue) => queue.take_dropped(),
            Batches::Stage(stage) => stage.take_dropped(),
        };
        for rule in dropped {
            *self.stats.dropped_batches.entry(rule).or_default() += 1;
        }
    }

    /// Makes the attributes of an accepted batch.
    fn build(
        &mut self,
        batch: SingularBatch,
        is_last: bool,
    ) -> Result<Option<Step>, DerivationError> {
        if self.head.block.hash.is_zero() {
            // Not executed here: what the batch says, which may be nothing.
            self.head.block.hash = batch.parent_hash;
        }
        let parent = self.head.block;
        let found =
            self.epochs.iter().find(|epoch| epoch.header.block.number == batch.epoch_number);
        let id = BlockNumHash { number: batch.epoch_number, hash: batch.epoch_hash };
        let Some(epoch) = found.filter(|epoch| epoch.header.block.hash == batch.epoch_hash) else {
            return Ok(Some(Step::Reset(Reset::UnknownEpoch { epoch: id })));
        };
        // The batch's checks say so; L1 may have changed between them and here in nothing but a driver's error.
        let linked = if parent.l1_origin.number == id.number {
            parent.l1_origin.hash == id.hash
        } else {
            parent.l1_origin.hash == epoch.header.block.parent_hash
        };
        if !linked {
            let safe = parent.l1_origin;
            return Ok(Some(Step::Reset(Reset::OriginMismatch { safe, epoch: id })));
        }
        let (attributes, system) =
            derive(&self.config, &parent, &self.head.system, epoch, batch, self.origin, is_last)?;
        self.pending = Some(Pending { attributes: Arc::new(attributes), system, is_out: false });
        Ok(None)
    }

    /// Takes the hash of the block that is out: it is valid, and the head.
    ///
    /// # Errors
    ///
    /// [`DerivationError::NothingPending`] if no block is out.
    pub fn confirm(&mut self, hash: B256) -> Result<L2Ref, DerivationError> {
        let pending = self.pending.take().ok_or(DerivationError::NothingPending)?;
        let block = pending.attributes.block(hash);
        self.head = Head { block, system: pending.system };
        let atomic = matches!(self.batches, Batches::Queue(_));
        if !atomic || pending.attributes.is_last_in_span {
            self.safe = self.head;
            let oldest = self.safe.block.l1_origin.number;
            while self.epochs.front().is_some_and(|epoch| epoch.header.block.number < oldest) {
                self.epochs.pop_front();
            }
        }
        Ok(block)
    }

    /// Takes the news that the block that is out is invalid.
    ///
    /// From Holocene the next poll gives the same block with its deposits alone, and the rest of its channel is dropped. Before, the batch
    /// is dropped with its span, and the next one is tried.
    ///
    /// # Errors
    ///
    /// [`DerivationError`] if no block is out, or it holds deposits alone: then derivation cannot go on.
    pub fn reject(&mut self) -> Result<(), DerivationError> {
        let mut pending = self.pending.take().ok_or(DerivationError::NothingPending)?;
        self.stats.rejected += 1;
        let only_deposits =
            pending.attributes.attributes.transactions.len() == pending.attributes.deposits;
        if only_deposits {
            let parent = pending.attributes.parent.id();
            return Err(DerivationError::DepositsOnlyInvalid { parent });
        }
        match &mut self.batches {
            Batches::Queue(queue) => {
                queue.flush();
                self.head = self.safe;
            }
            Batches::Stage(stage) => {
                stage.flush();
                self.source.flush();
                let attributes = Arc::unwrap_or_clone(pending.attributes);
                pending.attributes = Arc::new(attributes.deposits_only());
                pending.is_out = false;
                self.pending = Some(pending);
            }
        }
        Ok(())
    }

    /// Enters the L1 block a start begins at: its own updates are in the configuration it begins with.
    fn enter(&mut self, l1: &impl L1View) -> Result<Option<Step>, DerivationError> {
        let number = self.origin.number;
        let Some(header) = l1.header(number) else {
            return Ok(Some(Step::NeedL1(Need::Header { number })));
        };
        if header.block != self.origin {
            let expected = self.origin.id();
            let actual = header.block.hash;
            return Ok(Some(Step::Reset(Reset::L1Reorg { expected, actual })));
        }
        self.epochs.push_back(Epoch { header: header.clone(), ..Epoch::default() });
        self.entered = true;
        self.stats.l1_blocks += 1;
        Ok(None)
    }

    /// Goes on to the next L1 block.
    fn advance(&mut self, l1: &impl L1View) -> Result<Step, DerivationError> {
        let number = self.origin.number.saturating_add(1);
        let Some(header) = l1.header(number) else {
            return Ok(Step::NeedL1(Need::Header { number }));
        };
        let block = header.block;
        if block.parent_hash != self.origin.hash || block.number != number {
            let expected = self.origin.id();
            return Ok(Step::Reset(Reset::L1Reorg { expected, actual: block.parent_hash }));
        }
        let epoch = match self.epoch_of(header, l1)? {
            Ok(epoch) => epoch,
            Err(need) => return Ok(Step::NeedL1(need)),
        };
        let ecotone = self.config.is_active(Fork::Ecotone, block.timestamp);
        epoch.updates.iter().for_each(|update| self.l1_system.apply(*update, ecotone));
        // What is older than the safe head's origin is of no use to any block to come.
        if block.number <= self.safe.block.l1_origin.number {
            self.epochs.clear();
        }
        self.epochs.push_back(epoch);
        self.origin = block;
        self.source.advance(&self.config, block);
        self.switch_stage(block);
        self.stats.l1_blocks += 1;
        Ok(Step::Advanced { origin: block })
    }

    /// The first L1 block of Holocene finds the strict batch stage.
    fn switch_stage(&mut self, block: L1Ref) {
        let holocene = self.config.is_active(Fork::Holocene, block.timestamp);
        if holocene && let Batches::Queue(queue) = &mut self.batches {
            self.batches = Batches::Stage(core::mem::take(queue).into_stage());
            self.pulled = None;
            // A span that was open is forgotten; what was confirmed of it stays.
            self.safe = self.head;
        }
    }

    /// Reads what an L1 block's logs say: its deposits, and updates of the system configuration.
    fn epoch_of(
        &mut self,
        header: &L1Header,
        l1: &impl L1View,
    ) -> Result<Result<Epoch, Need>, DerivationError> {
        let (config, block) = (&self.config, header.block);
        // Deposits of epochs the safe head has passed are in its blocks.
        let deposits =
            block.number > self.safe.block.l1_origin.number && header.may_hold(&self.deposits);
        let updates = header.may_hold(&self.updates);
        let mut epoch = Epoch { header: header.clone(), ..Epoch::default() };
        if !deposits && !updates {
            return Ok(Ok(epoch));
        }
        let Some(receipts) = l1.receipts(&block) else { return Ok(Err(Need::Receipts(block))) };
        self.stats.receipts += 1;
        // A failed transaction has no logs, so every log there is counts and is counted.
        let logs = || receipts.iter().flat_map(|receipt| &receipt.logs);
        if deposits {
            epoch.deposits = derive_deposits(logs(), config.deposit_contract, block.hash)
                .map_err(|error| DerivationError::Deposit { block: block.id(), error })?;
        }
        let is_update = |log: &&Log| {
            log.address == config.l1_system_config
                && log.topics().first() == Some(&CONFIG_UPDATE_TOPIC)
        };
        epoch.updates = logs()
            .filter(is_update)
            .map(ConfigUpdate::read)
            .collect::<Result<_, _>>()
            .map_err(|error| DerivationError::System { block: block.id(), error })?;
        Ok(Ok(epoch))
    }
}
