//! Which batch is the next block: buffered and reordered before Holocene, strictly in order from it; and the empty ones that
//! fill an epoch whose sequencing window closed.
//!
//! ```text
//!   pull ──► (a batch | channel stage is out of data) ──► step ──► Next(batch) | More | OutOfData | NeedL2
//! ```
//!
//! # Invariants
//!
//! - [`Epochs::blocks`] are consecutive; the first is the safe head's origin, or one behind it after empty batches ended an
//!   epoch. Their number is bounded by the sequencing window: when it closes, empty batches move the safe head on.
//! - One batch is pulled at a time, and looked at before the next: what the safe head is when a batch is judged depends on it.
//! - Batches that wait are slices of their channels. A batcher can make a node hold what fits in the channels of a sequencing
//!   window; nobody else can.
//!
//! **Spec:** `protocol/derivation.md`, "Batch Queue"; `holocene/derivation.md`, "Batch Queue"; op-node's `BatchQueue`, `BatchStage`.

use std::collections::VecDeque;

use super::{
    Batch, SingularBatch, SpanBatch,
    check::{CheckContext, DropRule, Validity},
};
use crate::{
    config::RollupConfig,
    refs::{L1Ref, L2Ref, SafeChain},
};

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Stepped {
    /// The next block's batch, and whether it is the last of its span.
    Next {
        /// The batch.
        batch: SingularBatch,
        /// Whether nothing of its span is left; true for singular ones.
        is_last: bool,
    },
    /// Nothing yet: pull again.
    More,
    /// Nothing, and nothing more from this L1 block.
    OutOfData,
    /// A block of the safe chain is needed; then step again with what was pulled before.
    NeedL2 {
        /// Its number.
        number: u64,
    },
    /// The L1 blocks at hand are not those of the safe head: reset.
    Inconsistent {
        /// The first L1 block at hand.
        epoch: L1Ref,
    },
}

/// The L1 blocks batches may take for their origins.
#[derive(Debug, Default)]
pub struct Epochs {
    origin: L1Ref,
    blocks: Vec<L1Ref>,
}

impl Epochs {
    /// Starts over at an L1 block.
    pub fn reset(&mut self, base: L1Ref) {
        self.origin = base;
        self.blocks.clear();
        self.blocks.push(base);
    }

    /// Returns the blocks.
    #[must_use]
    pub fn blocks(&self) -> &[L1Ref] {
        &self.blocks
    }

    /// Follows L1 to `origin` and the safe head to `parent`.
    fn update(&mut self, origin: L1Ref, parent: &L2Ref) {
        if self.origin != origin {
            self.origin = origin;
            if Self::is_behind(origin, parent) {
                self.blocks.clear();
            } else {
                self.blocks.push(origin);
            }
        }
        let advanced =
            self.blocks.first().is_some_and(|first| parent.l1_origin.number > first.number);
        if advanced
            && let Some(at) =
                self.blocks.iter().position(|block| block.number == parent.l1_origin.number)
        {
            self.blocks.drain(..at);
        }
    }

    const fn is_behind(origin: L1Ref, parent: &L2Ref) -> bool {
        origin.number < parent.l1_origin.number
    }

    /// Returns the current epoch if it fits the safe head.
    fn consistent(&self, parent: &L2Ref) -> Result<L1Ref, Stepped> {
        match self.blocks.first() {
            Some(epoch)
                if epoch.id() == parent.l1_origin
                    || epoch.number == parent.l1_origin.number.saturating_add(1) =>
            {
                Ok(*epoch)
            }
            Some(epoch) => Err(Stepped::Inconsistent { epoch: *epoch }),
            None => Err(Stepped::Inconsistent { epoch: self.origin }),
        }
    }

    /// Makes the next empty batch if the sequencing window of the epoch has closed, or ends the epoch.
    fn empty_batch(
        &mut self,
        config: &RollupConfig,
        epoch: L1Ref,
        parent: &L2Ref,
        out_of_data: bool,
    ) -> Option<SingularBatch> {
        let expiry = epoch.number.saturating_add(config.seq_window_size);
        let closed = expiry < self.origin.number || (expiry == self.origin.number && out_of_data);
        let next_epoch = self.blocks.get(1).filter(|_| closed)?;
        let timestamp = parent.timestamp.saturating_add(config.block_time);
        // An epoch has at least one block, and as many as it takes to come to the next one's time.
        let first_of_epoch = epoch.number == parent.l1_origin.number.saturating_add(1);
        if timestamp < next_epoch.timestamp || first_of_epoch {
            return Some(SingularBatch {
                parent_hash: parent.hash,
                epoch_number: epoch.number,
                epoch_hash: epoch.hash,
                timestamp,
                transactions: Vec::new(),
            });
        }
        self.blocks.remove(0);
        None
    }
}

/// A span whose blocks are taken one by one.
#[derive(Debug)]
struct OpenSpan {
    span: SpanBatch,
    /// The block that comes next.
    next: usize,
    /// Number and hash of the L1 origins of the blocks that are left, as they were when the span was opened.
    origins: Vec<L1Ref>,
}

impl OpenSpan {
    /// Opens a span behind the safe head; `None` if an L1 origin is not at hand.
    ///
    /// An overlapping span may name an origin older than any that is at hand. That makes it invalid; to take it for an error of the
    /// pipeline would let one batch stop derivation.
    fn open(
        span: SpanBatch,
        epochs: &Epochs,
        parent: &L2Ref,
        config: &RollupConfig,
    ) -> Option<Self> {
        let next = (0..span.block_count())
            .find(|index| span.timestamp(*index, config) > parent.timestamp)
            .unwrap_or(span.block_count());
        let mut origins: Vec<L1Ref> = Vec::new();
        for index in next..span.block_count() {
            let epoch = span.epoch(index);
            if origins.last().is_none_or(|last| last.number != epoch) {
                origins.push(*epochs.blocks.iter().find(|block| block.number == epoch)?);
            }
        }
        Some(Self { span, next, origins })
    }

    fn is_done(&self) -> bool {
        self.next >= self.span.block_count()
    }

    /// Takes the next block, with `parent` as the block before it.
    fn take(&mut self, parent: &L2Ref, config: &RollupConfig) -> Option<SingularBatch> {
        let index = self.next;
        if self.is_done() {
            return None;
        }
        self.next += 1;
        let epoch_number = self.span.epoch(index);
        let epoch_hash = self.origins.iter().find(|origin| origin.number == epoch_number)?.hash;
        Some(SingularBatch {
            parent_hash: parent.hash,
            epoch_number,
            epoch_hash,
            timestamp: self.span.timestamp(index, config),
            transactions: self.span.transactions(index, config),
        })
    }
}

/// The next block of an open span, if it follows the safe head; a span that does not is forgotten.
fn next_of_span(
    open: &mut Option<OpenSpan>,
    parent: &L2Ref,
    config: &RollupConfig,
) -> Option<Stepped> {
    let span = open.as_mut()?;
    let follows = span.span.timestamp(span.next, config)
        == parent.timestamp.saturating_add(config.block_time);
    let batch = if follows { span.take(parent, config) } else { None };
    let is_last = span.is_done();
    if batch.is_none() || is_last {
        *open = None;
    }
    batch.map(|batch| Stepped::Next { batch, is_last })
}

/// Before Holocene: batches wait in the order in which they were included.
#[derive(Debug, Default)]
pub struct BatchQueue {
    epochs: Epochs,
    batches: VecDeque<(Batch, L1Ref)>,
    open: Option<OpenSpan>,
    dropped: Vec<DropRule>,
}

/// From Holocene: one span at most, and nothing waits.
#[derive(Debug, Default)]
pub struct BatchStage {
    epochs: Epochs,
    open: Option<OpenSpan>,
    dropped: Vec<DropRule>,
    flush: bool,
}

/// What the channel stage had.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is taken where it lies"
)]
pub enum Pulled {
    /// A batch.
    Batch(Batch),
    /// Nothing more from this L1 block.
    OutOfData,
    /// The batch was taken in, and a block of the safe chain was needed to go on: look again.
    Again,
}

impl BatchQueue {
    /// Starts over at an L1 block.
    pub fn reset(&mut self, base: L1Ref) {
        self.epochs.reset(base);
        self.batches.clear();
        self.open = None;
    }

    /// Takes the next block of an open span, or follows L1 and says that a batch is to be pulled.
    pub fn prepare(
        &mut self,
        config: &RollupConfig,
        origin: L1Ref,
        parent: &L2Ref,
    ) -> Option<Stepped> {
        let next = next_of_span(&mut self.open, parent, config);
        if next.is_none() {
            self.epochs.update(origin, parent);
        }
        next
    }

    /// Takes in what was pulled and looks for the next block.
    ///
    /// `pulled` is taken when it has been dealt with. If a block of the safe chain is needed it stays, for the next call.
    pub fn step(
        &mut self,
        config: &RollupConfig,
        pulled: &mut Option<Pulled>,
        parent: &L2Ref,
        safe: &impl SafeChain,
    ) -> Stepped {
        let behind = Epochs::is_behind(self.epochs.origin, parent);
        let out_of_data = matches!(pulled, Some(Pulled::OutOfData));
        if behind {
            *pulled = None;
            return if out_of_data { Stepped::OutOfData } else { Stepped::More };
        }
        if let Some(Pulled::Batch(batch)) = pulled.take() {
            match self.check(config, &batch, &self.epochs.origin, parent, safe) {
                Validity::NeedL2 { number } => {
                    *pulled = Some(Pulled::Batch(batch));
                    return Stepped::NeedL2 { number };
                }
                Validity::Drop(rule) => self.dropped.push(rule),
                Validity::Accept | Validity::Undecided | Validity::Future | Validity::Past => {
                    self.batches.push_back((batch, self.epochs.origin));
                }
            }
        }
        match self.derive(config, parent, safe, out_of_data) {
            Stepped::More if out_of_data => Stepped::OutOfData,
            Stepped::NeedL2 { number } => {
                *pulled = Some(if out_of_data { Pulled::OutOfData } else { Pulled::Again });
                Stepped::NeedL2 { number }
            }
            stepped => stepped,
        }
    }

    fn check(
        &self,
        config: &RollupConfig,
        batch: &Batch,
        inclusion: &L1Ref,
        parent: &L2Ref,
        safe: &impl SafeChain,
    ) -> Validity {
        let l1_blocks = self.epochs.blocks();
        let context = CheckContext { config, l1_blocks, safe_head: parent, inclusion };
        match batch {
            Batch::Singular(batch) => context.singular(batch),
            Batch::Span(span) => context.span(span, safe),
        }
    }

    /// Looks for the first batch that can be accepted; those before it that never will be are dropped.
    fn derive(
        &mut self,
        config: &RollupConfig,
        parent: &L2Ref,
        safe: &impl SafeChain,
        out_of_data: bool,
    ) -> Stepped {
        let epoch = match self.epochs.consistent(parent) {
            Ok(epoch) => epoch,
            Err(inconsistent) => return inconsistent,
        };
        let mut at = 0;
        while let Some((batch, inclusion)) = self.batches.get(at) {
            match self.check(config, batch, inclusion, parent, safe) {
                Validity::Future => at += 1,
                Validity::Undecided => return Stepped::More,
                Validity::NeedL2 { number } => return Stepped::NeedL2 { number },
                Validity::Drop(rule) => {
                    self.dropped.push(rule);
                    self.batches.remove(at);
                }
                Validity::Past => {
                    self.batches.remove(at);
                }
                Validity::Accept => {
                    let batch = self.batches.remove(at);
                    return batch
                        .map_or(Stepped::More, |(batch, _)| self.accept(config, batch, parent));
                }
            }
        }
        self.epochs
            .empty_batch(config, epoch, parent, out_of_data)
            .map_or(Stepped::More, |batch| Stepped::Next { batch, is_last: true })
    }

    fn accept(&mut self, config: &RollupConfig, batch: Batch, parent: &L2Ref) -> Stepped {
        let span = match batch {
            Batch::Singular(batch) => return Stepped::Next { batch, is_last: true },
            Batch::Span(span) => span,
        };
        self.open = OpenSpan::open(span, &self.epochs, parent, config);
        next_of_span(&mut self.open, parent, config).unwrap_or_else(|| {
            self.dropped.push(DropRule::OriginUnknown);
            Stepped::More
        })
    }

    /// Becomes Holocene's stage: what waits is forgotten, the L1 blocks stay.
    #[must_use]
    pub fn into_stage(self) -> BatchStage {
        BatchStage { epochs: self.epochs, dropped: self.dropped, ..BatchStage::default() }
    }

    /// Takes the rules by which batches were dropped since the last call.
    pub fn take_dropped(&mut self) -> Vec<DropRule> {
        core::mem::take(&mut self.dropped)
    }

    /// Forgets the rest of an open span.
    pub fn flush(&mut self) {
        self.open = None;
    }

    /// Returns how many batches wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.batches.len()
    }
}

impl BatchStage {
    /// Starts over at an L1 block.
    pub fn reset(&mut self, base: L1Ref) {
        self.epochs.reset(base);
        self.open = None;
        self.flush = false;
    }

    /// Follows L1, and takes the next block of an open span if there is one.
    pub fn prepare(
        &mut self,
        config: &RollupConfig,
        origin: L1Ref,
        parent: &L2Ref,
    ) -> Option<Stepped> {
        self.epochs.update(origin, parent);
        if self.open.is_none() || self.is_draining(parent) {
            return None;
        }
        if let Err(inconsistent) = self.consistent(parent) {
            return Some(inconsistent);
        }
        match next_of_span(&mut self.open, parent, config)? {
            Stepped::Next { batch, is_last } => Some(self.judge(config, batch, is_last, parent)),
            other => Some(other),
        }
    }

    /// Returns the current epoch, if it and the one after it are at hand as they are for every safe head.
    fn consistent(&self, parent: &L2Ref) -> Result<L1Ref, Stepped> {
        let epoch = self.epochs.consistent(parent)?;
        if self.epochs.blocks.len() < 2 { Err(Stepped::Inconsistent { epoch }) } else { Ok(epoch) }
    }

    /// A channel in the L1 block of the safe head's origin, or before it, holds nothing new.
    const fn is_draining(&self, parent: &L2Ref) -> bool {
        self.epochs.origin.number <= parent.l1_origin.number
    }

    /// Takes in what was pulled and looks for the next block; see [`BatchQueue::step`].
    pub fn step(
        &mut self,
        config: &RollupConfig,
        pulled: &mut Option<Pulled>,
        parent: &L2Ref,
        safe: &impl SafeChain,
    ) -> Stepped {
        if self.is_draining(parent) {
            let out_of_data = matches!(pulled, Some(Pulled::OutOfData));
            *pulled = None;
            return if out_of_data { Stepped::OutOfData } else { Stepped::More };
        }
        let epoch = match self.consistent(parent) {
            Ok(epoch) => epoch,
            Err(inconsistent) => return inconsistent,
        };
        match pulled.take() {
            None | Some(Pulled::Again) => Stepped::More,
            Some(Pulled::OutOfData) => self
                .epochs
                .empty_batch(config, epoch, parent, true)
                .map_or(Stepped::OutOfData, |batch| Stepped::Next { batch, is_last: false }),
            Some(Pulled::Batch(Batch::Singular(batch))) => self.judge(config, batch, true, parent),
            Some(Pulled::Batch(Batch::Span(span))) => {
                let context = self.context(config, parent);
                match context.span_prefix(&span, safe) {
                    Ok(_) => self.open(config, span, parent),
                    Err(Validity::NeedL2 { number }) => {
                        *pulled = Some(Pulled::Batch(Batch::Span(span)));
                        Stepped::NeedL2 { number }
                    }
                    Err(Validity::Drop(rule)) => self.drop_channel(rule),
                    Err(_) => Stepped::More,
                }
            }
        }
    }

    const fn context<'a>(
        &'a self,
        config: &'a RollupConfig,
        parent: &'a L2Ref,
    ) -> CheckContext<'a> {
        CheckContext {
            config,
            l1_blocks: self.epochs.blocks.as_slice(),
            safe_head: parent,
            inclusion: &self.epochs.origin,
        }
    }

    fn open(&mut self, config: &RollupConfig, span: SpanBatch, parent: &L2Ref) -> Stepped {
        self.open = OpenSpan::open(span, &self.epochs, parent, config);
        match next_of_span(&mut self.open, parent, config) {
            Some(Stepped::Next { batch, is_last }) => self.judge(config, batch, is_last, parent),
            _ => self.drop_channel(DropRule::OriginUnknown),
        }
    }

    /// Checks one block's batch: an invalid one takes its span and its channel with it.
    fn judge(
        &mut self,
        config: &RollupConfig,
        batch: SingularBatch,
        is_last: bool,
        parent: &L2Ref,
    ) -> Stepped {
        match self.context(config, parent).singular(&batch) {
            Validity::Accept => Stepped::Next { batch, is_last },
            Validity::Drop(rule) => self.drop_channel(rule),
            Validity::Past | Validity::Undecided | Validity::Future | Validity::NeedL2 { .. } => {
                Stepped::More
            }
        }
    }

    fn drop_channel(&mut self, rule: DropRule) -> Stepped {
        self.dropped.push(rule);
        self.open = None;
        self.flush = true;
        Stepped::More
    }

    /// Returns whether the rest of the channel is to be dropped, once.
    pub const fn take_flush(&mut self) -> bool {
        core::mem::replace(&mut self.flush, false)
    }

    /// Forgets the rest of an open span.
    pub fn flush(&mut self) {
        self.open = None;
    }

    /// Takes the rules by which batches were dropped since the last call.
    pub fn take_dropped(&mut self) -> Vec<DropRule> {
        core::mem::take(&mut self.dropped)
    }
}
