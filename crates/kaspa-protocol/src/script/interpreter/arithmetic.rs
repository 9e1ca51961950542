//! Arithmetic on 64-bit numbers.
//!
//! Results that do not fit fail the script; before KIP-10 operands of four bytes made that impossible.
//!
//! **Spec:** KIP-10; KIP-17 for multiplication, division and remainder.

use super::{Machine, ScriptError, Trace};
use crate::script::{
    number::NUMBER_SIZE_MAX,
    opcode::{
        OP_0NOTEQUAL, OP_1ADD, OP_1SUB, OP_ABS, OP_ADD, OP_BOOLAND, OP_BOOLOR, OP_DIV,
        OP_GREATERTHAN, OP_GREATERTHANOREQUAL, OP_LESSTHAN, OP_LESSTHANOREQUAL, OP_MAX, OP_MIN,
        OP_MOD, OP_MUL, OP_NEGATE, OP_NOT, OP_NUMEQUAL, OP_NUMEQUALVERIFY, OP_NUMNOTEQUAL, OP_SUB,
        OP_WITHIN,
    },
};

const TOO_BIG: ScriptError = ScriptError::NumberTooBig { limit: NUMBER_SIZE_MAX };

impl<T: Trace> Machine<'_, '_, T> {
    pub(super) fn compute(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let result = match opcode {
            OP_1ADD..=OP_0NOTEQUAL => {
                let [number] = self.pop_numbers()?;
                unary(opcode, number)?
            }
            OP_NUMEQUALVERIFY => {
                let [a, b] = self.pop_numbers()?;
                return if a == b { Ok(()) } else { Err(ScriptError::Verify) };
            }
            OP_WITHIN => {
                let [number, low, high] = self.pop_numbers()?;
                i64::from((low..high).contains(&number))
            }
            _ => {
                let [a, b] = self.pop_numbers()?;
                binary(opcode, a, b)?
            }
        };
        self.push_number(result)
    }
}

fn unary(opcode: u8, number: i64) -> Result<i64, ScriptError> {
    match opcode {
        OP_1ADD => number.checked_add(1).ok_or(TOO_BIG),
        OP_1SUB => number.checked_sub(1).ok_or(TOO_BIG),
        OP_NEGATE => number.checked_neg().ok_or(TOO_BIG),
        OP_ABS => number.checked_abs().ok_or(TOO_BIG),
        OP_NOT => Ok((number == 0).into()),
        OP_0NOTEQUAL => Ok((number != 0).into()),
        _ => Err(ScriptError::InvalidOpcode { opcode }),
    }
}

fn binary(opcode: u8, a: i64, b: i64) -> Result<i64, ScriptError> {
    let outcome = match opcode {
        OP_ADD => return a.checked_add(b).ok_or(TOO_BIG),
        OP_SUB => return a.checked_sub(b).ok_or(TOO_BIG),
        OP_MUL => return a.checked_mul(b).ok_or(TOO_BIG),
        // Towards zero; the remainder has the sign of what is divided.
        OP_DIV => return a.checked_div(b).ok_or(ScriptError::Division),
        OP_MOD => return a.checked_rem(b).ok_or(ScriptError::Division),
        OP_MIN => return Ok(a.min(b)),
        OP_MAX => return Ok(a.max(b)),
        OP_BOOLAND => a != 0 && b != 0,
        OP_BOOLOR => a != 0 || b != 0,
        OP_NUMEQUAL => a == b,
        OP_NUMNOTEQUAL => a != b,
        OP_LESSTHAN => a < b,
        OP_GREATERTHAN => a > b,
        OP_LESSTHANOREQUAL => a <= b,
        OP_GREATERTHANOREQUAL => a >= b,
        _ => return Err(ScriptError::InvalidOpcode { opcode }),
    };
    Ok(outcome.into())
}
