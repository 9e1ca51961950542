//! How long one call may take.
//!
//! A call that takes longer is answered at that moment, whatever its thread does; the thread looks at the same time between its steps and
//! gives up. What one step costs is bounded by gas.

use std::time::{Duration, Instant};

use crate::error::{EthError, EthResult};

/// When a call must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    begun: Instant,
    millis: u64,
}

impl Deadline {
    /// A call begins now and may take so many milliseconds.
    pub(crate) fn after(millis: u64) -> Self {
        Self { begun: Instant::now(), millis }
    }

    /// Fails if the time is over.
    pub(crate) fn check(&self) -> EthResult<()> {
        if self.begun.elapsed() < self.time() { Ok(()) } else { Err(self.passed()) }
    }

    /// How long the call may take.
    pub(crate) const fn time(&self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// Says that it took longer, in go-ethereum's words.
    pub(crate) fn passed(&self) -> EthError {
        let time = match self.millis {
            millis if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
            millis => format!("{millis}ms"),
        };
        EthError::server(format!("execution aborted (timeout = {time})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_is_over_says_how_long_a_call_may_take() {
        assert_eq!(Deadline::after(5_000).check(), Ok(()));
        assert_eq!(Deadline::after(5_000).passed().message, "execution aborted (timeout = 5s)");
        let over = Deadline::after(0);
        assert_eq!(over.check().unwrap_err().message, "execution aborted (timeout = 0s)");
        assert_eq!(Deadline::after(20).passed().message, "execution aborted (timeout = 20ms)");
    }
}
