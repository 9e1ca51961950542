//! Reading a script instruction by instruction.
//!
//! A script is a list of opcodes, some followed by data they push. A push that runs over the end is found
//! when it is reached: what stands before it has been run by then.

use super::{
    ScriptError,
    opcode::{OP_PUSHDATA1, OP_PUSHDATA2, OP_PUSHDATA4},
};

/// An opcode and what it pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction<'s> {
    /// The opcode.
    pub opcode: u8,
    /// What it pushes; empty for opcodes above `OP_PUSHDATA4`.
    pub data: &'s [u8],
}

/// The instructions of a script, up to its end or the first that is cut off, which is an error and the last.
#[derive(Debug, Clone)]
pub struct Instructions<'s> {
    script: &'s [u8],
    at: usize,
}

impl<'s> Instructions<'s> {
    /// Starts at the beginning of `script`.
    #[must_use]
    pub const fn new(script: &'s [u8]) -> Self {
        Self { script, at: 0 }
    }

    /// Returns where the next instruction begins, bytes.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    fn take(&mut self, len: usize) -> Result<&'s [u8], ScriptError> {
        let rest = self.script.get(self.at..).unwrap_or_default();
        if let Some(taken) = rest.get(..len) {
            self.at += len;
            Ok(taken)
        } else {
            self.at = self.script.len();
            Err(ScriptError::MalformedPush { expected: len, actual: rest.len() })
        }
    }

    fn length(&mut self, bytes: usize) -> Result<usize, ScriptError> {
        let length = self.take(bytes)?;
        let length = length.iter().rev().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        usize::try_from(length)
            .map_err(|_| ScriptError::MalformedPush { expected: usize::MAX, actual: 0 })
    }

    fn data(&mut self, opcode: u8) -> Result<&'s [u8], ScriptError> {
        let length = match opcode {
            0..OP_PUSHDATA1 => usize::from(opcode),
            OP_PUSHDATA1 => self.length(1)?,
            OP_PUSHDATA2 => self.length(2)?,
            OP_PUSHDATA4 => self.length(4)?,
            _ => return Ok(&[]),
        };
        self.take(length)
    }
}

impl<'s> Iterator for Instructions<'s> {
    type Item = Result<Instruction<'s>, ScriptError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let opcode = *self.script.get(self.at)?;
        self.at += 1;
        Some(self.data(opcode).map(|data| Instruction { opcode, data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_of_every_form_are_read() {
        let script = [0, 1, 7, 0x4c, 2, 8, 9, 0x4d, 1, 0, 5, 0x4e, 1, 0, 0, 0, 6, 0xac];
        let read: Vec<_> = Instructions::new(&script)
            .map(|next| next.map(|next| (next.opcode, next.data)).unwrap())
            .collect();
        let expected: [(u8, &[u8]); 6] =
            [(0, &[]), (1, &[7]), (0x4c, &[8, 9]), (0x4d, &[5]), (0x4e, &[6]), (0xac, &[])];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_cut_off_push_is_an_error_and_the_last_instruction() {
        for script in
            [&[0x51, 2, 1][..], &[0x51, 0x4c], &[0x51, 0x4d, 1], &[0x51, 0x4e, 9, 0, 0, 0]]
        {
            let mut instructions = Instructions::new(script);
            assert!(instructions.next().unwrap().is_ok());
            assert!(instructions.next().unwrap().is_err());
            assert!(instructions.next().is_none());
        }
    }
}
