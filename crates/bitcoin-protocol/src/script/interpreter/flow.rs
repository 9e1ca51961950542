//! Branches and lock times.
//!
//! **Spec:** BIP-0065 (`CHECKLOCKTIMEVERIFY`), BIP-0112 (`CHECKSEQUENCEVERIFY`), BIP-0342 (minimal `IF`).

use super::{Machine, ScriptError, ScriptFlags, Trace, Version};
use crate::script::{
    number::{self, LOCK_TIME_SIZE_MAX},
    opcode::OP_NOTIF,
};

/// Lock times below are heights, others Unix seconds.
const LOCK_TIME_THRESHOLD: i64 = 500_000_000;

/// A sequence number that switches the lock time off.
const SEQUENCE_FINAL: u32 = 0xffff_ffff;

/// Sequence numbers with this bit are no relative lock (BIP-0068).
const SEQUENCE_DISABLE: u32 = 1 << 31;

/// Relative locks with this bit count 512 seconds, others blocks.
const SEQUENCE_TYPE: u32 = 1 << 22;

/// The bits of a relative lock that have a meaning.
const SEQUENCE_MASK: u32 = SEQUENCE_TYPE | 0xffff;

/// The nested conditions, as no more than their number and the first that does not hold.
///
/// That is all that can be seen of them, and it makes a script of nothing but `IF`s linear.
#[derive(Debug, Default)]
pub(super) struct Branches {
    depth: usize,
    first_skipped: Option<usize>,
}

impl Branches {
    pub(super) const fn is_empty(&self) -> bool {
        self.depth == 0
    }

    pub(super) const fn are_all_taken(&self) -> bool {
        self.first_skipped.is_none()
    }

    fn push(&mut self, taken: bool) {
        if !taken {
            self.first_skipped.get_or_insert(self.depth);
        }
        self.depth += 1;
    }

    pub(super) fn pop(&mut self) -> Result<(), ScriptError> {
        let top = self.top()?;
        self.depth = top;
        self.first_skipped = self.first_skipped.filter(|skipped| *skipped != top);
        Ok(())
    }

    pub(super) fn toggle(&mut self) -> Result<(), ScriptError> {
        let top = self.top()?;
        self.first_skipped = match self.first_skipped {
            None => Some(top),
            Some(skipped) if skipped == top => None,
            // Below a branch that is skipped nothing changes.
            outer => outer,
        };
        Ok(())
    }

    fn top(&self) -> Result<usize, ScriptError> {
        self.depth.checked_sub(1).ok_or(ScriptError::UnbalancedConditional)
    }
}

impl<T: Trace> Machine<'_, '_, '_, T> {
    /// `IF` and `NOTIF`.
    pub(super) fn branch(&mut self, opcode: u8, executed: bool) -> Result<(), ScriptError> {
        let mut taken = false;
        if executed {
            let condition = self.stack.peek(0)?;
            let is_minimal = matches!(condition.as_bytes(), [] | [1]);
            match self.version {
                Version::Tapscript(_) if !is_minimal => {
                    return Err(ScriptError::TapscriptMinimalif);
                }
                Version::WitnessV0 if !is_minimal && self.has(ScriptFlags::MINIMALIF) => {
                    return Err(ScriptError::Minimalif);
                }
                Version::Base | Version::WitnessV0 | Version::Tapscript(_) => {}
            }
            taken = condition.is_true() != (opcode == OP_NOTIF);
            self.stack.drop_top(1)?;
        }
        self.branches.push(taken);
        Ok(())
    }

    /// `CHECKLOCKTIMEVERIFY`: the transaction is not valid before the time on the stack.
    pub(super) fn check_lock_time(&self) -> Result<(), ScriptError> {
        if !self.has(ScriptFlags::CHECKLOCKTIMEVERIFY) {
            return Ok(());
        }
        let required = self.lock_time_operand()?;
        let tx = self.run.context.tx();
        let actual = i64::from(tx.lock_time());
        let same_kind = (actual < LOCK_TIME_THRESHOLD) == (required < LOCK_TIME_THRESHOLD);
        // A final input would switch the transaction's lock time off.
        let is_final =
            tx.input(self.run.input).is_none_or(|input| input.sequence == SEQUENCE_FINAL);
        if same_kind && required <= actual && !is_final {
            Ok(())
        } else {
            Err(ScriptError::UnsatisfiedLocktime)
        }
    }

    /// `CHECKSEQUENCEVERIFY`: the spent output is at least as old as the stack says.
    pub(super) fn check_sequence(&self) -> Result<(), ScriptError> {
        if !self.has(ScriptFlags::CHECKSEQUENCEVERIFY) {
            return Ok(());
        }
        let required = self.lock_time_operand()?;
        if required & i64::from(SEQUENCE_DISABLE) != 0 {
            return Ok(());
        }
        let tx = self.run.context.tx();
        let sequence = tx.input(self.run.input).map_or(SEQUENCE_DISABLE, |input| input.sequence);
        let required = required & i64::from(SEQUENCE_MASK);
        let actual = i64::from(sequence & SEQUENCE_MASK);
        let kind = i64::from(SEQUENCE_TYPE);
        if tx.version() >= 2
            && sequence & SEQUENCE_DISABLE == 0
            && (actual < kind) == (required < kind)
            && required <= actual
        {
            Ok(())
        } else {
            Err(ScriptError::UnsatisfiedLocktime)
        }
    }

    fn lock_time_operand(&self) -> Result<i64, ScriptError> {
        let operand = self.stack.peek(0)?;
        let time = number::decode(operand.as_bytes(), self.is_minimal(), LOCK_TIME_SIZE_MAX)?;
        if time < 0 { Err(ScriptError::NegativeLocktime) } else { Ok(time) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows conditions by name: `t` and `f` open a branch, `e` is else, `.` ends one.
    fn are_taken(steps: &str) -> Result<bool, ScriptError> {
        let mut branches = Branches::default();
        for step in steps.chars() {
            match step {
                'e' => branches.toggle()?,
                '.' => branches.pop()?,
                _ => branches.push(step == 't'),
            }
        }
        Ok(branches.are_all_taken())
    }

    #[test]
    fn a_branch_is_executed_if_every_condition_around_it_holds() {
        for taken in ["", "t", "tt", "fe", "tee", "f.", "tf.", "tfe", "ft..", "fte.e"] {
            assert_eq!(are_taken(taken), Ok(true), "{taken}");
        }
        for skipped in ["f", "tf", "te", "ft", "fte", "ftee", "ft.", "fee"] {
            assert_eq!(are_taken(skipped), Ok(false), "{skipped}");
        }
    }

    #[test]
    fn an_else_or_end_without_a_condition_is_unbalanced() {
        for steps in ["e", ".", "t..", "t.e"] {
            assert_eq!(are_taken(steps), Err(ScriptError::UnbalancedConditional));
        }
    }
}
