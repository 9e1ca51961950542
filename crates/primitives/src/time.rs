//! Time as an argument: protocol code is told the time, it never asks.
//!
//! Two clocks exist and do not mix. [`Instant`] is monotonic and starts at zero with the process or
//! the simulation: deadlines, rates and round trips are measured on it. [`UnixTime`] is the wall
//! clock: it is what may be written to disk and compared after a restart.

use core::{fmt, ops::Sub, time::Duration};

use serde::{Deserialize, Serialize};

/// Monotonic time since the runtime started. Unlike `std::time::Instant`, any value can be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(Duration);

impl Instant {
    /// The start of the runtime.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// Builds the instant `since_start` after the runtime started.
    #[must_use]
    pub const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// Builds the instant `seconds` after the runtime started.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Builds the instant `millis` milliseconds after the runtime started.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// Returns the time since the runtime started.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Returns `self + delta`, capped at the largest representable instant.
    #[must_use]
    pub const fn saturating_add(self, delta: Duration) -> Self {
        Self(self.0.saturating_add(delta))
    }

    /// Returns the time from `earlier` to `self`, or zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// Wall-clock time in whole seconds since 1970-01-01T00:00:00Z, ignoring leap seconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(u64);

impl UnixTime {
    /// Wraps seconds since the Unix epoch.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Returns seconds since the Unix epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// Returns `self + delta` in whole seconds, capped at the largest representable time.
    #[must_use]
    pub const fn saturating_add(self, delta: Duration) -> Self {
        Self(self.0.saturating_add(delta.as_secs()))
    }

    /// Returns the time from `earlier` to `self`, or zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_a_later_instant_is_zero() {
        assert_eq!(Instant::from_secs(1) - Instant::from_secs(2), Duration::ZERO);
        assert_eq!(Instant::from_secs(5) - Instant::from_secs(2), Duration::from_secs(3));
    }

    #[test]
    fn adding_past_the_end_stays_at_the_end() {
        let end = Instant::new(Duration::MAX);
        assert_eq!(end.saturating_add(Duration::from_secs(1)), end);
        let last = UnixTime::from_secs(u64::MAX);
        assert_eq!(last.saturating_add(Duration::from_secs(1)), last);
    }
}
