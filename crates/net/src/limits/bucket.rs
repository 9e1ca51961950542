//! Token buckets: an exact rate over time with room for bursts.
//!
//! A bucket of `amount` tokens per `period` counts in units of one token divided by the period's
//! nanoseconds, so that every nanosecond adds exactly `amount` units. Nothing is rounded and nothing
//! drifts: over any stretch of time a bucket hands out at most `capacity + rate × time`, to the
//! token, however often it was asked.

use std::{num::NonZeroU64, time::Duration};

use quintet_primitives::time::Instant;
use thiserror::Error;

/// Tokens over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    amount: NonZeroU64,
    /// At least 1, at most `u64::MAX`.
    period_nanos: u64,
}

/// A rate's period cannot be counted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a period of 1 ns to 584 years, got {actual:?}")]
pub struct RateError {
    /// The period.
    pub actual: Duration,
}

impl Rate {
    /// `amount` tokens a second.
    #[must_use]
    pub const fn per_second(amount: NonZeroU64) -> Self {
        Self { amount, period_nanos: 1_000_000_000 }
    }

    /// `amount` tokens every `period`.
    ///
    /// # Errors
    ///
    /// [`RateError`] if the period is zero, or longer than 2^64 nanoseconds.
    pub fn new(amount: NonZeroU64, period: Duration) -> Result<Self, RateError> {
        match u64::try_from(period.as_nanos()) {
            Ok(period_nanos) if period_nanos > 0 => Ok(Self { amount, period_nanos }),
            Ok(_) | Err(_) => Err(RateError { actual: period }),
        }
    }

    /// Returns the time one token takes, rounded up to a whole nanosecond.
    pub(super) const fn interval_nanos(self) -> u64 {
        self.period_nanos.div_ceil(self.amount.get())
    }
}

/// The tokens asked for are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Shortage {
    /// They will be.
    #[error("the rate limit is reached: wait until {:?}", until.since_start())]
    Until {
        /// The first instant at which they are, if nobody else takes any.
        until: Instant,
    },
    /// They never will: the bucket does not hold as many.
    #[error("expected at most {expected} at once, got {actual}")]
    Never {
        /// Tokens the bucket holds.
        expected: u64,
        /// Tokens asked for.
        actual: u64,
    },
}

/// One bucket.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: Rate,
    capacity: u64,
    /// Tokens × `period_nanos`, at most `capacity × period_nanos`; both factors are below 2^64.
    level: u128,
    filled: Instant,
}

impl TokenBucket {
    /// Makes a full bucket.
    #[must_use]
    pub fn new(rate: Rate, capacity: NonZeroU64, now: Instant) -> Self {
        let capacity = capacity.get();
        Self { rate, capacity, level: units(capacity, rate), filled: now }
    }

    /// Takes `amount` tokens, all or none.
    ///
    /// # Errors
    ///
    /// [`Shortage`] says when they will be there.
    pub fn take(&mut self, amount: u64, now: Instant) -> Result<(), Shortage> {
        self.check(amount, now)?;
        self.spend(amount);
        Ok(())
    }

    /// Returns whether `amount` tokens are there, taking none.
    ///
    /// # Errors
    ///
    /// [`Shortage`] says when they will be.
    pub fn check(&mut self, amount: u64, now: Instant) -> Result<(), Shortage> {
        if amount > self.capacity {
            return Err(Shortage::Never { expected: self.capacity, actual: amount });
        }
        self.fill(now);
        let missing = units(amount, self.rate).saturating_sub(self.level);
        if missing == 0 {
            return Ok(());
        }
        let nanos = missing.div_ceil(self.rate.amount.get().into());
        Err(Shortage::Until { until: self.filled.saturating_add(duration(nanos)) })
    }

    /// Returns the whole tokens that are there.
    #[must_use]
    pub fn available(&mut self, now: Instant) -> u64 {
        self.fill(now);
        u64::try_from(self.level / u128::from(self.rate.period_nanos)).unwrap_or(self.capacity)
    }

    fn spend(&mut self, amount: u64) {
        self.level = self.level.saturating_sub(units(amount, self.rate));
    }

    /// A clock that stands still or goes back adds nothing.
    fn fill(&mut self, now: Instant) {
        let nanos = (now - self.filled).as_nanos();
        let added = nanos.saturating_mul(self.rate.amount.get().into());
        self.level = self.level.saturating_add(added).min(units(self.capacity, self.rate));
        self.filled = self.filled.max(now);
    }
}

/// Below 2^128, being a product of two numbers below 2^64.
fn units(tokens: u64, rate: Rate) -> u128 {
    u128::from(tokens) * u128::from(rate.period_nanos)
}

/// What does not fit is as good as for ever.
fn duration(nanos: u128) -> Duration {
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

/// The two buckets of one connection: each message costs one of the first and its size of the other.
#[derive(Debug, Clone)]
pub struct TrafficLimit {
    messages: TokenBucket,
    bytes: TokenBucket,
}

impl TrafficLimit {
    /// Puts the two together.
    #[must_use]
    pub const fn new(messages: TokenBucket, bytes: TokenBucket) -> Self {
        Self { messages, bytes }
    }

    /// Takes what a message of `bytes` bytes costs from both buckets, or from neither.
    ///
    /// # Errors
    ///
    /// [`Shortage`] says when both will have enough.
    pub fn take(&mut self, bytes: u64, now: Instant) -> Result<(), Shortage> {
        match (self.messages.check(1, now), self.bytes.check(bytes, now)) {
            (Ok(()), Ok(())) => {
                self.messages.spend(1);
                self.bytes.spend(bytes);
                Ok(())
            }
            (Err(Shortage::Until { until: a }), Err(Shortage::Until { until: b })) => {
                Err(Shortage::Until { until: a.max(b) })
            }
            (_, Err(never @ Shortage::Never { .. })) | (Err(never @ Shortage::Never { .. }), _) => {
                Err(never)
            }
            (Err(wait), Ok(())) | (Ok(()), Err(wait)) => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(amount: u64) -> NonZeroU64 {
        NonZeroU64::new(amount).unwrap()
    }

    fn bucket(per_second: u64, capacity: u64) -> TokenBucket {
        TokenBucket::new(Rate::per_second(amount(per_second)), amount(capacity), Instant::ZERO)
    }

    #[test]
    fn a_full_bucket_pays_for_a_burst_and_then_says_when() {
        let mut bucket = bucket(3, 10);
        assert_eq!(bucket.take(10, Instant::ZERO), Ok(()));
        let until = Instant::new(Duration::from_nanos(333_333_334));
        assert_eq!(bucket.take(1, Instant::ZERO), Err(Shortage::Until { until }));
        assert_eq!(
            bucket.take(1, Instant::new(Duration::from_nanos(333_333_333))),
            Err(Shortage::Until { until })
        );
        assert_eq!(bucket.take(1, until), Ok(()));
    }

    #[test]
    fn thirds_of_a_second_do_not_drift() {
        let mut bucket = bucket(3, 3);
        bucket.take(3, Instant::ZERO).unwrap();
        // Asking a million times in odd steps must not gain or lose a token.
        for step in 0..1_000_000_u64 {
            let _ = bucket.available(Instant::new(Duration::from_nanos(step * 997)));
        }
        assert_eq!(bucket.available(Instant::new(Duration::from_nanos(999_999_999))), 2);
        assert_eq!(bucket.available(Instant::from_secs(1)), 3);
    }

    #[test]
    fn more_than_the_bucket_holds_is_never_there() {
        let never = Shortage::Never { expected: 10, actual: 11 };
        assert_eq!(bucket(3, 10).take(11, Instant::from_secs(9)), Err(never));
    }

    #[test]
    fn a_clock_that_goes_back_adds_nothing() {
        let mut bucket = bucket(1, 5);
        bucket.take(5, Instant::from_secs(10)).unwrap();
        assert_eq!(bucket.available(Instant::from_secs(3)), 0);
        assert_eq!(bucket.available(Instant::from_secs(11)), 1);
    }

    #[test]
    fn a_message_costs_both_buckets_or_neither() {
        let mut limit = TrafficLimit::new(bucket(1, 2), bucket(100, 1_000));
        limit.take(900, Instant::ZERO).unwrap();
        let until = Instant::from_secs(8);
        assert_eq!(limit.take(900, Instant::ZERO), Err(Shortage::Until { until }));
        assert_eq!(limit.messages.available(Instant::ZERO), 1);
        limit.take(100, Instant::ZERO).unwrap();
        let both = Instant::from_secs(5);
        assert_eq!(limit.take(500, Instant::ZERO), Err(Shortage::Until { until: both }));
        let never = Shortage::Never { expected: 1_000, actual: 1_001 };
        assert_eq!(limit.take(1_001, Instant::ZERO), Err(never));
    }

    #[test]
    fn a_period_of_nothing_is_refused() {
        let error = Rate::new(amount(1), Duration::ZERO).unwrap_err();
        assert_eq!(error.actual, Duration::ZERO);
        assert!(Rate::new(amount(1), Duration::MAX).is_err());
    }
}
