//! The two clocks of a running node, read together.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quintet_dht_protocol::dht::Clock;
use quintet_primitives::time::{Instant, UnixTime};

/// Where a deadline lies that does not fit the system's clock.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads the time for the protocol, whose instants count from the node's start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RuntimeClock {
    started: tokio::time::Instant,
}

impl RuntimeClock {
    /// Starts the monotonic clock at zero.
    pub(crate) fn start() -> Self {
        Self { started: tokio::time::Instant::now() }
    }

    /// Reads both clocks.
    pub(crate) fn read(&self) -> Clock {
        Clock { now: self.now(), wall: wall() }
    }

    /// Reads the monotonic clock.
    pub(crate) fn now(&self) -> Instant {
        Instant::new(self.started.elapsed())
    }

    /// Returns when `at` is, for timers.
    pub(crate) fn deadline(&self, at: Instant) -> tokio::time::Instant {
        let far = self.started + FAR;
        self.started.checked_add(at.since_start()).map_or(far, |deadline| deadline.min(far))
    }
}

/// Reads the wall clock; one that stands before 1970 reads as 1970.
pub(crate) fn wall() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_secs(since.as_secs())
}
