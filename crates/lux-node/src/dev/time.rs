//! The time of a development chain: the clock's, moved as people like.

/// What the next block's timestamp is made of. Seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ChainTime {
    /// Added to the clock; may be negative.
    pub(super) offset: i64,
    /// The next block's alone.
    pub(super) next: Option<u64>,
    /// Seconds from each block to the next, whatever the clock says.
    pub(super) step: Option<u64>,
}

impl ChainTime {
    /// Returns the time as the chain has it.
    pub(super) const fn now(&self, clock: u64) -> u64 {
        clock.saturating_add_signed(self.offset)
    }

    /// Returns the timestamp of the block after one of `parent`: always a later one.
    pub(super) fn timestamp(&self, clock: u64, parent: u64) -> u64 {
        let wanted = match (self.next, self.step) {
            (Some(next), _) => next,
            (None, Some(step)) => parent.saturating_add(step),
            (None, None) => self.now(clock),
        };
        wanted.max(parent.saturating_add(1))
    }

    /// A block was made: what was said of the next one is done, and time goes on from there.
    pub(super) fn made(&mut self, clock: u64, timestamp: u64) {
        if self.next.take().is_some() || timestamp > self.now(clock) {
            self.set_now(clock, timestamp);
        }
    }

    /// Makes it `time` now.
    pub(super) fn set_now(&mut self, clock: u64, time: u64) {
        let forward = i64::try_from(time.saturating_sub(clock)).unwrap_or(i64::MAX);
        let backward = i64::try_from(clock.saturating_sub(time)).unwrap_or(i64::MAX);
        self.offset = forward.saturating_sub(backward);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_always_later_than_their_parents() {
        let time = ChainTime::default();
        assert_eq!(time.timestamp(100, 50), 100);
        assert_eq!(time.timestamp(100, 100), 101);
        let back = ChainTime { next: Some(7), ..time };
        assert_eq!(back.timestamp(100, 50), 51);
        let stepped = ChainTime { step: Some(12), ..time };
        assert_eq!(stepped.timestamp(100, 50), 62);
        assert_eq!(ChainTime { offset: i64::MIN, ..time }.timestamp(100, 50), 51);
    }

    #[test]
    fn time_goes_on_from_where_it_was_set() {
        let mut time = ChainTime { next: Some(1_000), ..ChainTime::default() };
        let first = time.timestamp(100, 50);
        time.made(100, first);
        assert_eq!((first, time.timestamp(105, first)), (1_000, 1_005));
    }
}
