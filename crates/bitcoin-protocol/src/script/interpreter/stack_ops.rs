//! Opcodes that move values about, look at their size, or compare their bytes.

use super::{Item, Machine, ScriptError, Trace};
use crate::script::{
    number::{self, OPERAND_SIZE_MAX},
    opcode::{
        OP_2DROP, OP_2DUP, OP_2OVER, OP_2ROT, OP_2SWAP, OP_3DUP, OP_DEPTH, OP_DROP, OP_DUP,
        OP_EQUALVERIFY, OP_FROMALTSTACK, OP_IFDUP, OP_NIP, OP_OVER, OP_PICK, OP_ROLL, OP_ROT,
        OP_SIZE, OP_SWAP, OP_TOALTSTACK, OP_TUCK,
    },
};

impl<T: Trace> Machine<'_, '_, '_, T> {
    /// `TOALTSTACK` to `TUCK`, and `SIZE`.
    pub(super) fn move_values(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let stack = &mut self.stack;
        match opcode {
            OP_TOALTSTACK => self.alt_stack.push(stack.pop()?),
            OP_FROMALTSTACK => {
                let item = self.alt_stack.pop();
                stack.push(item.ok_or(ScriptError::InvalidAltstackOperation)?);
            }
            OP_2DROP => stack.drop_top(2)?,
            OP_2DUP => stack.copy_up(1, 2)?,
            OP_3DUP => stack.copy_up(2, 3)?,
            OP_2OVER => stack.copy_up(3, 2)?,
            OP_2ROT => stack.rotate(6, 2)?,
            OP_2SWAP => stack.rotate(4, 2)?,
            OP_IFDUP => {
                let top = stack.peek(0)?;
                if top.is_true() {
                    stack.push(top);
                }
            }
            OP_DEPTH => {
                let depth = Item::number(length(stack.len()));
                stack.push(depth);
            }
            OP_DROP => stack.drop_top(1)?,
            OP_DUP => stack.copy_up(0, 1)?,
            OP_NIP => drop(stack.remove(1)?),
            OP_OVER => stack.copy_up(1, 1)?,
            OP_PICK | OP_ROLL => return self.pick(opcode == OP_ROLL),
            OP_ROT => stack.rotate(3, 1)?,
            OP_SWAP => stack.rotate(2, 1)?,
            OP_TUCK => {
                stack.require(2)?;
                let top = stack.peek(0)?;
                stack.insert(2, top)?;
            }
            OP_SIZE => {
                let size = Item::number(length(stack.peek(0)?.as_bytes().len()));
                stack.push(size);
            }
            _ => return Err(ScriptError::BadOpcode),
        }
        Ok(())
    }

    /// `PICK` copies and `ROLL` moves the value at the depth on top of the stack.
    fn pick(&mut self, takes: bool) -> Result<(), ScriptError> {
        self.stack.require(2)?;
        let depth = self.stack.peek(0)?;
        let depth = number::decode(depth.as_bytes(), self.is_minimal(), OPERAND_SIZE_MAX)?;
        self.stack.drop_top(1)?;
        let depth = usize::try_from(depth).map_err(|_| ScriptError::InvalidStackOperation)?;
        let item = if takes { self.stack.remove(depth)? } else { self.stack.peek(depth)? };
        self.stack.push(item);
        Ok(())
    }

    /// `EQUAL` and `EQUALVERIFY`.
    pub(super) fn compare(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let (a, b) = (self.stack.peek(1)?, self.stack.peek(0)?);
        self.stack.drop_top(2)?;
        let equal = a.as_bytes() == b.as_bytes();
        self.conclude(equal, opcode == OP_EQUALVERIFY, ScriptError::Equalverify)
    }
}

/// Returns a length of the stack as a number; there is none near the limit.
fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
