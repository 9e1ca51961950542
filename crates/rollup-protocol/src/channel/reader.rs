//! The reader: an inflated channel as batches, one after the other.
//!
//! **Spec:** `protocol/derivation.md`, "Channel Reader (Batch Decoding)"; op-node's `BatchReader` and `ChannelInReader`.

use alloy_primitives::Bytes;

use super::inflate::{InflateError, inflate};
use crate::{
    batch::{Batch, BatchError},
    config::{Fork, RollupConfig},
    rlp::Header,
};

/// What reading a channel's next batch gives.
#[derive(Debug)]
pub enum ReadBatch {
    /// A batch.
    Batch(Batch),
    /// One that is malformed in what only building its blocks shows; the channel goes on behind it.
    Skipped(BatchError),
    /// One that is malformed: the channel ends here.
    Broken(BatchError),
    /// The channel is read to its end.
    End,
}

/// Inflates a channel included in an L1 block of `l1_time`, within the limits of that time.
///
/// # Errors
///
/// [`InflateError`] if it cannot be: the channel is dropped.
pub fn inflate_at(
    pieces: &[Bytes],
    config: &RollupConfig,
    l1_time: u64,
) -> Result<Bytes, InflateError> {
    inflate(pieces, config.channel_rlp_max(l1_time), config.is_active(Fork::Fjord, l1_time))
}

/// An inflated channel.
#[derive(Debug)]
pub struct ChannelReader {
    data: Bytes,
    at: usize,
    span_batches: bool,
}

impl ChannelReader {
    /// Inflates a channel included in an L1 block of `l1_time`.
    ///
    /// # Errors
    ///
    /// [`InflateError`] if it cannot be: the channel is dropped.
    pub fn open(
        pieces: &[Bytes],
        config: &RollupConfig,
        l1_time: u64,
    ) -> Result<Self, InflateError> {
        Ok(Self::new(inflate_at(pieces, config, l1_time)?, config, l1_time))
    }

    /// Reads a channel that [`inflate_at`] gave for the same time.
    #[must_use]
    pub fn new(data: Bytes, config: &RollupConfig, l1_time: u64) -> Self {
        Self { data, at: 0, span_batches: config.is_active(Fork::Delta, l1_time) }
    }

    /// Reads the next batch.
    ///
    /// op-node distinguishes two ways in which a batch is malformed. What its decoder refuses makes it go on with the next
    /// *channel*. What it finds only while building the span's transactions, and a span batch before Delta, makes it go on with
    /// the next *batch*.
    pub fn next_batch(&mut self) -> ReadBatch {
        let rest = &self.data[self.at..];
        if rest.is_empty() {
            return ReadBatch::End;
        }
        let header = match Header::read(rest) {
            Ok(header) if !header.list => header,
            Ok(_) => return self.broken(BatchError::NotAString),
            Err(error) => return self.broken(error.into()),
        };
        let begin = self.at + header.header;
        self.at += header.len();
        match Batch::decode(&self.data.slice(begin..self.at)) {
            Ok(Batch::Span(_)) if !self.span_batches => {
                ReadBatch::Skipped(BatchError::SpanBeforeDelta)
            }
            Ok(batch) => ReadBatch::Batch(batch),
            Err(error) if error.is_late() => ReadBatch::Skipped(error),
            Err(error) => self.broken(error),
        }
    }

    fn broken(&mut self, error: BatchError) -> ReadBatch {
        self.at = self.data.len();
        ReadBatch::Broken(error)
    }
}
