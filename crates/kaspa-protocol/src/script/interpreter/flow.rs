//! Branches and lock times.
//!
//! **Spec:** rusty-kaspa's `opcodes/mod.rs`, "Control opcodes" and the lock time opcodes.

use super::{Machine, ScriptError, Trace};

/// Lock times below are DAA scores, others milliseconds of Unix time.
const LOCK_TIME_THRESHOLD: u64 = 500_000_000_000;

/// A sequence number that switches the lock time off.
const SEQUENCE_FINAL: u64 = u64::MAX;

/// Sequence numbers with this bit are no relative lock.
const SEQUENCE_DISABLE: u64 = 1 << 63;

/// The bits of a relative lock that have a meaning.
const SEQUENCE_MASK: u64 = 0xffff_ffff;

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
        self.depth.checked_sub(1).ok_or(ScriptError::NoCondition)
    }
}

impl<T: Trace> Machine<'_, '_, T> {
    /// `IF` and `NOTIF`: before Toccata on an empty value or one, then on any.
    pub(super) fn branch(&mut self, negated: bool) -> Result<(), ScriptError> {
        let mut taken = false;
        if self.branches.are_all_taken() {
            let condition = if self.rules.minimal {
                let condition = self.stack.pop()?;
                if !matches!(condition.as_bytes(), [] | [1]) {
                    return Err(ScriptError::NotBoolean);
                }
                condition
            } else {
                let [condition] = self.stack.pop_array()?;
                condition
            };
            taken = condition.is_true() != negated;
        }
        self.branches.push(taken);
        Ok(())
    }

    /// The transaction is not valid before the DAA score or time on the stack.
    pub(super) fn check_lock_time(&mut self) -> Result<(), ScriptError> {
        let required = self.pop_lock()?;
        let actual = self.tx.lock_time;
        let same_kind = (actual < LOCK_TIME_THRESHOLD) == (required < LOCK_TIME_THRESHOLD);
        // A final input would switch the transaction's lock time off.
        let is_final = self.own_input()?.sequence == SEQUENCE_FINAL;
        if same_kind && required <= actual && !is_final {
            Ok(())
        } else {
            Err(ScriptError::UnsatisfiedLockTime { required, actual })
        }
    }

    /// The spent output is at least as old as the stack says.
    pub(super) fn check_sequence(&mut self) -> Result<(), ScriptError> {
        let required = self.pop_lock()?;
        if required & SEQUENCE_DISABLE != 0 {
            return Ok(());
        }
        let actual = self.own_input()?.sequence;
        if actual & SEQUENCE_DISABLE == 0 && required & SEQUENCE_MASK <= actual & SEQUENCE_MASK {
            Ok(())
        } else {
            Err(ScriptError::UnsatisfiedLockTime { required, actual })
        }
    }

    /// Takes a lock: eight bytes or fewer, little-endian, without a sign. Unlike in Bitcoin it is taken, and
    /// it is no number of the stack's form.
    fn pop_lock(&mut self) -> Result<u64, ScriptError> {
        let [lock] = self.stack.pop_array()?;
        let mut bytes = [0; 8];
        let too_big = ScriptError::NumberTooBig { limit: 8 };
        bytes.get_mut(..lock.len()).ok_or(too_big)?.copy_from_slice(lock.as_bytes());
        Ok(u64::from_le_bytes(bytes))
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
    fn an_else_or_end_without_a_condition_is_an_error() {
        for steps in ["e", ".", "t..", "t.e"] {
            assert_eq!(are_taken(steps), Err(ScriptError::NoCondition));
        }
    }
}
