//! Opcodes that compute with bytes: joining, cutting, bitwise logic, numbers of fixed size.
//!
//! A value appended to over and over is extended in place, and a part of a push is borrowed.
//!
//! **Spec:** KIP-17.

use super::{Item, Machine, ScriptError, Trace};
use crate::script::{
    number,
    opcode::{OP_AND, OP_BIN2NUM, OP_CAT, OP_INVERT, OP_NUM2BIN, OP_OR, OP_SUBSTR},
};

impl<'s, T: Trace> Machine<'s, '_, T> {
    pub(super) fn splice(&mut self, opcode: u8) -> Result<(), ScriptError> {
        match opcode {
            OP_CAT => {
                let (right, left) = (self.stack.pop()?, self.stack.pop()?);
                let (actual, limit) = (left.len() + right.len(), self.rules.result_size_max);
                if actual > limit {
                    return Err(ScriptError::ElementTooBig { actual, limit });
                }
                self.push(left.append(right.as_bytes()))
            }
            OP_SUBSTR => {
                let [start, end] = self.pop_counts()?;
                let value = self.stack.pop()?;
                let [start, end] = [index(start)?, index(end)?];
                let part = self.part(&value, start, end)?;
                self.push(part)
            }
            OP_INVERT => {
                let value = self.stack.pop()?;
                self.push(Item::owned(value.as_bytes().iter().map(|byte| !byte).collect()))
            }
            OP_NUM2BIN => self.number_to_bytes(),
            OP_BIN2NUM => {
                let [number] = self.pop_numbers()?;
                self.push_number(number)
            }
            _ => self.combine(opcode),
        }
    }

    /// `OP_AND`, `OP_OR`, `OP_XOR`: on values of equal length.
    fn combine(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let (right, left) = (self.stack.pop()?, self.stack.pop()?);
        if left.len() != right.len() {
            return Err(ScriptError::UnequalOperands { left: left.len(), right: right.len() });
        }
        let pairs = left.as_bytes().iter().zip(right.as_bytes());
        let combined = match opcode {
            OP_AND => pairs.map(|(left, right)| left & right).collect(),
            OP_OR => pairs.map(|(left, right)| left | right).collect(),
            _ => pairs.map(|(left, right)| left ^ right).collect(),
        };
        self.push(Item::owned(combined))
    }

    /// `OP_NUM2BIN`: a number in as many bytes as asked for, at most eight.
    fn number_to_bytes(&mut self) -> Result<(), ScriptError> {
        let [size] = self.pop_indices()?;
        if size > number::NUMBER_SIZE_MAX {
            return Err(ScriptError::NotMinimal);
        }
        let [number] = self.pop_numbers()?;
        let bytes = number::encode_sized(number, size)?;
        self.push(Item::copy_of(&bytes[..size]))
    }

    /// Returns a part of a value.
    pub(super) fn part(
        &self,
        value: &Item<'s>,
        start: usize,
        end: usize,
    ) -> Result<Item<'s>, ScriptError> {
        let actual = end.checked_sub(start).ok_or(ScriptError::InvalidRange { start, end })?;
        let limit = self.rules.result_size_max;
        if actual > limit {
            return Err(ScriptError::ElementTooBig { actual, limit });
        }
        value.part(start, end).ok_or(ScriptError::OutOfBounds { start, end, len: value.len() })
    }
}

fn index(number: i64) -> Result<usize, ScriptError> {
    usize::try_from(number).map_err(|_| ScriptError::InvalidIndex { index: number })
}
