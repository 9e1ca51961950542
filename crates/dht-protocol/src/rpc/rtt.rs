//! How long to wait for an answer, learnt from the answers before.
//!
//! Spec: RFC 6298, section 2, with our own bounds. A query is never sent twice under one transaction
//! id, so every sample is unambiguous.

use core::time::Duration;

/// Shortest wait for an answer; a node busy for a moment is not a dead one.
pub const TIMEOUT_MIN: Duration = Duration::from_millis(200);

/// Longest wait for an answer before the next node is asked as well.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(5);

/// Wait for an answer while nothing is known (RFC 6298).
pub const TIMEOUT_UNKNOWN: Duration = Duration::from_secs(1);

/// A query fails after this many times the soft timeout, within the two bounds below.
pub const HARD_FACTOR: u32 = 4;

/// Shortest time after which a query fails.
pub const HARD_MIN: Duration = Duration::from_secs(1);

/// Longest time after which a query fails.
pub const HARD_MAX: Duration = Duration::from_secs(10);

/// A slower answer counts as this slow: nobody slows us down by answering late.
pub const SAMPLE_MAX: Duration = Duration::from_secs(2);

/// The two ends of the wait for one answer, counted from the moment the query is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From here on it is worth asking somebody else as well; an answer is still welcome.
    pub soft: Duration,
    /// From here on the query has failed.
    pub hard: Duration,
}

impl Timeouts {
    /// Derives both ends from an estimate of the soft one.
    #[must_use]
    pub fn from_soft(soft: Duration) -> Self {
        let soft = soft.clamp(TIMEOUT_MIN, TIMEOUT_MAX);
        Self { soft, hard: soft.saturating_mul(HARD_FACTOR).clamp(HARD_MIN, HARD_MAX) }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::from_soft(TIMEOUT_UNKNOWN)
    }
}

/// Smoothed round-trip time and its variation, in microseconds; 12 bytes, one per destination.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rtt {
    smoothed: u32,
    variation: u32,
    known: bool,
}

impl Rtt {
    pub(super) fn sample(&mut self, rtt: Duration) {
        // At most 2,000,000: no sum below overflows.
        let rtt = u32::try_from(rtt.min(SAMPLE_MAX).as_micros()).unwrap_or(u32::MAX / 8);
        if self.known {
            let error = self.smoothed.abs_diff(rtt);
            self.variation = (3 * self.variation + error) / 4;
            self.smoothed = (7 * self.smoothed + rtt) / 8;
        } else {
            *self = Self { smoothed: rtt, variation: rtt / 2, known: true };
        }
    }

    pub(super) fn smoothed(self) -> Option<Duration> {
        self.known.then(|| Duration::from_micros(self.smoothed.into()))
    }

    pub(super) fn timeout(self) -> Option<Duration> {
        let micros = u64::from(self.smoothed) + 4 * u64::from(self.variation);
        self.known.then(|| Duration::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_steady_destination_is_waited_for_a_little_longer_than_it_takes() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.timeout(), None);
        rtt.sample(millis(300));
        assert_eq!(rtt.timeout(), Some(millis(900)), "one sample: three times as long");
        (0..100).for_each(|_| rtt.sample(millis(300)));
        let timeout = rtt.timeout().unwrap();
        assert!((millis(300)..millis(310)).contains(&timeout), "{timeout:?}");
    }

    #[test]
    fn slow_answers_do_not_slow_us_down_without_bound() {
        let mut rtt = Rtt::default();
        (0..100).for_each(|_| rtt.sample(Duration::from_secs(3_600)));
        assert!(rtt.smoothed().unwrap() <= SAMPLE_MAX);
        let timeouts = Timeouts::from_soft(Duration::MAX);
        assert_eq!((timeouts.soft, timeouts.hard), (TIMEOUT_MAX, HARD_MAX));
        let timeouts = Timeouts::from_soft(Duration::ZERO);
        assert_eq!((timeouts.soft, timeouts.hard), (TIMEOUT_MIN, HARD_MIN));
    }
}
