//! Opcodes that compute with numbers.

use super::{Item, Machine, ScriptError, Trace};
use crate::script::{
    number::{self, OPERAND_SIZE_MAX},
    opcode::{
        OP_0NOTEQUAL, OP_1ADD, OP_1SUB, OP_ABS, OP_ADD, OP_BOOLAND, OP_BOOLOR, OP_GREATERTHAN,
        OP_GREATERTHANOREQUAL, OP_LESSTHAN, OP_LESSTHANOREQUAL, OP_MAX, OP_MIN, OP_NEGATE, OP_NOT,
        OP_NUMEQUAL, OP_NUMEQUALVERIFY, OP_NUMNOTEQUAL, OP_SUB, OP_WITHIN,
    },
};

impl<T: Trace> Machine<'_, '_, '_, T> {
    /// `1ADD` to `WITHIN`, without those that are disabled.
    pub(super) fn compute(&mut self, opcode: u8) -> Result<(), ScriptError> {
        match opcode {
            OP_1ADD..=OP_0NOTEQUAL => self.compute_one(opcode),
            OP_WITHIN => {
                self.stack.require(3)?;
                let [value, low, high] = [self.operand(2)?, self.operand(1)?, self.operand(0)?];
                self.stack.drop_top(3)?;
                self.stack.push(Item::boolean(low <= value && value < high));
                Ok(())
            }
            _ => self.compute_two(opcode),
        }
    }

    /// Reads the number at `depth`; four bytes, so that no arithmetic here overflows.
    pub(super) fn operand(&self, depth: usize) -> Result<i64, ScriptError> {
        let item = self.stack.peek(depth)?;
        number::decode(item.as_bytes(), self.is_minimal(), OPERAND_SIZE_MAX)
    }

    fn compute_one(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let value = self.operand(0)?;
        let result = match opcode {
            OP_1ADD => value + 1,
            OP_1SUB => value - 1,
            OP_NEGATE => -value,
            OP_ABS => value.abs(),
            OP_NOT => i64::from(value == 0),
            OP_0NOTEQUAL => i64::from(value != 0),
            _ => return Err(ScriptError::BadOpcode),
        };
        self.stack.drop_top(1)?;
        self.stack.push(Item::number(result));
        Ok(())
    }

    fn compute_two(&mut self, opcode: u8) -> Result<(), ScriptError> {
        self.stack.require(2)?;
        let (a, b) = (self.operand(1)?, self.operand(0)?);
        let result = match opcode {
            OP_ADD => a + b,
            OP_SUB => a - b,
            OP_BOOLAND => i64::from(a != 0 && b != 0),
            OP_BOOLOR => i64::from(a != 0 || b != 0),
            OP_NUMEQUAL | OP_NUMEQUALVERIFY => i64::from(a == b),
            OP_NUMNOTEQUAL => i64::from(a != b),
            OP_LESSTHAN => i64::from(a < b),
            OP_GREATERTHAN => i64::from(a > b),
            OP_LESSTHANOREQUAL => i64::from(a <= b),
            OP_GREATERTHANOREQUAL => i64::from(a >= b),
            OP_MIN => a.min(b),
            OP_MAX => a.max(b),
            _ => return Err(ScriptError::BadOpcode),
        };
        self.stack.drop_top(2)?;
        if opcode == OP_NUMEQUALVERIFY {
            return self.conclude(result != 0, true, ScriptError::Numequalverify);
        }
        self.stack.push(Item::number(result));
        Ok(())
    }
}
