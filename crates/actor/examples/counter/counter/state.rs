//! The pure part: no await, no clock, no channel. This is where the tests are.
//!
//! # Invariants
//!
//! - `total <= total_max`; a refused addition changes nothing.

use super::Config;

/// An addition would have passed the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a total of at most {expected}, got {actual}: add less")]
pub(crate) struct LimitError {
    /// The largest total allowed.
    pub(crate) expected: u64,
    /// The total the addition would have made.
    pub(crate) actual: u64,
}

/// The total.
#[derive(Debug)]
pub(crate) struct State {
    config: Config,
    total: u64,
}

impl State {
    pub(crate) const fn new(config: Config) -> Self {
        Self { config, total: 0 }
    }

    pub(crate) fn add(&mut self, amount: u64) -> Result<u64, LimitError> {
        let actual = self.total.saturating_add(amount);
        let expected = self.config.total_max;
        if actual > expected {
            return Err(LimitError { expected, actual });
        }
        self.total = actual;
        Ok(actual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_addition_changes_nothing() {
        let mut state = State::new(Config { total_max: 10 });
        assert_eq!(state.add(7), Ok(7));
        assert_eq!(state.add(4), Err(LimitError { expected: 10, actual: 11 }));
        assert_eq!(state.add(3), Ok(10));
    }
}
