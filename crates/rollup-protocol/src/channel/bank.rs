//! The bank: channels side by side, to the end of Granite.
//!
//! # Invariants
//!
//! - Between calls the bank weighs at most [`ChannelLimits::bank_max`]: after each frame the oldest channels go until it does.
//! - Reading comes before ingesting: what pruning hits depends on that order.
//!
//! **Spec:** `protocol/derivation.md`, "Channel Bank", "Pruning", "Timeouts", "Reading", "Loading frames".

use std::collections::{HashMap, VecDeque};

use alloy_primitives::Bytes;

use super::{Channel, ChannelLimits, IngestError};
use crate::frame::{ChannelId, Frame};

/// Channels in the order in which they were opened.
#[derive(Debug, Default)]
pub struct ChannelBank {
    channels: HashMap<ChannelId, Channel>,
    order: VecDeque<ChannelId>,
    weight: u64,
}

impl ChannelBank {
    /// Takes a frame in.
    ///
    /// # Errors
    ///
    /// [`IngestError`] if its channel does not take it. The bank is as it was, but for a channel the frame opened.
    pub fn ingest(&mut self, frame: Frame, limits: &ChannelLimits) -> Result<(), IngestError> {
        let (id, number) = (frame.id, frame.number);
        let channel = self.channels.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            Channel::new(id, limits.l1_number)
        });
        if limits.is_timed_out(channel.opened) {
            return Err(IngestError::TimedOut { id, number });
        }
        let before = channel.weight;
        channel.add(frame, false)?;
        self.weight = self.weight.saturating_add(channel.weight).saturating_sub(before);
        while self.weight > limits.bank_max && self.remove(0).is_some() {}
        Ok(())
    }

    /// Takes the first channel that can be read, forgetting those at the front that timed out.
    ///
    /// Before Canyon only the first channel counts, however many behind it are ready.
    pub fn read(&mut self, limits: &ChannelLimits) -> Option<Vec<Bytes>> {
        while self.front().is_some_and(|channel| limits.is_timed_out(channel.opened)) {
            self.remove(0);
        }
        let reach = if limits.out_of_order { self.order.len() } else { 1 };
        let is_readable = |id: &ChannelId| {
            self.channels
                .get(id)
                .is_some_and(|channel| channel.is_ready() && !limits.is_timed_out(channel.opened))
        };
        let at = self.order.iter().take(reach).position(is_readable)?;
        self.remove(at).map(Channel::into_pieces)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns how many channels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns whether there is no channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns what the channels weigh, in bytes.
    #[must_use]
    pub const fn weight(&self) -> u64 {
        self.weight
    }

    fn front(&self) -> Option<&Channel> {
        self.channels.get(self.order.front()?)
    }

    fn remove(&mut self, at: usize) -> Option<Channel> {
        let channel = self.channels.remove(&self.order.remove(at)?)?;
        self.weight = self.weight.saturating_sub(channel.weight);
        Some(channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(l1_number: u64) -> ChannelLimits {
        ChannelLimits {
            l1_number,
            timeout: 10,
            bank_max: 5_000,
            channel_max: 5_000,
            out_of_order: true,
        }
    }

    fn frame(channel: u8, number: u16, is_last: bool) -> Frame {
        let data = vec![u8::try_from(number).unwrap(); 100].into();
        Frame { id: ChannelId([channel; 16]), number, data, is_last }
    }

    #[test]
    fn frames_arrive_in_any_order() {
        let mut bank = ChannelBank::default();
        for (number, is_last) in [(2, true), (0, false)] {
            bank.ingest(frame(1, number, is_last), &limits(1)).unwrap();
            assert!(bank.read(&limits(1)).is_none());
        }
        bank.ingest(frame(1, 1, false), &limits(2)).unwrap();
        let pieces = bank.read(&limits(2)).unwrap();
        assert_eq!(pieces.iter().map(|piece| piece[0]).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((bank.len(), bank.weight()), (0, 0));
    }

    #[test]
    fn before_canyon_an_unready_channel_keeps_those_behind_it() {
        let mut bank = ChannelBank::default();
        bank.ingest(frame(1, 0, false), &limits(1)).unwrap();
        bank.ingest(frame(2, 0, true), &limits(1)).unwrap();
        assert!(bank.read(&ChannelLimits { out_of_order: false, ..limits(1) }).is_none());
        assert!(bank.read(&limits(1)).is_some());
    }

    #[test]
    fn a_channel_times_out_after_its_window() {
        let mut bank = ChannelBank::default();
        bank.ingest(frame(1, 0, false), &limits(1)).unwrap();
        let late = bank.ingest(frame(1, 1, true), &limits(12));
        assert!(matches!(late, Err(IngestError::TimedOut { number: 1, .. })));
        bank.ingest(frame(2, 0, true), &limits(12)).unwrap();
        assert!(bank.read(&ChannelLimits { out_of_order: false, ..limits(12) }).is_some());
        assert!(bank.is_empty());
    }

    #[test]
    fn the_oldest_channel_is_pruned_first() {
        let mut bank = ChannelBank::default();
        for channel in 0..17 {
            bank.ingest(frame(channel, 0, false), &limits(1)).unwrap();
        }
        assert_eq!((bank.len(), bank.weight()), (16, 4_800));
        assert!(bank.ingest(frame(0, 0, true), &limits(1)).is_ok(), "channel 0 is new again");
    }

    #[test]
    fn a_last_frame_throws_out_what_stands_behind_it() {
        let mut bank = ChannelBank::default();
        for number in [5, 0, 7] {
            bank.ingest(frame(1, number, false), &limits(1)).unwrap();
        }
        bank.ingest(frame(1, 1, true), &limits(1)).unwrap();
        // One frame of 300 bytes counts, though two are there: see `Channel::add`.
        assert_eq!(bank.weight(), 300);
        let again = bank.ingest(frame(1, 2, true), &limits(1));
        assert!(matches!(again, Err(IngestError::BehindLast { last: 1, .. })));
        let twice = bank.ingest(frame(1, 0, false), &limits(1));
        assert!(matches!(twice, Err(IngestError::Duplicate { .. })));
        assert_eq!(bank.read(&limits(1)).unwrap().len(), 2);
    }
}
