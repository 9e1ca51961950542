//! Which blocks are posted next, and when a channel is closed: decided without a clock or a network.
//!
//! ```text
//!   push(block) ──► open channel ──full, or old enough──► close(id) ──► Posting { pieces }
//!                        │                                                  │ pieces() ──► outbox
//!                        └── parent is another one: Gap                     └── safe head beyond it: forgotten
//! ```
//!
//! # Invariants
//!
//! - Blocks of a channel follow each other, and channels follow each other.
//! - A channel's content stays below what derivation inflates, and its frames below what one transaction carries.
//! - At most [`POSTED_MAX`] channels wait for the safe chain to have them; then no further one is closed.
//!
//! **Spec:** op-batcher's `channelManager`, `channelBuilder`; flags `max-channel-duration`, `max-l1-tx-size-bytes`, `approx-compr-ratio`.

use std::collections::VecDeque;

use alloy_primitives::{B256, Bytes};
use quintet_rollup_protocol::{
    batch::SingularBatch,
    config::{Fork, RollupConfig},
    encode::{ChannelBuilder, Compression, transaction_of},
    frame::ChannelId,
    refs::L2Ref,
};
use thiserror::Error;

/// Channels that are posted and that the safe chain does not have yet.
pub const POSTED_MAX: usize = 64;
/// Bytes of content behind which a channel is closed whatever it compresses to: a tenth of what derivation inflates before Fjord.
pub const CONTENT_MAX: usize = 1_000_000;
/// Bytes of calldata that stand around a frame.
const TRANSACTION_OVERHEAD: usize = 1;

/// When channels are closed, and how they are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelLimits {
    /// Most bytes of data of one transaction. Nodes of Ethereum take transactions up to 128 KiB.
    pub transaction_bytes: usize,
    /// Frames that a channel should fill.
    pub target_frames: usize,
    /// What content is thought to compress to, in thousandths of its length.
    pub compression_permille: u32,
    /// L1 blocks after which an open channel is closed however little it holds.
    pub duration: u64,
}

impl Default for ChannelLimits {
    fn default() -> Self {
        Self {
            transaction_bytes: 120_000,
            target_frames: 1,
            compression_permille: 600,
            duration: 0,
        }
    }
}

/// A block does not follow the one before it: the chain was reorganised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("block {number}: expected a child of {expected}, got one of {actual}")]
pub struct Gap {
    /// Number of the block that came.
    pub number: u64,
    /// Hash of the block before it as it was posted.
    pub expected: B256,
    /// Its parent.
    pub actual: B256,
}

/// A channel that is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Its last block.
    pub last: L2Ref,
    /// Data of transactions, a frame each, in their order.
    pub pieces: Vec<Bytes>,
}

#[derive(Debug)]
struct Open {
    batches: Vec<SingularBatch>,
    /// Bytes of the transactions.
    content: usize,
    first_of_epoch: bool,
    /// The L1 head when the first block came in.
    since: u64,
}

/// Blocks on their way into channels.
#[derive(Debug)]
pub struct Channels {
    limits: ChannelLimits,
    /// The last block that came in.
    tip: L2Ref,
    open: Option<Open>,
    /// Last blocks of channels that were closed.
    posted: VecDeque<L2Ref>,
}

impl Channels {
    /// Begins behind a block, which is safe.
    #[must_use]
    pub const fn new(limits: ChannelLimits, safe: L2Ref) -> Self {
        Self { limits, tip: safe, open: None, posted: VecDeque::new() }
    }

    /// Returns the last block that came in.
    #[must_use]
    pub const fn tip(&self) -> &L2Ref {
        &self.tip
    }

    /// Returns the last block of the oldest channel that the safe chain does not have.
    #[must_use]
    pub fn oldest(&self) -> Option<&L2Ref> {
        self.posted.front()
    }

    /// Returns whether another block should come in before the channel is closed.
    #[must_use]
    pub fn has_space(&self) -> bool {
        let content = self.open.as_ref().map_or(0, |open| open.content);
        let thousandths = u64::from(self.limits.compression_permille).max(1);
        let expected = (content as u64).saturating_mul(thousandths) / 1_000;
        let target = self.limits.transaction_bytes.saturating_mul(self.limits.target_frames);
        expected < target as u64 && content < CONTENT_MAX
    }

    /// Takes the next block.
    ///
    /// # Errors
    ///
    /// [`Gap`] if it does not follow the last one.
    pub fn push(&mut self, at: L2Ref, batch: SingularBatch, l1_head: u64) -> Result<(), Gap> {
        if at.parent_hash != self.tip.hash {
            let (expected, actual) = (self.tip.hash, at.parent_hash);
            return Err(Gap { number: at.number, expected, actual });
        }
        let open = self.open.get_or_insert_with(|| Open {
            batches: Vec::new(),
            content: 0,
            first_of_epoch: at.sequence_number == 0,
            since: l1_head,
        });
        // What a block costs beside its transactions is a few bytes in a span.
        open.content += batch.transactions.iter().map(|tx| tx.len()).sum::<usize>() + 4;
        open.batches.push(batch);
        self.tip = at;
        Ok(())
    }

    /// Returns whether the open channel is to be closed: it is full, or old enough.
    #[must_use]
    pub fn is_due(&self, l1_head: u64) -> bool {
        let Some(open) = &self.open else { return false };
        let old = l1_head >= open.since.saturating_add(self.limits.duration);
        (old || !self.has_space()) && self.posted.len() < POSTED_MAX
    }

    /// Closes the open channel under an id that must be used once.
    pub fn close(&mut self, id: ChannelId, config: &RollupConfig) -> Option<Posting> {
        let open = self.open.take()?;
        let time = open.batches.first().map(|batch| batch.timestamp).unwrap_or_default();
        let mut builder = ChannelBuilder::default();
        let spans = config.is_active(Fork::Delta, time);
        // Batches that make no span are posted one by one.
        if !spans || builder.push_span(&open.batches, open.first_of_epoch, config).is_err() {
            open.batches.iter().for_each(|batch| builder.push_singular(batch));
        }
        let fjord = config.is_active(Fork::Fjord, time);
        let compression = if fjord { Compression::Brotli } else { Compression::Zlib };
        let frame_max = self.limits.transaction_bytes.saturating_sub(TRANSACTION_OVERHEAD);
        let frames = builder.into_frames(id, compression, frame_max);
        let pieces =
            frames.iter().map(|frame| transaction_of(std::slice::from_ref(frame))).collect();
        self.posted.push_back(self.tip);
        Some(Posting { last: self.tip, pieces })
    }

    /// Takes note of the safe head: channels it is beyond are done.
    pub fn safe(&mut self, safe: &L2Ref) {
        while self.posted.front().is_some_and(|last| last.number <= safe.number) {
            self.posted.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> RollupConfig {
        crate::testing::config()
    }

    fn block(number: u64, bytes: usize) -> (L2Ref, SingularBatch) {
        let hash = |number| B256::from(alloy_primitives::U256::from(number + 1));
        let timestamp = config().genesis.l2_time + 2 * number;
        let parent_hash = hash(number - 1);
        let at = L2Ref { number, hash: hash(number), parent_hash, timestamp, ..L2Ref::default() };
        let raw: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
        // A transaction of no type that a span carries: such batches go one by one.
        let transactions = if bytes == 0 { Vec::new() } else { vec![raw.into()] };
        (at, SingularBatch { parent_hash, timestamp, transactions, ..SingularBatch::default() })
    }

    fn channels(limits: ChannelLimits) -> Channels {
        let (at, _) = block(1, 0);
        let genesis = L2Ref { hash: at.parent_hash, ..L2Ref::default() };
        Channels::new(limits, genesis)
    }

    #[test]
    fn a_channel_is_closed_when_it_is_full_and_cut_into_transactions() {
        let limits = ChannelLimits {
            transaction_bytes: 100,
            target_frames: 2,
            compression_permille: 1_000,
            duration: 1_000,
        };
        let mut channels = channels(limits);
        assert!(!channels.is_due(5_000), "there is nothing in it");
        for number in 1..=2 {
            let (at, batch) = block(number, 96);
            assert!(channels.has_space());
            channels.push(at, batch, 7).unwrap();
        }
        assert!(!channels.has_space() && channels.is_due(7));
        let posting = channels.close(ChannelId([1; 16]), &config()).unwrap();
        assert_eq!(posting.last.number, 2);
        assert!(posting.pieces.len() > 1);
        assert!(posting.pieces.iter().all(|piece| piece.len() <= 100));
    }

    #[test]
    fn a_channel_is_closed_when_l1_has_gone_on_long_enough() {
        let mut channels = channels(ChannelLimits { duration: 3, ..ChannelLimits::default() });
        let (at, batch) = block(1, 0);
        channels.push(at, batch, 10).unwrap();
        assert!(!channels.is_due(12));
        assert!(channels.is_due(13));
        assert!(channels.close(ChannelId::default(), &config()).is_some());
        assert!(!channels.is_due(1_000), "the next one is not begun");
    }

    #[test]
    fn a_block_on_another_parent_is_a_gap() {
        let mut channels = channels(ChannelLimits::default());
        let (at, batch) = block(2, 0);
        assert!(matches!(channels.push(at, batch, 1), Err(Gap { number: 2, .. })));
    }

    #[test]
    fn channels_are_done_when_the_safe_chain_has_them_and_only_so_many_wait() {
        let mut channels = channels(ChannelLimits::default());
        for number in 1..=POSTED_MAX as u64 {
            let (at, batch) = block(number, 0);
            channels.push(at, batch, 1).unwrap();
            assert!(channels.is_due(1));
            channels.close(ChannelId::default(), &config()).unwrap();
        }
        let (at, batch) = block(POSTED_MAX as u64 + 1, 0);
        channels.push(at, batch, 1).unwrap();
        assert!(!channels.is_due(1), "too many wait");
        channels.safe(&block(1, 0).0);
        assert_eq!(channels.oldest().map(|last| last.number), Some(2));
        assert!(channels.is_due(1));
    }
}
