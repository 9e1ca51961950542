//! Whether a batch holds, against the safe head and the L1 blocks at hand.
//!
//! Functions of their arguments alone. [`DropRule`] names the rule a dropped batch broke, so that an operator can tell a
//! batcher's fault from an L1 reorganisation.
//!
//! **Spec:** `protocol/derivation.md`, "Batch Queue"; `delta/span-batches.md`, "Batch queue"; `holocene/derivation.md`,
//! "Span Batches" and "Batch Queue"; `jovian/derivation.md` (empty activation block); op-node's `CheckBatch`.

use alloy_primitives::Bytes;

use super::{SingularBatch, SpanBatch};
use crate::{
    config::{Fork, RollupConfig},
    refs::{L1Ref, L2Ref, SafeChain},
};

/// First byte of a deposit.
const DEPOSIT: u8 = 0x7e;
/// First byte of a set-code transaction.
const SET_CODE: u8 = 4;

/// What is to be done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It is the next.
    Accept,
    /// It never will be.
    Drop(DropRule),
    /// More L1 blocks are needed to tell.
    Undecided,
    /// A block of the safe chain is needed to tell.
    NeedL2 {
        /// Its number.
        number: u64,
    },
    /// Before Holocene: it may be once the safe head has come to it.
    Future,
    /// From Holocene: the safe head has passed it.
    Past,
}

/// The rule a dropped batch broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DropRule {
    /// From Holocene no batch may lie ahead of the next block.
    FutureTimestamp,
    /// The safe head has passed it.
    PastTimestamp,
    /// A span begins between two blocks.
    MisalignedTimestamp,
    /// It builds on another block than the one before it.
    ParentMismatch,
    /// The sequencing window of its first epoch closed before it was included.
    IncludedTooLate,
    /// Its epoch lies before that of the block before it.
    EpochTooOld,
    /// Its epoch lies more than one ahead.
    EpochTooFar,
    /// Its epoch's hash is not that of the L1 block of that number.
    EpochHashMismatch,
    /// It is older than its L1 origin.
    BeforeOrigin,
    /// It holds transactions though it is too far ahead of its L1 origin.
    DriftExceeded,
    /// It is too far ahead of its L1 origin though the next one could have been adopted.
    OriginNotAdopted,
    /// The first block of a fork that forbids it holds transactions.
    ActivationNotEmpty,
    /// A transaction without a byte.
    EmptyTransaction,
    /// A deposit among the sequencer's transactions.
    Deposit,
    /// A set-code transaction before Isthmus.
    SetCodeBeforeIsthmus,
    /// A span batch whose first origin lies before Delta.
    SpanBeforeDelta,
    /// A block of a span has an L1 origin that is not at hand.
    OriginUnknown,
    /// A span differs from the safe blocks it overlaps in transactions.
    OverlapTransactions,
    /// A span differs from the safe blocks it overlaps in origins.
    OverlapOrigin,
}

/// What batches are checked against.
#[derive(Debug, Clone, Copy)]
pub struct CheckContext<'a> {
    /// The chain.
    pub config: &'a RollupConfig,
    /// Consecutive L1 blocks, the first of which is the current epoch.
    pub l1_blocks: &'a [L1Ref],
    /// The block to build on.
    pub safe_head: &'a L2Ref,
    /// The L1 block that completed the batch's channel.
    pub inclusion: &'a L1Ref,
}

impl CheckContext<'_> {
    fn next_timestamp(&self) -> u64 {
        self.safe_head.timestamp.saturating_add(self.config.block_time)
    }

    fn is_holocene(&self) -> bool {
        self.config.is_active(Fork::Holocene, self.inclusion.timestamp)
    }

    /// Returns the validity of what lies ahead of the next block.
    fn ahead(&self) -> Validity {
        if self.is_holocene() {
            Validity::Drop(DropRule::FutureTimestamp)
        } else {
            Validity::Future
        }
    }

    /// Returns the validity of what the safe head has passed.
    fn behind(&self) -> Validity {
        if self.is_holocene() { Validity::Past } else { Validity::Drop(DropRule::PastTimestamp) }
    }

    /// Checks one block's transactions by their first bytes.
    fn transactions(
        &self,
        timestamp: u64,
        kinds: impl Iterator<Item = Option<u8>>,
    ) -> Result<(), DropRule> {
        let mut kinds = kinds.peekable();
        let activates = [Fork::Jovian, Fork::Karst, Fork::Lagoon]
            .into_iter()
            .any(|fork| self.config.is_activation(fork, timestamp));
        if activates && kinds.peek().is_some() {
            return Err(DropRule::ActivationNotEmpty);
        }
        let set_code = self.config.is_active(Fork::Isthmus, timestamp);
        kinds.try_for_each(|kind| match kind {
            None => Err(DropRule::EmptyTransaction),
            Some(DEPOSIT) => Err(DropRule::Deposit),
            Some(SET_CODE) if !set_code => Err(DropRule::SetCodeBeforeIsthmus),
            Some(_) => Ok(()),
        })
    }

    /// Checks how far a block is ahead of its origin. `next` is the L1 block after the origin, if it is at hand.
    fn drift(
        &self,
        timestamp: u64,
        origin: &L1Ref,
        next: Option<&L1Ref>,
        advances: bool,
        is_empty: bool,
    ) -> Result<(), Validity> {
        let drift = self.config.sequencer_drift(origin.timestamp);
        if timestamp <= origin.timestamp.saturating_add(drift) {
            return Ok(());
        }
        if !is_empty {
            return Err(Validity::Drop(DropRule::DriftExceeded));
        }
        // An empty block is right where the next origin is younger than it, and always where it adopts one.
        match next {
            _ if advances => Ok(()),
            None => Err(Validity::Undecided),
            Some(next) if timestamp >= next.timestamp => {
                Err(Validity::Drop(DropRule::OriginNotAdopted))
            }
            Some(_) => Ok(()),
        }
    }

    /// Checks a singular batch.
    #[must_use]
    pub fn singular(&self, batch: &SingularBatch) -> Validity {
        self.check_singular(batch).map_or_else(|validity| validity, |()| Validity::Accept)
    }

    fn check_singular(&self, batch: &SingularBatch) -> Result<(), Validity> {
        use Validity::{Drop, Undecided};
        let epoch = self.l1_blocks.first().ok_or(Undecided)?;
        let next = self.next_timestamp();
        if batch.timestamp > next {
            return Err(self.ahead());
        }
        if batch.timestamp < next {
            return Err(self.behind());
        }
        // With the right time, it must build on the safe head.
        if !self.safe_head.may_be(batch.parent_hash.as_slice()) {
            return Err(Drop(DropRule::ParentMismatch));
        }
        if batch.epoch_number.wrapping_add(self.config.seq_window_size) < self.inclusion.number {
            return Err(Drop(DropRule::IncludedTooLate));
        }
        let advances = match batch.epoch_number.checked_sub(epoch.number) {
            None => return Err(Drop(DropRule::EpochTooOld)),
            Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(Drop(DropRule::EpochTooFar)),
        };
        // An eager batch that advances the epoch waits, or an eager and a patient node would differ.
        let origin = if advances { self.l1_blocks.get(1).ok_or(Undecided)? } else { epoch };
        if batch.epoch_hash != origin.hash {
            return Err(Drop(DropRule::EpochHashMismatch));
        }
        if batch.timestamp < origin.timestamp {
            return Err(Drop(DropRule::BeforeOrigin));
        }
        let is_empty = batch.transactions.is_empty();
        self.drift(batch.timestamp, origin, self.l1_blocks.get(1), advances, is_empty)?;
        let kinds = batch.transactions.iter().map(|tx| tx.first().copied());
        self.transactions(batch.timestamp, kinds).map_err(Drop)
    }

    /// Checks what Holocene checks of a span before its blocks are taken one by one. Returns its parent.
    ///
    /// # Errors
    ///
    /// The validity, if it is not to be accepted.
    pub fn span_prefix(&self, span: &SpanBatch, safe: &impl SafeChain) -> Result<L2Ref, Validity> {
        use Validity::{Drop, Undecided};
        let epoch = self.l1_blocks.first().ok_or(Undecided)?;
        let start_epoch = span.epoch(0);
        let advances = start_epoch == epoch.number.saturating_add(1);
        let origin = if advances { self.l1_blocks.get(1).ok_or(Undecided)? } else { epoch };
        if !self.config.is_active(Fork::Delta, origin.timestamp) {
            return Err(Drop(DropRule::SpanBeforeDelta));
        }
        let (start, next) = (span.timestamp(0, self.config), self.next_timestamp());
        if start > next {
            return Err(self.ahead());
        }
        if span.timestamp(span.block_count() - 1, self.config) < next {
            return Err(self.behind());
        }
        let parent =
            if start < next { self.overlapped_parent(start, safe)? } else { *self.safe_head };
        if !parent.may_be(&span.parent_check) {
            return Err(Drop(DropRule::ParentMismatch));
        }
        if start_epoch.wrapping_add(self.config.seq_window_size) < self.inclusion.number {
            return Err(Drop(DropRule::IncludedTooLate));
        }
        if start_epoch > parent.l1_origin.number.saturating_add(1) {
            return Err(Drop(DropRule::EpochTooFar));
        }
        let last = self.l1_blocks.iter().find(|block| block.number == span.last_epoch());
        if span.l1_origin_check[..] != last.ok_or(Undecided)?.hash[..20] {
            return Err(Drop(DropRule::EpochHashMismatch));
        }
        if start_epoch < parent.l1_origin.number {
            return Err(Drop(DropRule::EpochTooOld));
        }
        Ok(parent)
    }

    /// Returns the block before a span that begins at or before the safe head.
    fn overlapped_parent(&self, start: u64, safe: &impl SafeChain) -> Result<L2Ref, Validity> {
        let misaligned = Validity::Drop(DropRule::MisalignedTimestamp);
        let back = self.safe_head.timestamp.checked_sub(start).ok_or(misaligned)?;
        if back % self.config.block_time != 0 {
            return Err(misaligned);
        }
        let number = self
            .safe_head
            .number
            .checked_sub(back / self.config.block_time + 1)
            // Before the first block there is none to build on.
            .filter(|number| *number >= self.config.genesis.l2.number)
            .ok_or(Validity::Drop(DropRule::ParentMismatch))?;
        let block = safe.safe_block(number).ok_or(Validity::NeedL2 { number })?;
        Ok(block.block)
    }

    /// Checks a whole span, as before Holocene.
    #[must_use]
    pub fn span(&self, span: &SpanBatch, safe: &impl SafeChain) -> Validity {
        self.check_span(span, safe).map_or_else(|validity| validity, |()| Validity::Accept)
    }

    fn check_span(&self, span: &SpanBatch, safe: &impl SafeChain) -> Result<(), Validity> {
        let parent = self.span_prefix(span, safe)?;
        let mut at = 0;
        let mut before = parent.l1_origin.number;
        for index in 0..span.block_count() {
            let (timestamp, epoch) = (span.timestamp(index, self.config), span.epoch(index));
            let advances = epoch > before;
            before = epoch;
            if timestamp <= self.safe_head.timestamp {
                continue;
            }
            // The reference goes on with an origin of time zero where it finds none: no block passes its drift.
            let found = self.l1_blocks.iter().skip(at).position(|block| block.number == epoch);
            let origin = found.map(|skipped| {
                at += skipped;
                self.l1_blocks[at]
            });
            let origin = origin.unwrap_or_default();
            if timestamp < origin.timestamp {
                return Err(Validity::Drop(DropRule::BeforeOrigin));
            }
            let is_empty = span.block_tx_count(index) == 0;
            self.drift(timestamp, &origin, self.l1_blocks.get(at + 1), advances, is_empty)?;
            self.transactions(timestamp, span.tx_kinds(index).map(Some)).map_err(Validity::Drop)?;
        }
        self.check_overlap(span, &parent, safe)
    }

    /// Compares the blocks a span has in common with the safe chain.
    fn check_overlap(
        &self,
        span: &SpanBatch,
        parent: &L2Ref,
        safe: &impl SafeChain,
    ) -> Result<(), Validity> {
        for (index, number) in (parent.number + 1..=self.safe_head.number).enumerate() {
            let block = safe.safe_block(number).ok_or(Validity::NeedL2 { number })?;
            let is_deposit = |tx: &&Bytes| tx.first() == Some(&DEPOSIT);
            let deposits = block.transactions.iter().filter(is_deposit).count();
            // Deposits come first, so counting them tells where the others begin.
            if span.transactions(index, self.config) != block.transactions[deposits..] {
                return Err(Validity::Drop(DropRule::OverlapTransactions));
            }
            if block.block.l1_origin.number != span.epoch(index) {
                return Err(Validity::Drop(DropRule::OverlapOrigin));
            }
        }
        Ok(())
    }
}
