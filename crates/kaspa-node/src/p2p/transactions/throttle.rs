//! How many transactions are asked for when peers tell of more than the network is made for.
//!
//! Every ten seconds the rate of transactions taken from peers is looked at. Above [`RATE_MAX`] asking is throttled, until it is under half
//! of that.
//!
//! Reference: `check_tx_throttling`, `request_transactions`.

use std::time::Duration;

use quintet_primitives::time::Instant;

/// Transactions a second above which fewer are asked for.
///
/// Reference: `MAX_TPS_THRESHOLD`.
pub(super) const RATE_MAX: u64 = 3000;

/// How often the rate is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Counts what is taken from one peer.
#[derive(Debug)]
pub(super) struct Throttle {
    since: Instant,
    taken: u64,
    is_on: bool,
}

fn rate(taken: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    taken.saturating_mul(1000) / millis
}

impl Throttle {
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, taken: 0, is_on: false }
    }

    /// Counts transactions that were taken.
    pub(super) fn took(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Returns how many transactions may be asked for at once now; `None`: as many as there are.
    pub(super) fn limit(&mut self, now: Instant) -> Option<u64> {
        let time = now.saturating_since(self.since);
        let rate = rate(self.taken, time);
        if time > LOOK_EVERY {
            if rate > RATE_MAX {
                self.is_on = true;
            } else if rate < RATE_MAX / 2 {
                self.is_on = false;
            }
            (self.since, self.taken) = (now, 0);
        }
        self.is_on.then(|| RATE_MAX.saturating_sub(rate.saturating_sub(RATE_MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_is_throttled_above_the_rate_and_freed_under_half_of_it() {
        let mut throttle = Throttle::new(Instant::ZERO);
        throttle.took(30_000);
        assert_eq!(throttle.limit(Instant::from_secs(11)), None, "2,727 a second");
        throttle.took(44_000);
        assert_eq!(throttle.limit(Instant::from_secs(22)), Some(2000), "4,000 a second");
        throttle.took(22_000);
        assert!(throttle.limit(Instant::from_secs(33)).is_some(), "2,000 a second is not enough");
        throttle.took(1_000);
        assert_eq!(throttle.limit(Instant::from_secs(44)), None);
    }
}
