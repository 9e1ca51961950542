//! The lower half: an L1 block's inbox, through frames and channels, to batches.

use std::collections::VecDeque;

use alloy_primitives::{Address, B256, Bytes};

use super::{DerivationError, Stats};
use crate::{
    batch::Batch,
    channel::{ChannelAssembler, ChannelBank, ChannelLimits, ChannelReader, ReadBatch, inflate_at},
    config::{Fork, RollupConfig},
    frame::{DERIVATION_VERSION_1, Frame, FrameQueue, parse_frames},
    inbox::{InboxPayload, blob},
    refs::L1Ref,
    view::{L1View, Need},
};

/// Why there is no batch yet.
#[derive(Debug)]
pub(super) enum Blocked {
    /// Something of L1 is missing.
    Need(Need),
    /// Derivation cannot go on.
    Error(DerivationError),
}

/// A piece of the inbox.
#[derive(Debug)]
enum Datum {
    Calldata(Bytes),
    Blob(B256),
}

/// Channels as the fork of the L1 block has them.
#[derive(Debug)]
enum Channels {
    Bank(ChannelBank),
    Assembler(ChannelAssembler),
}

/// From the inbox to batches.
#[derive(Debug)]
pub(super) struct Source {
    origin: L1Ref,
    /// `None` until the inbox of the L1 block has been read.
    data: Option<VecDeque<Datum>>,
    frames: FrameQueue,
    channels: Channels,
    reader: Option<ChannelReader>,
}

impl Source {
    /// Starts at an L1 block with nothing.
    pub(super) fn new(config: &RollupConfig, origin: L1Ref) -> Self {
        let channels = if config.is_active(Fork::Holocene, origin.timestamp) {
            Channels::Assembler(ChannelAssembler::default())
        } else {
            Channels::Bank(ChannelBank::default())
        };
        Self { origin, data: None, frames: FrameQueue::default(), channels, reader: None }
    }

    /// Goes on to the next L1 block. The first one of Holocene finds nothing of what was before it.
    pub(super) fn advance(&mut self, config: &RollupConfig, origin: L1Ref) {
        let holocene = config.is_active(Fork::Holocene, origin.timestamp);
        if holocene && matches!(self.channels, Channels::Bank(_)) {
            *self = Self::new(config, origin);
        }
        self.origin = origin;
        self.data = None;
    }

    /// Drops the rest of the channel that is being read.
    pub(super) fn flush(&mut self) {
        self.reader = None;
    }

    /// Reads the next batch; `None` if the L1 block holds no more.
    pub(super) fn next_batch(
        &mut self,
        config: &RollupConfig,
        batcher: Address,
        l1: &impl L1View,
        stats: &mut Stats,
    ) -> Result<Option<Batch>, Blocked> {
        loop {
            if let Some(reader) = &mut self.reader {
                match reader.next_batch() {
                    ReadBatch::Batch(batch) => {
                        stats.batches += 1;
                        return Ok(Some(batch));
                    }
                    ReadBatch::Skipped(_) => stats.skipped_batches += 1,
                    ReadBatch::Broken(_) => {
                        stats.malformed_batches += 1;
                        self.reader = None;
                    }
                    ReadBatch::End => self.reader = None,
                }
                continue;
            }
            let Some(pieces) = self.next_channel(config, batcher, l1, stats)? else {
                return Ok(None);
            };
            stats.channels += 1;
            let time = self.origin.timestamp;
            let inflated = l1
                .inflated(&self.origin, &pieces)
                .unwrap_or_else(|| inflate_at(&pieces, config, time));
            match inflated {
                Ok(data) => self.reader = Some(ChannelReader::new(data, config, time)),
                Err(_) => stats.malformed_channels += 1,
            }
        }
    }

    fn limits(&self, config: &RollupConfig) -> ChannelLimits {
        let time = self.origin.timestamp;
        ChannelLimits {
            l1_number: self.origin.number,
            timeout: config.channel_timeout(time),
            bank_max: config.channel_bank_max(time),
            channel_max: config.channel_rlp_max(time) as u64,
            out_of_order: config.is_active(Fork::Canyon, time),
        }
    }

    /// Returns the pieces of the next complete channel.
    pub(super) fn next_channel(
        &mut self,
        config: &RollupConfig,
        batcher: Address,
        l1: &impl L1View,
        stats: &mut Stats,
    ) -> Result<Option<Vec<Bytes>>, Blocked> {
        let limits = self.limits(config);
        loop {
            match &mut self.channels {
                Channels::Bank(bank) => {
                    if let Some(pieces) = bank.read(&limits) {
                        return Ok(Some(pieces));
                    }
                }
                Channels::Assembler(assembler) => assembler.expire(&limits),
            }
            let Some(frame) = self.next_frame(config, batcher, l1, stats)? else { return Ok(None) };
            let ingested = match &mut self.channels {
                Channels::Bank(bank) => bank.ingest(frame, &limits).map(|()| None),
                Channels::Assembler(assembler) => assembler.ingest(frame, &limits),
            };
            match ingested {
                Ok(Some(pieces)) => return Ok(Some(pieces)),
                Ok(None) => {}
                Err(_) => stats.dropped_frames += 1,
            }
        }
    }

    /// Returns the next frame.
    fn next_frame(
        &mut self,
        config: &RollupConfig,
        batcher: Address,
        l1: &impl L1View,
        stats: &mut Stats,
    ) -> Result<Option<Frame>, Blocked> {
        loop {
            if let Some(frame) = self.frames.pop() {
                stats.frames += 1;
                return Ok(Some(frame));
            }
            let Some(data) = self.next_data(config, batcher, l1, stats)? else { return Ok(None) };
            if config.alt_da.is_some() && data.first() == Some(&DERIVATION_VERSION_1) {
                return Err(Blocked::Error(DerivationError::AltDa { block: self.origin.id() }));
            }
            match parse_frames(&data) {
                Ok(frames) => {
                    let strict = config.is_active(Fork::Holocene, self.origin.timestamp);
                    self.frames.fill(frames, strict);
                }
                Err(_) => stats.malformed_transactions += 1,
            }
        }
    }

    /// Returns the data of the next batcher transaction or blob.
    fn next_data(
        &mut self,
        config: &RollupConfig,
        batcher: Address,
        l1: &impl L1View,
        stats: &mut Stats,
    ) -> Result<Option<Bytes>, Blocked> {
        let origin = self.origin;
        if self.data.is_none() {
            let inbox = l1.inbox(&origin).ok_or(Blocked::Need(Need::Inbox(origin)))?;
            let blobs = config.is_active(Fork::Ecotone, origin.timestamp);
            let mut data = VecDeque::new();
            for tx in inbox.iter().filter(|tx| tx.sender == batcher) {
                match &tx.payload {
                    InboxPayload::Blobs { hashes, .. } if blobs => {
                        data.extend(hashes.iter().copied().map(Datum::Blob));
                    }
                    InboxPayload::Calldata(calldata) | InboxPayload::Blobs { calldata, .. } => {
                        data.push_back(Datum::Calldata(calldata.clone()));
                    }
                }
            }
            self.data = Some(data);
        }
        let data = self.data.get_or_insert_default();
        loop {
            let hash = match data.front() {
                None => return Ok(None),
                Some(Datum::Blob(hash)) => *hash,
                Some(Datum::Calldata(calldata)) => {
                    let calldata = calldata.clone();
                    data.pop_front();
                    stats.transactions += 1;
                    return Ok(Some(calldata));
                }
            };
            let Some(content) = l1.blob(&origin, &hash) else {
                let missing = |datum: &Datum| match datum {
                    Datum::Blob(hash) if l1.blob(&origin, hash).is_none() => Some(*hash),
                    Datum::Blob(_) | Datum::Calldata(_) => None,
                };
                let hashes = data.iter().filter_map(missing).collect();
                return Err(Blocked::Need(Need::Blobs { block: origin, hashes }));
            };
            data.pop_front();
            stats.blobs += 1;
            match blob::decode(content) {
                Ok(content) => return Ok(Some(content)),
                Err(_) => stats.malformed_transactions += 1,
            }
        }
    }
}
