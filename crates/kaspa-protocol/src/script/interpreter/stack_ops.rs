//! Opcodes that move values without looking at them.

use super::{Item, Machine, ScriptError, Trace};
use crate::script::opcode::{
    OP_2DROP, OP_2DUP, OP_2OVER, OP_2ROT, OP_2SWAP, OP_3DUP, OP_DEPTH, OP_DROP, OP_DUP, OP_EQUAL,
    OP_FROMALTSTACK, OP_IFDUP, OP_NIP, OP_OVER, OP_PICK, OP_ROLL, OP_ROT, OP_SIZE, OP_SWAP,
    OP_TOALTSTACK, OP_TUCK,
};

impl<T: Trace> Machine<'_, '_, T> {
    /// `OP_TOALTSTACK` to `OP_TUCK`, and `OP_SIZE`.
    pub(super) fn move_values(&mut self, opcode: u8) -> Result<(), ScriptError> {
        match opcode {
            OP_TOALTSTACK => {
                let [item] = self.stack.pop_array()?;
                self.alt_stack.push_free(item);
                Ok(())
            }
            OP_FROMALTSTACK => {
                let item = self.alt_stack.pop()?;
                self.stack.push_free(item);
                Ok(())
            }
            OP_2DROP => self.stack.drop_top(2),
            OP_2DUP => self.stack.copy_up(2, 2),
            OP_3DUP => self.stack.copy_up(3, 3),
            OP_2OVER => self.stack.copy_up(4, 2),
            OP_2ROT => self.stack.rotate(6, 2),
            OP_2SWAP => self.stack.rotate(4, 2),
            OP_IFDUP => {
                self.stack.require(1)?;
                if self.stack.peek(0).is_some_and(Item::is_true) {
                    self.stack.copy_up(1, 1)?;
                }
                Ok(())
            }
            OP_DEPTH => self.push_length(self.stack.len()),
            OP_DROP => self.stack.drop_top(1),
            OP_DUP => self.stack.copy_up(1, 1),
            OP_NIP => {
                self.stack.require(2)?;
                self.stack.remove(1).map(drop)
            }
            OP_OVER => self.stack.copy_up(2, 1),
            OP_PICK | OP_ROLL => self.pick_or_roll(opcode == OP_ROLL),
            OP_ROT => self.stack.rotate(3, 1),
            OP_SWAP => self.stack.rotate(2, 1),
            OP_TUCK => {
                self.stack.require(2)?;
                let top = self.stack.peek(0).map_or(Item::EMPTY, Item::clone);
                self.stack.insert(2, top)
            }
            OP_SIZE => {
                self.stack.require(1)?;
                self.push_length(self.stack.peek(0).map_or(0, Item::len))
            }
            _ => Err(ScriptError::InvalidOpcode { opcode }),
        }
    }

    /// Copies or moves the value at a depth to the top.
    fn pick_or_roll(&mut self, roll: bool) -> Result<(), ScriptError> {
        let [depth] = self.pop_counts()?;
        let len = self.stack.len();
        let place = usize::try_from(depth).ok().filter(|place| *place < len);
        let place = place.ok_or(ScriptError::InvalidDepth { depth, len })?;
        if roll { self.stack.rotate(place + 1, 1) } else { self.stack.copy_up(place + 1, 1) }
    }

    /// `OP_EQUAL` and `OP_EQUALVERIFY`.
    pub(super) fn compare(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let [left, right] = self.stack.pop_array()?;
        let equal = left.as_bytes() == right.as_bytes();
        if opcode == OP_EQUAL {
            self.stack.push(Item::boolean(equal));
            Ok(())
        } else if equal {
            Ok(())
        } else {
            Err(ScriptError::Verify)
        }
    }
}
