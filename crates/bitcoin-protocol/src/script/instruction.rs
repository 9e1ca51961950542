//! Reading a script instruction by instruction.
//!
//! A script is a list of opcodes, some followed by data they push. Bytes that end inside a push make the
//! rest unreadable; what was read before stays read. Bitcoin Core's `GetScriptOp`.

use super::opcode::{OP_PUSHDATA1, OP_PUSHDATA2, OP_PUSHDATA4};

/// An opcode and what it pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction<'s> {
    /// The opcode.
    pub opcode: u8,
    /// What it pushes; empty for opcodes above `OP_PUSHDATA4`.
    pub data: &'s [u8],
}

/// The instructions of a script, up to its end or the first that is cut off.
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

    /// Starts at byte `at` of `script`, or at its end.
    #[must_use]
    pub(super) fn starting_at(script: &'s [u8], at: usize) -> Self {
        Self { script, at: at.min(script.len()) }
    }

    /// Returns where the next instruction begins. After a cut-off one: where its data would begin, or,
    /// its length cut off as well, where that would.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Returns whether no byte is left. Says nothing once [`Iterator::next`] found a cut-off instruction.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.at >= self.script.len()
    }

    fn length<const N: usize>(&mut self) -> Option<usize> {
        let bytes: &[u8; N] = self.script.get(self.at..)?.first_chunk()?;
        self.at += N;
        let length = bytes.iter().rev().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        usize::try_from(length).ok()
    }
}

impl<'s> Iterator for Instructions<'s> {
    type Item = Instruction<'s>;

    #[inline]
    fn next(&mut self) -> Option<Instruction<'s>> {
        let opcode = *self.script.get(self.at)?;
        self.at += 1;
        let length = match opcode {
            0..OP_PUSHDATA1 => usize::from(opcode),
            OP_PUSHDATA1 => self.length::<1>()?,
            OP_PUSHDATA2 => self.length::<2>()?,
            OP_PUSHDATA4 => self.length::<4>()?,
            _ => return Some(Instruction { opcode, data: &[] }),
        };
        let data = self.script[self.at..].get(..length)?;
        self.at += length;
        Some(Instruction { opcode, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_of_every_form_are_read() {
        let script = [0, 1, 7, 0x4c, 2, 8, 9, 0x4d, 1, 0, 5, 0x4e, 1, 0, 0, 0, 6, 0xac];
        let read: Vec<_> =
            Instructions::new(&script).map(|next| (next.opcode, next.data)).collect();
        let expected: [(u8, &[u8]); 6] =
            [(0, &[]), (1, &[7]), (0x4c, &[8, 9]), (0x4d, &[5]), (0x4e, &[6]), (0xac, &[])];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_cut_off_push_ends_the_reading_behind_its_length() {
        let cut: [(&[u8], usize); 6] = [
            (&[2, 1], 1),
            (&[0x4c], 1),
            (&[0x4c, 2, 1], 2),
            (&[0x4d, 1], 1),
            (&[0x4d, 1, 0], 3),
            (&[0x4e, 0xff, 0xff, 0xff, 0xff, 1], 5),
        ];
        for (script, at) in cut {
            let mut instructions = Instructions::new(script);
            assert_eq!(instructions.next(), None);
            assert_eq!(instructions.at(), at, "{script:?}");
        }
    }
}
