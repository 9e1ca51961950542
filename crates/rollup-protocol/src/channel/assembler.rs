//! The assembler: one channel at a time, from Holocene.
//!
//! **Spec:** `holocene/derivation.md`, "Channel Bank".

use alloy_primitives::Bytes;

use super::{Channel, ChannelLimits, IngestError};
use crate::frame::Frame;

/// The channel that is being put together, if any.
#[derive(Debug, Default)]
pub struct ChannelAssembler {
    channel: Option<Channel>,
}

impl ChannelAssembler {
    /// Forgets a channel that timed out. To be called before the frames of an L1 block.
    pub fn expire(&mut self, limits: &ChannelLimits) {
        self.channel = self.channel.take().filter(|channel| !limits.is_timed_out(channel.opened));
    }

    /// Takes a frame in, and returns the channel's pieces if the frame completes it. A first frame drops the channel before it.
    ///
    /// # Errors
    ///
    /// [`IngestError`] if the frame is not the one that comes next; it alone is dropped. If it makes the channel
    /// too large, the channel is dropped.
    pub fn ingest(
        &mut self,
        frame: Frame,
        limits: &ChannelLimits,
    ) -> Result<Option<Vec<Bytes>>, IngestError> {
        let (id, number, is_last) = (frame.id, frame.number, frame.is_last);
        if number == 0 {
            self.channel = Some(Channel::new(id, limits.l1_number));
        }
        let Some(channel) = &mut self.channel else {
            return Err(IngestError::OutOfOrder { id, number, expected: 0 });
        };
        channel.add(frame, true)?;
        let actual = channel.weight;
        if actual > limits.channel_max {
            self.channel = None;
            return Err(IngestError::TooLarge { id, expected: limits.channel_max, actual });
        }
        Ok(if is_last { self.channel.take().map(Channel::into_pieces) } else { None })
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.channel = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::ChannelId;

    fn limits(l1_number: u64) -> ChannelLimits {
        ChannelLimits {
            l1_number,
            timeout: 10,
            bank_max: 0,
            channel_max: 1_000,
            out_of_order: true,
        }
    }

    fn frame(channel: u8, number: u16, is_last: bool) -> Frame {
        Frame { id: ChannelId([channel; 16]), number, data: vec![channel; 100].into(), is_last }
    }

    #[test]
    fn frames_arrive_in_order_or_are_dropped_alone() {
        let mut assembler = ChannelAssembler::default();
        let mut ingest = |frame| assembler.ingest(frame, &limits(1));
        assert!(matches!(ingest(frame(1, 1, false)), Err(IngestError::OutOfOrder { .. })));
        assert_eq!(ingest(frame(1, 0, false)), Ok(None));
        assert!(matches!(
            ingest(frame(1, 2, true)),
            Err(IngestError::OutOfOrder { expected: 1, .. })
        ));
        assert!(matches!(ingest(frame(2, 1, true)), Err(IngestError::OtherChannel { .. })));
        assert_eq!(ingest(frame(1, 1, true)).unwrap().map(|pieces| pieces.len()), Some(2));
    }

    #[test]
    fn a_first_frame_drops_the_channel_before_it() {
        let mut assembler = ChannelAssembler::default();
        assert_eq!(assembler.ingest(frame(1, 0, false), &limits(1)), Ok(None));
        assert!(assembler.ingest(frame(2, 0, true), &limits(1)).unwrap().is_some());
        assert!(assembler.ingest(frame(1, 1, true), &limits(1)).is_err());
    }

    #[test]
    fn a_channel_times_out_and_grows_to_its_bound() {
        let mut assembler = ChannelAssembler::default();
        assert_eq!(assembler.ingest(frame(1, 0, false), &limits(1)), Ok(None));
        assembler.expire(&limits(11));
        assert_eq!(assembler.ingest(frame(1, 1, false), &limits(11)), Ok(None));
        assembler.expire(&limits(12));
        assert!(assembler.ingest(frame(1, 2, true), &limits(12)).is_err());
        for number in 0..3 {
            assert_eq!(assembler.ingest(frame(1, number, false), &limits(12)), Ok(None));
        }
        let large = assembler.ingest(frame(1, 3, true), &limits(12));
        assert!(matches!(large, Err(IngestError::TooLarge { expected: 1_000, actual: 1_200, .. })));
    }
}
