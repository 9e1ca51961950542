//! How a child is to be treated: its name, what follows a fault, how long it may take to stop.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

/// One child of a supervisor.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    /// Names the child in events, metrics and reports.
    pub name: Arc<str>,
    /// What follows a fault.
    pub restart: RestartPolicy,
    /// Time the child has to end after its token was cancelled; then it is aborted.
    pub stop_grace: Duration,
}

impl ChildSpec {
    /// Puts the three parts together.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, restart: RestartPolicy, stop_grace: Duration) -> Self {
        Self { name: name.into(), restart, stop_grace }
    }
}

/// What follows a child's fault. A child that returns `Ok` has finished and is never restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Nothing can replace the child: its first fault escalates.
    Never,
    /// The child is started again, unless it faults too often: that escalates.
    OnFault {
        /// Restarts allowed in any stretch of time as long as `within`.
        max_restarts: u32,
        /// The stretch of time; make it longer than the back-off of `max_restarts` restarts.
        within: Duration,
        /// How long to wait before each restart.
        backoff: Backoff,
    },
}

/// Exponential back-off: `first`, then twice as long each time, never longer than `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay.
    pub first: Duration,
    /// The longest delay.
    pub cap: Duration,
}

impl Backoff {
    /// Returns the delay after `earlier` restarts.
    #[must_use]
    pub fn delay(&self, earlier: u32) -> Duration {
        let factor = 1_u32.checked_shl(earlier).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.cap)
    }
}

/// The restarts of one child that its policy still counts.
#[derive(Debug, Default)]
pub(super) struct RestartLog {
    /// Oldest first, at most `max_restarts` long.
    times: VecDeque<Instant>,
}

impl RestartLog {
    /// Decides about a fault at `now`: the delay before the restart, or `None` to escalate.
    pub(super) fn on_fault(&mut self, policy: RestartPolicy, now: Instant) -> Option<Duration> {
        let RestartPolicy::OnFault { max_restarts, within, backoff } = policy else {
            return None;
        };
        while self.times.front().is_some_and(|&time| now.saturating_duration_since(time) >= within)
        {
            self.times.pop_front();
        }
        let earlier = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        if earlier >= max_restarts {
            return None;
        }
        self.times.push_back(now);
        Some(backoff.delay(earlier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff =
        Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(10) };

    #[test]
    fn the_delay_doubles_up_to_its_cap() {
        let delays: Vec<u64> = (0..6).map(|earlier| BACKOFF.delay(earlier).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 10, 10]);
        assert_eq!(BACKOFF.delay(u32::MAX), BACKOFF.cap);
    }

    #[test]
    fn only_restarts_within_the_window_count() {
        let within = Duration::from_secs(60);
        let policy = RestartPolicy::OnFault { max_restarts: 2, within, backoff: BACKOFF };
        let start = Instant::now();
        let mut log = RestartLog::default();
        assert_eq!(log.on_fault(policy, start), Some(Duration::from_secs(1)));
        assert_eq!(log.on_fault(policy, start), Some(Duration::from_secs(2)));
        assert_eq!(log.on_fault(policy, start + Duration::from_secs(59)), None);
        assert_eq!(log.on_fault(policy, start + within), Some(Duration::from_secs(1)));
    }

    #[test]
    fn never_means_the_first_fault_escalates() {
        let now = Instant::now();
        assert_eq!(RestartLog::default().on_fault(RestartPolicy::Never, now), None);
    }
}
