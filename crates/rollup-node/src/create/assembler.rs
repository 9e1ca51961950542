//! Opcodes with labels, to bytes: as little as a contract of some dozen lines needs.
//!
//! Every label is pushed as two bytes, so that places are known in one pass.

use std::collections::BTreeMap;

use alloy_primitives::Bytes;

/// What an opcode is called.
///
/// **Spec:** Yellow Paper, appendix H.2; EIP-3855 for `PUSH0`.
#[expect(missing_docs, reason = "the specification's names")]
pub mod op {
    pub const STOP: u8 = 0x00;
    pub const ADD: u8 = 0x01;
    pub const MUL: u8 = 0x02;
    pub const LT: u8 = 0x10;
    pub const EQ: u8 = 0x14;
    pub const ISZERO: u8 = 0x15;
    pub const AND: u8 = 0x16;
    pub const OR: u8 = 0x17;
    pub const SHL: u8 = 0x1b;
    pub const SHR: u8 = 0x1c;
    pub const ORIGIN: u8 = 0x32;
    pub const CALLER: u8 = 0x33;
    pub const CALLVALUE: u8 = 0x34;
    pub const CALLDATALOAD: u8 = 0x35;
    pub const CALLDATASIZE: u8 = 0x36;
    pub const CALLDATACOPY: u8 = 0x37;
    pub const CODECOPY: u8 = 0x39;
    pub const MLOAD: u8 = 0x51;
    pub const MSTORE: u8 = 0x52;
    pub const SSTORE: u8 = 0x55;
    pub const JUMP: u8 = 0x56;
    pub const JUMPI: u8 = 0x57;
    pub const JUMPDEST: u8 = 0x5b;
    pub const PUSH0: u8 = 0x5f;
    pub const DUP1: u8 = 0x80;
    pub const DUP3: u8 = 0x82;
    pub const SWAP1: u8 = 0x90;
    pub const LOG4: u8 = 0xa4;
    pub const RETURN: u8 = 0xf3;
    pub const REVERT: u8 = 0xfd;
    pub const INVALID: u8 = 0xfe;
}

/// Opcode of a push of two bytes; a push of n bytes is n - 2 behind it.
const PUSH2: u8 = 0x61;
/// Opcode in front of the pushes.
const PUSH_BASE: u8 = 0x5f;

/// Code in the making.
#[derive(Debug, Default)]
pub struct Assembler {
    code: Vec<u8>,
    labels: BTreeMap<&'static str, u16>,
    /// Where a label's place is to be written.
    uses: Vec<(usize, &'static str)>,
}

impl Assembler {
    /// Adds opcodes.
    pub fn ops(&mut self, ops: &[u8]) -> &mut Self {
        self.code.extend_from_slice(ops);
        self
    }

    /// Adds a push of a number, without leading zeros.
    pub fn push(&mut self, number: u64) -> &mut Self {
        let bytes = number.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.push_bytes(bytes.get(zeros..).unwrap_or_default())
    }

    /// Adds a push of at most 32 bytes.
    pub fn push_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let count = u8::try_from(bytes.len().min(32)).unwrap_or(32);
        self.code.push(PUSH_BASE + count);
        self.code.extend(bytes.iter().take(32));
        self
    }

    /// Names this place, to which one may jump.
    pub fn label(&mut self, name: &'static str) -> &mut Self {
        self.labels.insert(name, u16::try_from(self.code.len()).unwrap_or(u16::MAX));
        self.ops(&[op::JUMPDEST])
    }

    /// Adds a jump.
    pub fn jump(&mut self, name: &'static str) -> &mut Self {
        self.place(name).ops(&[op::JUMP])
    }

    /// Adds a jump that is taken if what lies on the stack is not zero.
    pub fn jump_if(&mut self, name: &'static str) -> &mut Self {
        self.place(name).ops(&[op::JUMPI])
    }

    fn place(&mut self, name: &'static str) -> &mut Self {
        self.code.push(PUSH2);
        self.uses.push((self.code.len(), name));
        self.ops(&[0, 0])
    }

    /// Returns the code.
    #[must_use]
    pub fn finish(&self) -> Bytes {
        let mut code = self.code.clone();
        for (at, name) in &self.uses {
            // A label nobody set leads to no JUMPDEST: the jump then fails, whatever it is called with.
            let place = self.labels.get(name).copied().unwrap_or(u16::MAX).to_be_bytes();
            if let Some(space) = code.get_mut(*at..at + 2) {
                space.copy_from_slice(&place);
            }
        }
        code.into()
    }
}

/// Returns code that, run once, does what `before` says and leaves `runtime` behind as a contract.
#[must_use]
pub fn deploying(before: &[u8], runtime: &[u8]) -> Bytes {
    /// Bytes between what is done before and the contract: see below.
    const TAIL: usize = 12;
    let length = u16::try_from(runtime.len()).unwrap_or(u16::MAX).to_be_bytes();
    let begin = u16::try_from(before.len() + TAIL).unwrap_or(u16::MAX).to_be_bytes();
    let mut code = Assembler::default();
    // CODECOPY(0, begin, length); RETURN(0, length)
    code.ops(before).push_bytes(&length).ops(&[op::DUP1]).push_bytes(&begin);
    code.ops(&[op::PUSH0, op::CODECOPY, op::PUSH0, op::RETURN, op::INVALID]).ops(runtime);
    code.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_where_they_were_set() {
        let mut code = Assembler::default();
        code.push(0).jump_if("end").push(0x1234).label("end").ops(&[op::STOP]);
        let expected = [0x5f, 0x61, 0, 8, 0x57, 0x61, 0x12, 0x34, 0x5b, 0];
        assert_eq!(code.finish().as_ref(), expected);
    }

    #[test]
    fn what_is_left_behind_begins_where_it_is_said_to() {
        let code = deploying(&[op::PUSH0, op::STOP], &[0xaa, 0xbb]);
        let begin = code.iter().position(|byte| *byte == op::CODECOPY).unwrap();
        let named = u16::from_be_bytes([code[begin - 3], code[begin - 2]]);
        assert_eq!(code[usize::from(named)..], [0xaa, 0xbb]);
    }
}
