//! The way back: blocks into batches, batches into channels, channels into frames. What a batcher does, and tests.
//!
//! ```text
//!   SingularBatch ──► ChannelBuilder (singular or span) ──► compress (zlib, brotli) ──► frames ──► calldata or blobs
//! ```
//!
//! **Spec:** `protocol/batcher.md`, `protocol/derivation.md`, "Channel Format".

use std::io::Write;

use alloy_primitives::Bytes;
use alloy_rlp::Encodable;
use brotli::enc::BrotliEncoderParams;
use libdeflater::{CompressionLvl, Compressor};

use crate::{
    batch::{
        SingularBatch,
        span::{SpanBuilder, SpanError},
    },
    channel::inflate::CHANNEL_VERSION_BROTLI,
    config::RollupConfig,
    frame::{ChannelId, DERIVATION_VERSION_0, FRAME_DATA_MAX, FRAME_OVERHEAD, Frame},
};

/// How a channel is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// zlib, at any time.
    Zlib,
    /// brotli behind a version byte, from Fjord.
    Brotli,
}

/// Effort of brotli, from 0 to 11: what op-batcher uses.
const BROTLI_QUALITY: i32 = 10;
/// Smallest and largest window of brotli, as powers of two.
const BROTLI_WINDOW: (u32, u32) = (10, 22);

/// Compresses the content of a channel.
#[must_use]
pub fn compress(content: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::Zlib => {
            let mut compressor = Compressor::new(CompressionLvl::best());
            let mut out = vec![0; compressor.zlib_compress_bound(content.len())];
            // The bound is libdeflate's own: there is always space.
            let length = compressor.zlib_compress(content, &mut out).unwrap_or_default();
            out.truncate(length);
            out
        }
        Compression::Brotli => {
            let params = BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: brotli_window(content.len()),
                ..BrotliEncoderParams::default()
            };
            let mut out = vec![CHANNEL_VERSION_BROTLI];
            let mut writer = brotli::CompressorWriter::with_params(&mut out, 1 << 16, &params);
            // Writing into memory does not fail.
            let _written = writer.write_all(content);
            drop(writer);
            out
        }
    }
}

/// Returns the window that reaches back over all of a content: the encoder takes memory for its window, which a larger one would waste.
fn brotli_window(length: usize) -> i32 {
    // Brotli keeps 16 bytes of its window for itself.
    let bits = usize::BITS - (length + 16).leading_zeros();
    let (least, most) = BROTLI_WINDOW;
    bits.clamp(least, most).cast_signed()
}

/// Collects blocks into the content of a channel.
#[derive(Debug, Default)]
pub struct ChannelBuilder {
    content: Vec<u8>,
}

impl ChannelBuilder {
    /// Adds a block as a singular batch.
    pub fn push_singular(&mut self, batch: &SingularBatch) {
        let mut bytes = Vec::new();
        batch.encode(&mut bytes);
        self.push_raw(&bytes);
    }

    /// Adds blocks as one span batch. `first_of_epoch`: whether the first block begins its epoch.
    ///
    /// # Errors
    ///
    /// [`SpanError`] if the blocks make no span.
    pub fn push_span(
        &mut self,
        blocks: &[SingularBatch],
        first_of_epoch: bool,
        config: &RollupConfig,
    ) -> Result<(), SpanError> {
        let mut span = SpanBuilder::default();
        blocks.iter().try_for_each(|block| span.push(block, first_of_epoch, config))?;
        let mut bytes = Vec::new();
        span.encode(&mut bytes)?;
        self.push_raw(&bytes);
        Ok(())
    }

    /// Adds a batch that is already encoded, or anything else.
    pub fn push_raw(&mut self, batch: &[u8]) {
        batch.encode(&mut self.content);
    }

    /// Returns the content so far, not compressed.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Compresses the content and cuts it into frames of at most `frame_max` bytes, header included.
    #[must_use]
    pub fn into_frames(
        &self,
        id: ChannelId,
        compression: Compression,
        frame_max: usize,
    ) -> Vec<Frame> {
        frames_of(compress(&self.content, compression).into(), id, frame_max)
    }
}

/// Cuts a compressed channel into frames of at most `frame_max` bytes, header included. A channel has at most 65,536 frames:
/// what lies behind them is left out, and the last frame then is not marked as such.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "a channel is given away to its frames")]
pub fn frames_of(channel: Bytes, id: ChannelId, frame_max: usize) -> Vec<Frame> {
    let step = frame_max.saturating_sub(FRAME_OVERHEAD).clamp(1, FRAME_DATA_MAX);
    (0..=u16::MAX)
        .map_while(|number| {
            let begin = usize::from(number) * step;
            let end = (begin + step).min(channel.len());
            (begin < channel.len() || number == 0).then(|| Frame {
                id,
                number,
                data: channel.slice(begin.min(end)..end),
                is_last: end == channel.len(),
            })
        })
        .collect()
}

/// Returns the data of a batcher transaction that carries these frames.
#[must_use]
pub fn transaction_of(frames: &[Frame]) -> Bytes {
    let length: usize = frames.iter().map(|frame| FRAME_OVERHEAD + frame.data.len()).sum();
    let mut out = Vec::with_capacity(1 + length);
    out.push(DERIVATION_VERSION_0);
    frames.iter().for_each(|frame| frame.encode(&mut out));
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::Batch,
        channel::{ChannelReader, ReadBatch},
        config::Fork,
        testing::{blocks, config_at},
    };

    #[test]
    fn a_window_reaches_back_over_all_of_a_content_and_no_further() {
        for (length, bits) in
            [(0, 10), (1_007, 10), (1_008, 11), (100_000, 17), (4_194_287, 22), (9_000_000, 22)]
        {
            assert_eq!(brotli_window(length), bits, "{length}");
        }
    }

    #[test]
    fn blocks_come_back_from_either_format_and_compression() {
        let config = config_at(Fork::Isthmus);
        let blocks = blocks(&config, 20);
        for (span, compression) in [
            (false, Compression::Zlib),
            (false, Compression::Brotli),
            (true, Compression::Zlib),
            (true, Compression::Brotli),
        ] {
            let mut builder = ChannelBuilder::default();
            if span {
                builder.push_span(&blocks, true, &config).unwrap();
            } else {
                blocks.iter().for_each(|block| builder.push_singular(block));
            }
            let frames = builder.into_frames(ChannelId::default(), compression, 200);
            assert!(frames.len() > 1 && frames.last().is_some_and(|frame| frame.is_last));
            let pieces: Vec<_> = frames.into_iter().map(|frame| frame.data).collect();
            let mut reader = ChannelReader::open(&pieces, &config, 1_000).unwrap();
            let mut read = Vec::new();
            while let ReadBatch::Batch(batch) = reader.next_batch() {
                match batch {
                    Batch::Singular(batch) => read.push(batch.transactions),
                    Batch::Span(span) => {
                        assert_eq!(span.last_epoch(), blocks[19].epoch_number);
                        for (index, block) in blocks.iter().enumerate() {
                            assert_eq!(span.timestamp(index, &config), block.timestamp);
                            assert_eq!(span.epoch(index), block.epoch_number);
                            read.push(span.transactions(index, &config));
                        }
                    }
                }
            }
            let expected: Vec<_> = blocks.iter().map(|block| block.transactions.clone()).collect();
            assert_eq!(read, expected, "{span} {compression:?}");
        }
    }

    #[test]
    fn an_empty_channel_is_one_last_frame() {
        let frames = frames_of(Bytes::new(), ChannelId::default(), 100);
        assert_eq!((frames.len(), frames[0].is_last, frames[0].data.len()), (1, true, 0));
    }
}
