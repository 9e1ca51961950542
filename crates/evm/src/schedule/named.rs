//! Schedules by the names of the test suites: one fork from the start, or two with where the second begins.
//!
//! ```text
//!   Istanbul · BerlinToLondonAt5 · ParisToShanghaiAtTime15k · ArrowGlacierToParisAtDiffC0000
//! ```

use alloy_primitives::U256;

use super::{Activation, Fork, Schedule};

/// Chain of the test suites.
const CHAIN_ID: u64 = 1;

impl Schedule {
    /// Returns the schedule that the test suites call `name`, or `None` for a name not known.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if let Some(fork) = Fork::by_name(name) {
            return Some(Self::from_start(CHAIN_ID, fork));
        }
        let (first, rest) = name.split_once("To")?;
        let (second, at) = rest.split_once("At")?;
        let mut schedule = Self::from_start(CHAIN_ID, Fork::by_name(first)?);
        if second == "Dao" {
            schedule.dao = Some(at.parse().ok()?);
            return Some(schedule);
        }
        let last = Fork::by_name(second)?;
        if let Some(difficulty) = at.strip_prefix("Diff") {
            schedule.terminal_total_difficulty = Some(U256::from_str_radix(difficulty, 16).ok()?);
            return (last == Fork::Paris).then_some(schedule);
        }
        let at = match at.strip_prefix("Time") {
            Some(time) => Activation::Time(seconds(time)?),
            None => Activation::Block(at.parse().ok()?),
        };
        let started = schedule.forks.iter().map(|(fork, _)| *fork).max()?;
        let later = Fork::ALL.into_iter().filter(|fork| *fork > started && *fork <= last);
        schedule.forks.extend(later.map(|fork| (fork, at)));
        schedule.blobs_from_forks();
        Some(schedule)
    }
}

/// Reads `15k` or `1500`.
fn seconds(text: &str) -> Option<u64> {
    match text.strip_suffix('k') {
        Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1000),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_says_nothing_gives_no_schedule() {
        for name in ["", "To", "LondonTo", "LondonToParis", "LondonToParisAtDiffxyz", "Verkle"] {
            assert_eq!(Schedule::named(name), None, "{name}");
        }
    }

    #[test]
    fn every_fork_between_two_begins_with_the_second() {
        let schedule = Schedule::named("ByzantiumToConstantinopleFixAt5").unwrap();
        let at = |fork| schedule.forks.iter().find(|(other, _)| *other == fork).map(|(_, at)| *at);
        assert_eq!(at(Fork::Constantinople), Some(Activation::Block(5)));
        assert_eq!(at(Fork::Petersburg), Some(Activation::Block(5)));
        assert_eq!(at(Fork::Istanbul), None);
    }
}
