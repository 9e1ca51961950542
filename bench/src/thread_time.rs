//! Time that the calling thread itself spent on a processor.
//!
//! Other programs that get the processor in between do not count; those that share its units or caches still slow it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Returns the time since the thread began; zero where there is no such clock.
#[must_use]
pub fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Returns how long something took.
pub fn of<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = now();
    let result = run();
    (result, now().saturating_sub(start))
}
