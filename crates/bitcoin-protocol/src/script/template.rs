//! The forms of output script that consensus knows.
//!
//! **Spec:** BIP-0016 (pay to script hash), BIP-0141 (witness programs).

use super::{
    instruction::Instructions,
    opcode::{OP_0, OP_1, OP_16, OP_EQUAL, OP_HASH160, OP_RETURN},
};

/// Longest script that is run, and longest an output's may be to be spent, bytes. Tapscripts are exempt.
pub const SCRIPT_SIZE_MAX: usize = 10_000;

/// Returns whether nothing can ever spend an output of this script, so that it stays out of the set of
/// unspent outputs: it begins with `OP_RETURN` or is longer than [`SCRIPT_SIZE_MAX`].
///
/// Bitcoin Core's `CScript::IsUnspendable`. The hash of the set depends on it.
#[must_use]
pub fn is_unspendable(script: &[u8]) -> bool {
    script.first() == Some(&OP_RETURN) || script.len() > SCRIPT_SIZE_MAX
}

/// Returns whether the script is `HASH160 <20 bytes> EQUAL`, in exactly these 23 bytes (BIP-0016).
#[must_use]
pub fn is_p2sh(script: &[u8]) -> bool {
    matches!(script, [OP_HASH160, 20, .., OP_EQUAL] if script.len() == 23)
}

/// A witness program: a version and 2 to 40 bytes (BIP-0141).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WitnessProgram<'a> {
    /// The version, 0 to 16.
    pub version: u8,
    /// The program.
    pub program: &'a [u8],
}

impl<'a> WitnessProgram<'a> {
    /// Returns the program that `script` is: one small number and one direct push of 2 to 40 bytes.
    #[must_use]
    pub fn parse(script: &'a [u8]) -> Option<Self> {
        let (&[first, len], program) = script.split_first_chunk()?;
        let version = match first {
            OP_0 => 0,
            OP_1..=OP_16 => first - OP_1 + 1,
            _ => return None,
        };
        let fits = (2..=40).contains(&program.len()) && usize::from(len) == program.len();
        fits.then_some(Self { version, program })
    }

    /// Returns whether it is the anchor anybody may spend (pay to anchor): version 1, `4e73`.
    #[must_use]
    pub const fn is_anchor(self) -> bool {
        self.version == 1 && matches!(self.program, [0x4e, 0x73])
    }
}

/// Returns whether the script parses and holds nothing but pushes (`OP_RESERVED` counts as one).
///
/// Bitcoin Core's `CScript::IsPushOnly`.
#[must_use]
pub fn is_push_only(script: &[u8]) -> bool {
    last_push(script).is_some()
}

/// Returns what the last push of a script of nothing but pushes pushes; empty for a script without one
/// and, as in Bitcoin Core, for a small number.
pub(super) fn last_push(script: &[u8]) -> Option<&[u8]> {
    let mut instructions = Instructions::new(script);
    let mut last: &[u8] = &[];
    while !instructions.is_done() {
        let instruction = instructions.next().filter(|next| next.opcode <= OP_16)?;
        last = instruction.data;
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_program_is_a_version_and_one_direct_push_of_2_to_40_bytes() {
        let script = |first: u8, len: usize| {
            let mut script = vec![first, u8::try_from(len).unwrap()];
            script.resize(2 + len, 7);
            script
        };
        for (first, version) in [(0, 0), (0x51, 1), (0x60, 16)] {
            let script = script(first, 32);
            let parsed = WitnessProgram::parse(&script).unwrap();
            assert_eq!((parsed.version, parsed.program), (version, &[7; 32][..]));
        }
        for wrong in [script(0, 1), script(0, 41), script(0x50, 32), script(0x61, 32), vec![0]] {
            assert_eq!(WitnessProgram::parse(&wrong), None);
        }
        assert_eq!(WitnessProgram::parse(&script(0, 20)[..21]), None);
        let by_other_push = [&[0, 0x4c, 20][..], &[7; 20]].concat();
        assert_eq!(WitnessProgram::parse(&by_other_push), None);
    }

    #[test]
    fn outputs_that_begin_with_return_or_are_too_long_are_unspendable() {
        assert!(is_unspendable(&[OP_RETURN]));
        assert!(is_unspendable(&[0; SCRIPT_SIZE_MAX + 1]));
        assert!(!is_unspendable(&[0; SCRIPT_SIZE_MAX]));
        assert!(!is_unspendable(&[0, OP_RETURN]));
        assert!(!is_unspendable(&[]));
    }

    #[test]
    fn a_small_number_leaves_no_push_to_look_at() {
        assert_eq!(last_push(&[1, 9, 0x52]), Some(&[][..]));
        assert_eq!(last_push(&[0x52, 1, 9]), Some(&[9][..]));
        assert_eq!(last_push(&[1, 9, 0x61]), None);
        assert_eq!(last_push(&[2, 9]), None);
        assert!(is_push_only(&[]) && is_push_only(&[0x50]));
    }
}
