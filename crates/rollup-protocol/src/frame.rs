//! Frames: pieces of channels, as batcher transactions carry them; and the queue that keeps their order.
//!
//! ```text
//!   batcher transaction  version 0 · frame · frame · …
//!   frame                channel id (16) · number (2) · length (4) · data · is_last (1)
//! ```
//!
//! # Invariants
//!
//! - Data is a slice of the transaction, never a copy.
//! - One malformed frame rejects all frames of its transaction.
//! - The queue holds at most the frames of one transaction: it is filled only when empty.
//!
//! **Spec:** `protocol/derivation.md`, "Frame Format"; `holocene/derivation.md`, "Frame Queue".

use std::{collections::VecDeque, fmt};

use alloy_primitives::{Bytes, hex};
use thiserror::Error;

/// Bytes of a frame beside its data.
pub const FRAME_OVERHEAD: usize = 23;
/// Most bytes of data in a frame.
pub const FRAME_DATA_MAX: usize = 1_000_000;
/// What a frame weighs in a channel beside its data, in bytes.
pub const FRAME_WEIGHT: u64 = 200;
/// Version of batcher transactions that carry frames.
pub const DERIVATION_VERSION_0: u8 = 0;
/// Version of batcher transactions that carry a commitment to data elsewhere.
pub const DERIVATION_VERSION_1: u8 = 1;

/// A channel's name, chosen at random by its batcher.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChannelId(pub [u8; 16]);

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A piece of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its channel.
    pub id: ChannelId,
    /// Its place in the channel, from zero.
    pub number: u16,
    /// Its share of the channel.
    pub data: Bytes,
    /// Whether the channel ends with it.
    pub is_last: bool,
}

/// Why a batcher transaction holds no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// There is nothing, or nothing after the version.
    #[error("batcher transaction: expected a version and at least one frame, got {actual} bytes")]
    Empty {
        /// How many bytes there are.
        actual: usize,
    },
    /// Not the version that carries frames.
    #[error("batcher transaction: expected version 0, got {actual}")]
    Version {
        /// The version.
        actual: u8,
    },
    /// The transaction ends within a frame.
    #[error("frame {index}: expected {expected} bytes, got {actual}")]
    Short {
        /// Which frame.
        index: usize,
        /// Bytes it has.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// More data than a frame may have.
    #[error("frame {index}: expected at most {FRAME_DATA_MAX} bytes of data, got {actual}")]
    TooLong {
        /// Which frame.
        index: usize,
        /// Bytes of data it says it has.
        actual: usize,
    },
    /// `is_last` is neither zero nor one.
    #[error("frame {index}: expected 0 or 1 as `is_last`, got {actual}")]
    IsLast {
        /// Which frame.
        index: usize,
        /// What it is.
        actual: u8,
    },
}

impl Frame {
    /// Returns what the frame weighs in its channel, in bytes.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.data.len() as u64 + FRAME_WEIGHT
    }

    /// Appends the frame's encoding. Data is not checked against [`FRAME_DATA_MAX`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&self.number.to_be_bytes());
        let length = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.data);
        out.push(u8::from(self.is_last));
    }
}

/// Reads all frames of a batcher transaction's data.
///
/// # Errors
///
/// [`FrameError`] if the version is not 0, a frame is malformed, or there is none.
///
/// **Spec:** op-node's `ParseFrames`.
pub fn parse_frames(data: &Bytes) -> Result<Vec<Frame>, FrameError> {
    match data.first() {
        None => return Err(FrameError::Empty { actual: 0 }),
        Some(&DERIVATION_VERSION_0) if data.len() > 1 => {}
        Some(&DERIVATION_VERSION_0) => return Err(FrameError::Empty { actual: 1 }),
        Some(&actual) => return Err(FrameError::Version { actual }),
    }
    let mut frames = Vec::new();
    let mut at = 1;
    while at < data.len() {
        let frame = parse_frame(data, at, frames.len())?;
        at += FRAME_OVERHEAD + frame.data.len();
        frames.push(frame);
    }
    Ok(frames)
}

/// Reads the frame at `at`.
fn parse_frame(data: &Bytes, at: usize, index: usize) -> Result<Frame, FrameError> {
    let bytes = &data[at..];
    let short = |expected| FrameError::Short { index, expected, actual: bytes.len() };
    let Some((id, [n0, n1, l0, l1, l2, l3])) = bytes
        .first_chunk::<22>()
        .and_then(|head| Some((head.first_chunk::<16>()?, head.last_chunk::<6>()?)))
    else {
        return Err(short(FRAME_OVERHEAD));
    };
    let length = usize::try_from(u32::from_be_bytes([*l0, *l1, *l2, *l3])).unwrap_or(usize::MAX);
    if length > FRAME_DATA_MAX {
        return Err(FrameError::TooLong { index, actual: length });
    }
    let is_last = match bytes.get(22 + length) {
        Some(0) => false,
        Some(1) => true,
        Some(&actual) => return Err(FrameError::IsLast { index, actual }),
        None => return Err(short(FRAME_OVERHEAD + length)),
    };
    let number = u16::from_be_bytes([*n0, *n1]);
    let data = data.slice(at + 22..at + 22 + length);
    Ok(Frame { id: ChannelId(*id), number, data, is_last })
}

/// Frames that wait for the channel stage.
#[derive(Debug, Default)]
pub struct FrameQueue {
    frames: VecDeque<Frame>,
}

impl FrameQueue {
    /// Returns whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Takes in a transaction's frames; `strict` from Holocene, by the time of the L1 block.
    pub fn fill(&mut self, frames: Vec<Frame>, strict: bool) {
        if strict {
            frames.into_iter().for_each(|frame| self.push_strict(frame));
        } else {
            self.frames.extend(frames);
        }
    }

    /// Takes the next frame.
    pub fn pop(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.frames.clear();
    }

    /// Adds a frame if it follows what is there, and drops the frames of a channel that another one interrupts.
    fn push_strict(&mut self, next: Frame) {
        while let Some(last) = self.frames.back() {
            if last.id == next.id {
                // Numbers wrap: the reference adds in sixteen bits.
                if last.is_last || next.number != last.number.wrapping_add(1) {
                    return;
                }
                break;
            }
            if next.number != 0 {
                return;
            }
            if last.is_last {
                break;
            }
            self.frames.pop_back();
        }
        self.frames.push_back(next);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(channel: u8, number: u16, is_last: bool) -> Frame {
        Frame { id: ChannelId([channel; 16]), number, data: vec![channel; 3].into(), is_last }
    }

    fn encode(frames: &[Frame]) -> Bytes {
        let mut out = vec![DERIVATION_VERSION_0];
        frames.iter().for_each(|frame| frame.encode(&mut out));
        out.into()
    }

    fn pruned(frames: Vec<Frame>) -> Vec<(u8, u16)> {
        let mut queue = FrameQueue::default();
        queue.fill(frames, true);
        std::iter::from_fn(|| queue.pop()).map(|frame| (frame.id.0[0], frame.number)).collect()
    }

    #[test]
    fn frames_are_read_back_without_a_copy() {
        let frames = vec![frame(1, 0, false), frame(1, 1, true), frame(2, 0, true)];
        let data = encode(&frames);
        let read = parse_frames(&data).unwrap();
        assert_eq!(read, frames);
        assert!(data.as_ptr_range().contains(&read[1].data.as_ptr()));
    }

    #[test]
    fn one_bad_frame_rejects_all() {
        let data = encode(&[frame(1, 0, false), frame(1, 1, true)]);
        for end in 0..data.len() - 1 {
            // Cut where a frame ends, the rest is whole.
            let whole = end == 1 + FRAME_OVERHEAD + 3;
            assert_eq!(parse_frames(&data.slice(..end)).is_ok(), whole, "{end}");
        }
        let mut bytes = data.to_vec();
        *bytes.last_mut().unwrap() = 2;
        assert_eq!(parse_frames(&bytes.into()), Err(FrameError::IsLast { index: 1, actual: 2 }));
    }

    #[test]
    fn refuses_other_versions_and_lengths_beyond_the_bound() {
        assert_eq!(parse_frames(&Bytes::new()), Err(FrameError::Empty { actual: 0 }));
        assert_eq!(parse_frames(&vec![0].into()), Err(FrameError::Empty { actual: 1 }));
        assert_eq!(parse_frames(&vec![1, 0].into()), Err(FrameError::Version { actual: 1 }));
        let mut long = vec![0; 24];
        long[19..23].copy_from_slice(&1_000_001_u32.to_be_bytes());
        assert_eq!(
            parse_frames(&long.into()),
            Err(FrameError::TooLong { index: 0, actual: 1_000_001 })
        );
    }

    #[test]
    fn a_first_frame_drops_the_unfinished_channel_before_it() {
        let frames =
            vec![frame(1, 0, false), frame(1, 1, false), frame(2, 0, true), frame(1, 2, true)];
        assert_eq!(pruned(frames), [(2, 0)]);
    }

    #[test]
    fn frames_out_of_order_are_dropped_alone() {
        let frames = vec![
            frame(1, 0, false),
            frame(1, 2, false),
            frame(1, 1, true),
            frame(1, 2, false),
            frame(2, 0, true),
        ];
        assert_eq!(pruned(frames), [(1, 0), (1, 1), (2, 0)]);
        assert_eq!(pruned(vec![frame(1, 3, false), frame(1, 4, true)]), [(1, 3), (1, 4)]);
    }

    #[test]
    fn before_holocene_every_frame_waits() {
        let mut queue = FrameQueue::default();
        queue.fill(vec![frame(1, 2, false), frame(2, 7, true)], false);
        assert_eq!(queue.pop().map(|frame| frame.number), Some(2));
        queue.clear();
        assert!(queue.is_empty());
    }

    /// The reference prunes pairs in place; this is that algorithm, word by word.
    fn in_pairs(mut frames: Vec<Frame>) -> Vec<(u8, u16)> {
        let mut i = 0;
        while i + 1 < frames.len() {
            let (current, next) = (&frames[i], &frames[i + 1]);
            if current.id == next.id {
                if current.is_last || next.number != current.number.wrapping_add(1) {
                    frames.remove(i + 1);
                    continue;
                }
            } else if next.number == 0 && !current.is_last {
                frames.remove(i);
                i = i.saturating_sub(1);
                continue;
            } else if next.number != 0 {
                frames.remove(i + 1);
                continue;
            }
            i += 1;
        }
        frames.iter().map(|frame| (frame.id.0[0], frame.number)).collect()
    }

    proptest! {
        #[test]
        fn the_stack_and_the_pairs_agree(
            frames in proptest::collection::vec((0_u8..3, 0_u16..4, any::<bool>()), 0..24)
        ) {
            let frames: Vec<_> = frames.into_iter().map(|(id, number, last)| frame(id, number, last)).collect();
            prop_assert_eq!(pruned(frames.clone()), in_pairs(frames));
        }
    }
}
