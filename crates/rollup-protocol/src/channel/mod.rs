//! Channels: frames put together, inflated, and read as batches.
//!
//! ```text
//!                 ┌─ ChannelBank (to Granite): many channels, frames in any order, first in first out ─┐
//!   frames ──────►│                                                                                    ├──► pieces in order
//!                 └─ ChannelAssembler (from Holocene): one channel, frames in order ───────────────────┘          │
//!                                                                                                                 ▼
//!   batches ◄──── ChannelReader ◄──── RLP strings, cut off at the cap ◄──── inflate (zlib, brotli) ◄──────────────┘
//! ```
//!
//! **Spec:** `protocol/derivation.md`, "Channel Bank" and "Channel Reader (Batch Decoding)"; `holocene/derivation.md`.

mod assembler;
mod bank;
mod brotli;
mod deflate;
pub mod inflate;
mod reader;
mod torn;

use std::collections::BTreeMap;

use alloy_primitives::Bytes;
use thiserror::Error;

pub use self::{
    assembler::ChannelAssembler,
    bank::ChannelBank,
    reader::{ChannelReader, ReadBatch, inflate_at},
};
use crate::frame::{ChannelId, Frame};

/// The limits of channels at the time of an L1 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelLimits {
    /// Number of the L1 block.
    pub l1_number: u64,
    /// L1 blocks a channel stays open.
    pub timeout: u64,
    /// Most bytes of the bank.
    pub bank_max: u64,
    /// Most bytes of a channel, for the assembler.
    pub channel_max: u64,
    /// Whether channels behind the first are read when they are ready (from Canyon).
    pub out_of_order: bool,
}

impl ChannelLimits {
    /// Returns whether a channel opened at an L1 block is over.
    const fn is_timed_out(&self, opened: u64) -> bool {
        opened.saturating_add(self.timeout) < self.l1_number
    }
}

/// Why a channel does not take a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IngestError {
    /// The channel was opened too long ago.
    #[error("frame {number} of channel {id}: expected it before the channel timed out")]
    TimedOut {
        /// The channel.
        id: ChannelId,
        /// The frame.
        number: u16,
    },
    /// The frame is of another channel than the one that is open.
    #[error("frame {number} of channel {id}: expected one of the channel that is open")]
    OtherChannel {
        /// The frame's channel.
        id: ChannelId,
        /// The frame.
        number: u16,
    },
    /// The channel has this frame.
    #[error("frame {number} of channel {id}: expected each frame once")]
    Duplicate {
        /// The channel.
        id: ChannelId,
        /// The frame.
        number: u16,
    },
    /// The channel's last frame is known, and this one would stand behind it or be another last.
    #[error("frame {number} of channel {id}: expected none behind the last frame, {last}")]
    BehindLast {
        /// The channel.
        id: ChannelId,
        /// The frame.
        number: u16,
        /// The last frame.
        last: u16,
    },
    /// From Holocene: not the frame that comes next.
    #[error("frame {number} of channel {id}: expected frame {expected}")]
    OutOfOrder {
        /// The channel.
        id: ChannelId,
        /// The frame.
        number: u16,
        /// The one that comes next.
        expected: usize,
    },
    /// From Holocene: the channel has grown too large, and is dropped.
    #[error("channel {id}: expected at most {expected} bytes, got {actual}")]
    TooLarge {
        /// The channel.
        id: ChannelId,
        /// Most bytes of a channel.
        expected: u64,
        /// Bytes it has.
        actual: u64,
    },
}

/// A channel that is being put together.
#[derive(Debug)]
struct Channel {
    id: ChannelId,
    /// Number of the L1 block with its first frame.
    opened: u64,
    frames: BTreeMap<u16, Bytes>,
    /// Number of the last frame, once it is known.
    last: Option<u16>,
    highest: u16,
    /// What it weighs in the bank, in bytes.
    weight: u64,
}

impl Channel {
    const fn new(id: ChannelId, opened: u64) -> Self {
        Self { id, opened, frames: BTreeMap::new(), last: None, highest: 0, weight: 0 }
    }

    /// Adds a frame; `in_order` from Holocene.
    ///
    /// A last frame throws out what stands behind it. The reference then subtracts the weight of *every* frame the
    /// channel holds and not of those thrown out alone, so what remains weighs nothing from then on. The bank's size decides which
    /// channels are pruned, so this is consensus.
    ///
    /// **Spec:** op-node's `Channel.AddFrame`.
    fn add(&mut self, frame: Frame, in_order: bool) -> Result<(), IngestError> {
        let weight = frame.weight();
        let Frame { id, number, data, is_last } = frame;
        if id != self.id {
            return Err(IngestError::OtherChannel { id, number });
        }
        if let (true, Some(last)) = (is_last, self.last) {
            return Err(IngestError::BehindLast { id, number, last });
        }
        if self.frames.contains_key(&number) {
            return Err(IngestError::Duplicate { id, number });
        }
        if let Some(last) = self.last.filter(|last| number >= *last) {
            return Err(IngestError::BehindLast { id, number, last });
        }
        if in_order && usize::from(number) != self.frames.len() {
            return Err(IngestError::OutOfOrder { id, number, expected: self.frames.len() });
        }
        if is_last {
            self.last = Some(number);
            if number < self.highest {
                self.frames.retain(|index, _| *index < number);
                self.weight = 0;
                self.highest = number;
            }
        }
        self.highest = self.highest.max(number);
        self.frames.insert(number, data);
        self.weight = self.weight.saturating_add(weight);
        Ok(())
    }

    /// Returns whether every frame up to the last is there. Numbers are unique and none is behind the last.
    fn is_ready(&self) -> bool {
        self.last.is_some_and(|last| self.frames.len() == usize::from(last) + 1)
    }

    /// Returns the channel's pieces in order.
    fn into_pieces(self) -> Vec<Bytes> {
        self.frames.into_values().collect()
    }
}
