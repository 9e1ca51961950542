//! Which autonomous system an address is announced by, as a bit-packed program that Bitcoin Core reads.
//!
//! Peers are spread over network operators, not over address prefixes: who controls one operator's
//! machines should not fill every connection. The map is a small program over the 128 bits of an
//! address (IPv4 as `::ffff:a.b.c.d`), read from the most significant:
//!
//! ```text
//!   RETURN asn      the answer
//!   JUMP offset     take the next address bit; if it is 1, skip `offset` bits of the program
//!   MATCH bits      if the next address bits are not these, the answer is the default
//!   DEFAULT asn     the answer from here on unless another is found; 0 at first: none
//! ```
//!
//! Operands are in a variable code: classes of growing width, each announced by one more 1.
//!
//! # Invariants
//!
//! - An [`Asmap`] has passed Core's sanity check: every path ends in a `RETURN` or a default within 128
//!   address bits, jumps nest, and nothing follows the program but at most 7 bits of zeros.
//!
//! **Spec:** Bitcoin Core, `src/util/asmap.cpp`: `Interpret`, `SanityCheckAsmap`.

use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

/// Longest map, bytes; Bitcoin Core's limit for a file.
pub const ASMAP_MAX: usize = 8 << 20;

/// Bits of an address.
const ADDRESS_BITS: u32 = 128;

/// Widest match, bits.
const MATCH_BITS_MAX: u32 = 8;

/// Why bytes are no map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AsmapError {
    /// The map is too long.
    #[error("expected a map of at most {ASMAP_MAX} bytes, got {actual}")]
    TooLong {
        /// Bytes of the map.
        actual: usize,
    },
    /// The program breaks a rule.
    #[error("bit {at} of the map: {rule}")]
    Malformed {
        /// Where the instruction ends or cannot be read, bits.
        at: usize,
        /// What was expected.
        rule: &'static str,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instruction {
    Return(u32),
    Jump(usize),
    /// The expected bits, and how many there are.
    Match(u32, u32),
    Default(u32),
}

/// Which kind of instruction came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Jump,
    Match,
    Default,
}

/// A checked map.
#[derive(Debug, Clone)]
pub struct Asmap(Vec<u8>);

impl Asmap {
    /// Takes a map after checking all of it.
    ///
    /// # Errors
    ///
    /// [`AsmapError`] if it is too long or not a well-formed program for 128-bit addresses.
    pub fn new(bytes: Vec<u8>) -> Result<Self, AsmapError> {
        if bytes.len() > ASMAP_MAX {
            return Err(AsmapError::TooLong { actual: bytes.len() });
        }
        check(&bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the map as it was given.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the number of the autonomous system that announces `address`, 0 if the map has none.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> u32 {
        let address: Ipv6Addr = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        // A checked program ends in a return; the default is for the reader.
        interpret(&self.0, address.to_bits()).unwrap_or_default()
    }
}

fn interpret(program: &[u8], address: u128) -> Option<u32> {
    let mut program = Program { bytes: program, at: 0 };
    let (mut default, mut left) = (0, ADDRESS_BITS);
    loop {
        match program.instruction()? {
            Instruction::Return(asn) => return Some(asn),
            Instruction::Jump(offset) => {
                left = left.checked_sub(1)?;
                if address >> left & 1 == 1 {
                    program.at = program.at.checked_add(offset)?;
                }
            }
            Instruction::Match(expected, count) => {
                left = left.checked_sub(count)?;
                if address >> left & ((1 << count) - 1) != u128::from(expected) {
                    return Some(default);
                }
            }
            Instruction::Default(asn) => default = asn,
        }
    }
}

/// What the check carries from one instruction to the next.
struct Check {
    /// Where the other branches of open jumps begin, and the address bits left there.
    branches: Vec<(usize, u32)>,
    left: u32,
    before: Before,
    narrow_match: bool,
}

fn check(bytes: &[u8]) -> Result<(), AsmapError> {
    let mut program = Program { bytes, at: 0 };
    let mut check = Check {
        branches: Vec::new(),
        left: ADDRESS_BITS,
        before: Before::Jump,
        narrow_match: false,
    };
    loop {
        let rule = |rule| AsmapError::Malformed { at: program.at, rule };
        if check.branches.last().is_some_and(|(start, _)| program.at >= *start) {
            return Err(rule("expected the branch of a jump to end before the other begins"));
        }
        let Some(instruction) = program.instruction() else {
            return Err(AsmapError::Malformed {
                at: program.at,
                rule: "expected an instruction with its operand, got the end",
            });
        };
        let done = check.step(instruction, &program);
        if done.map_err(|rule| AsmapError::Malformed { at: program.at, rule })? {
            return Ok(());
        }
    }
}

impl Check {
    /// Follows one instruction, which `program` has just read; returns whether it ends the program.
    fn step(
        &mut self,
        instruction: Instruction,
        program: &Program<'_>,
    ) -> Result<bool, &'static str> {
        match instruction {
            Instruction::Return(_) => return self.end_branch(program),
            Instruction::Jump(offset) => {
                let target = program.at + offset;
                if target > program.len() {
                    return Err("expected a jump inside the map");
                }
                self.left = self.left.checked_sub(1).ok_or("expected an address bit to test")?;
                if self.branches.last().is_some_and(|(start, _)| target >= *start) {
                    return Err("expected jumps to nest");
                }
                self.branches.push((target, self.left));
                self.before = Before::Jump;
            }
            Instruction::Match(_, count) => {
                self.narrow_match &= self.before == Before::Match;
                if count < MATCH_BITS_MAX && self.narrow_match {
                    return Err("expected at most one match of fewer than 8 bits in a sequence");
                }
                self.narrow_match = count < MATCH_BITS_MAX;
                self.left = self.left.checked_sub(count).ok_or("expected address bits to match")?;
                self.before = Before::Match;
            }
            Instruction::Default(_) => {
                if self.before == Before::Default {
                    return Err("expected one default, got two in a row");
                }
                self.before = Before::Default;
            }
        }
        Ok(false)
    }

    fn end_branch(&mut self, program: &Program<'_>) -> Result<bool, &'static str> {
        if self.before == Before::Default {
            return Err("expected no default right before a return");
        }
        let Some((start, left)) = self.branches.pop() else {
            let mut rest = program.clone();
            if program.len() - program.at > 7 {
                return Err("expected fewer than 8 bits after the program");
            }
            while let Some(bit) = rest.bit() {
                if bit {
                    return Err("expected zeros after the program");
                }
            }
            return Ok(true);
        };
        if program.at != start {
            return Err("expected the other branch of a jump right after a return");
        }
        self.left = left;
        self.before = Before::Jump;
        Ok(false)
    }
}

/// A position in a program, bits; the least significant bit of a byte comes first.
#[derive(Debug, Clone)]
struct Program<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Program<'_> {
    const fn len(&self) -> usize {
        self.bytes.len() * 8
    }

    fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    fn instruction(&mut self) -> Option<Instruction> {
        Some(match self.number(0, 0..=2, |class| u32::from(class == 2))? {
            0 => Instruction::Return(self.asn()?),
            1 => Instruction::Jump(usize::try_from(self.number(17, 5..=30, |width| width)?).ok()?),
            2 => {
                // The bits to match stand behind a 1 that says where they begin.
                let bits = self.number(2, 1..=8, |width| width)?;
                let count = bits.ilog2();
                Instruction::Match(bits ^ 1 << count, count)
            }
            _ => Instruction::Default(self.asn()?),
        })
    }

    fn asn(&mut self) -> Option<u32> {
        self.number(1, 15..=24, |width| width)
    }

    /// Reads a number in classes: each 1 steps over a class of 2^width numbers, a 0 (left out in front of
    /// the last class) chooses the class at hand, and `width` bits tell which of its numbers.
    fn number(
        &mut self,
        least: u32,
        classes: core::ops::RangeInclusive<u32>,
        width: impl Fn(u32) -> u32,
    ) -> Option<u32> {
        let (mut number, last) = (least, *classes.end());
        for class in classes {
            let width = width(class);
            if class != last && self.bit()? {
                number += 1 << width;
                continue;
            }
            for place in (0..width).rev() {
                number += u32::from(self.bit()?) << place;
            }
            return Some(number);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Assembles numbers of the first class of each code: enough for small programs.
    #[derive(Default)]
    struct Assembler(Vec<bool>);

    impl Assembler {
        fn bits(mut self, number: u32, width: u32) -> Self {
            self.0.extend((0..width).rev().map(|place| number >> place & 1 == 1));
            self
        }

        fn asn(self, asn: u32) -> Self {
            self.bits(0, 1).bits(asn - 1, 15)
        }

        fn ret(self, asn: u32) -> Self {
            self.bits(0, 1).asn(asn)
        }

        fn jump(self, offset: u32) -> Self {
            self.bits(0b10, 2).bits(0, 1).bits(offset - 17, 5)
        }

        fn match_bit(self, bit: u32) -> Self {
            self.bits(0b110, 3).bits(0, 1).bits(bit, 1)
        }

        fn match_byte(self, byte: u32) -> Self {
            self.bits(0b110, 3).bits(0x7f, 7).bits(byte, 8)
        }

        fn fallback(self, asn: u32) -> Self {
            self.bits(0b111, 3).asn(asn)
        }

        fn bytes(self) -> Vec<u8> {
            let byte = |bits: &[bool]| {
                bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << at)
            };
            self.0.chunks(8).map(byte).collect()
        }
    }

    fn rule(program: Assembler) -> &'static str {
        match Asmap::new(program.bytes()) {
            Err(AsmapError::Malformed { rule, .. }) => rule,
            other => panic!("{other:?}"),
        }
    }

    fn fork() -> Vec<u8> {
        Assembler::default().jump(17).ret(5).ret(9).bytes()
    }

    #[test]
    fn a_jump_takes_one_branch_for_each_bit() {
        let map = Asmap::new(fork()).unwrap();
        assert_eq!(map.lookup("1.2.3.4".parse().unwrap()), 5);
        assert_eq!(map.lookup("2001:db8::1".parse().unwrap()), 5);
        assert_eq!(map.lookup("8000::".parse().unwrap()), 9);
    }

    #[test]
    fn a_match_that_fails_answers_the_default() {
        let program = Assembler::default().fallback(3).match_bit(1).ret(7);
        let map = Asmap::new(program.bytes()).unwrap();
        assert_eq!(map.lookup("8000::".parse().unwrap()), 7);
        assert_eq!(map.lookup("::1".parse().unwrap()), 3);
        let map = Asmap::new(Assembler::default().match_bit(1).ret(7).bytes()).unwrap();
        assert_eq!(map.lookup("::1".parse().unwrap()), 0);
    }

    #[test]
    fn a_map_cut_at_any_byte_is_refused() {
        let whole = fork();
        for cut in 0..whole.len() {
            assert!(Asmap::new(whole[..cut].to_vec()).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn each_rule_refuses_the_map_that_breaks_it() {
        let start = Assembler::default;
        assert!(rule(start().fallback(1).fallback(2).ret(3)).contains("two in a row"));
        assert!(rule(start().fallback(1).ret(3)).contains("right before a return"));
        assert!(rule(start().jump(40).ret(1)).contains("inside the map"));
        assert!(rule(start().jump(18).ret(1).bits(0, 1).ret(2)).contains("right after a return"));
        assert!(rule(start().jump(18).jump(40).ret(1).ret(2).ret(3)).contains("nest"));
        assert!(rule(start().match_bit(1).match_bit(1).ret(3)).contains("fewer than 8 bits"));
        assert!(rule(start().ret(3).bits(1, 7)).contains("zeros"));
        assert!(rule(start().ret(3).bits(0, 15)).contains("fewer than 8 bits after"));
        let deep = || (0..16).fold(start(), |program, byte| program.match_byte(byte));
        assert!(Asmap::new(deep().ret(1).bytes()).is_ok());
        assert!(rule(deep().match_byte(0).ret(1)).contains("address bits to match"));
        assert!(rule(deep().jump(17).ret(1).ret(2)).contains("address bit to test"));
    }

    #[test]
    fn a_map_beyond_the_limit_is_refused() {
        let refused = Asmap::new(vec![0; ASMAP_MAX + 1]).unwrap_err();
        assert_eq!(refused, AsmapError::TooLong { actual: ASMAP_MAX + 1 });
    }
}
