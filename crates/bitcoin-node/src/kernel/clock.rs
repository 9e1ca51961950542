//! What time it is: the machine's, or the one an operator of a test network has set.
//!
//! **Spec:** Bitcoin Core, `NodeClock`, `SetMockTime`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since 1970.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    set: Option<Duration>,
}

impl Clock {
    /// Returns the time since 1970.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.set.unwrap_or_else(Self::machine)
    }

    /// Returns the machine's time since 1970, whatever was set.
    #[must_use]
    pub fn machine() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Stops the clock at a time, Unix seconds; zero lets it go on.
    pub fn set(&mut self, seconds: u64) {
        self.set = (seconds > 0).then_some(Duration::from_secs(seconds));
    }
}
