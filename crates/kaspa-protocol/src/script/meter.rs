//! What a script may spend, and has.
//!
//! Before Crescendo nothing is counted while a script runs. Then executed signature operations are, against
//! the count the input names. Since Toccata everything that costs time is priced in script units, a
//! hundredth of a gram of mass, against the budget the input commits to.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/mass/units.rs` and `runtime_resource_meter.rs`.

use super::{ScriptError, rules::Metering};
use crate::tx::ComputeCommit;

/// Script units in a gram of mass.
pub const UNITS_PER_GRAM: u64 = 100;

/// Script units of a signature operation: 1,000 grams.
pub const UNITS_PER_SIGOP: u64 = 1_000 * UNITS_PER_GRAM;

/// Script units in one of the units compute budgets are counted in: 100 grams.
pub const UNITS_PER_BUDGET: u64 = 100 * UNITS_PER_GRAM;

/// Script units every input has besides: one less than a unit of budget, so that it never buys one.
pub const FREE_UNITS: u64 = UNITS_PER_BUDGET - 1;

/// Returns the script units an input with this commitment may spend.
#[must_use]
pub fn script_units(commitment: ComputeCommit) -> u64 {
    let committed = match commitment {
        ComputeCommit::SigOpCount(count) => u64::from(count) * UNITS_PER_SIGOP,
        ComputeCommit::ComputeBudget(budget) => u64::from(budget) * UNITS_PER_BUDGET,
    };
    committed + FREE_UNITS
}

/// What the scripts of an input have spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Executed signature operations.
    pub sigops: u16,
    /// Script units; 0 before Toccata.
    pub script_units: u64,
}

/// Counts what the scripts of one input spend.
#[derive(Debug)]
pub(super) struct Meter {
    metering: Metering,
    sigops_max: u16,
    units_max: u64,
    spent: Spent,
}

impl Meter {
    /// Starts a count that ends at what `commitment` allows.
    pub(super) fn new(metering: Metering, commitment: ComputeCommit) -> Self {
        let sigops_max = commitment.sig_op_count().unwrap_or(0).into();
        let units_max = script_units(commitment);
        Self { metering, sigops_max, units_max, spent: Spent::default() }
    }

    /// Starts a count without an end: to learn what an input has to commit to.
    pub(super) const fn unlimited(metering: Metering) -> Self {
        Self { metering, sigops_max: u16::MAX, units_max: u64::MAX, spent: SPENT_NOTHING }
    }

    pub(super) const fn spent(&self) -> Spent {
        self.spent
    }

    #[inline]
    pub(super) fn spend_units(&mut self, units: u64) -> Result<(), ScriptError> {
        if self.metering != Metering::ScriptUnits {
            return Ok(());
        }
        let used = self.spent.script_units.saturating_add(units);
        if used > self.units_max {
            return Err(ScriptError::ScriptUnits { used, limit: self.units_max });
        }
        self.spent.script_units = used;
        Ok(())
    }

    pub(super) fn spend_sigop(&mut self) -> Result<(), ScriptError> {
        let sigops = self.spent.sigops.saturating_add(1);
        if self.metering == Metering::SigOps && sigops > self.sigops_max {
            return Err(ScriptError::SigOpLimit { limit: self.sigops_max });
        }
        self.spend_units(UNITS_PER_SIGOP)?;
        self.spent.sigops = sigops;
        Ok(())
    }
}

const SPENT_NOTHING: Spent = Spent { sigops: 0, script_units: 0 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_may_spend_what_it_commits_to_and_a_little_more() {
        assert_eq!(script_units(ComputeCommit::SigOpCount(0)), 9_999);
        assert_eq!(script_units(ComputeCommit::SigOpCount(1)), 109_999);
        assert_eq!(script_units(ComputeCommit::ComputeBudget(10)), 109_999);
        assert_eq!(script_units(ComputeCommit::ComputeBudget(u16::MAX)), 655_359_999);
    }

    #[test]
    fn each_era_counts_its_own_way() {
        let run = |metering| {
            let mut meter = Meter::new(metering, ComputeCommit::SigOpCount(1));
            let sigops = (0..3).take_while(|_| meter.spend_sigop().is_ok()).count();
            (sigops, meter.spend_units(10_000).is_ok(), meter.spent())
        };
        assert_eq!(run(Metering::Static), (3, true, Spent { sigops: 3, script_units: 0 }));
        assert_eq!(run(Metering::SigOps), (1, true, Spent { sigops: 1, script_units: 0 }));
        let spent = Spent { sigops: 1, script_units: 100_000 };
        assert_eq!(run(Metering::ScriptUnits), (1, false, spent));
    }

    #[test]
    fn the_last_unit_may_be_spent_and_the_one_after_not() {
        let mut meter = Meter::new(Metering::ScriptUnits, ComputeCommit::ComputeBudget(0));
        assert_eq!(meter.spend_units(9_999), Ok(()));
        let error = ScriptError::ScriptUnits { used: 10_000, limit: 9_999 };
        assert_eq!(meter.spend_units(1), Err(error));
        let mut meter = Meter::unlimited(Metering::ScriptUnits);
        assert_eq!(meter.spend_units(u64::MAX), Ok(()));
    }
}
