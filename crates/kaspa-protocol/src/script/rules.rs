//! What changed from era to era, as data.
//!
//! ```text
//!   legacy ─── KIP-10 ──► crescendo ─── KIP-16, 17, 20, 21 ──► toccata
//!   4-byte numbers        8-byte numbers                        pushes and numbers of any form
//!   10 kB, 520 B, 201     7 introspection opcodes               1 MB, 1 MB, 1,000,000
//!   static sig ops        sig ops counted while running         everything priced in script units
//! ```
//!
//! The interpreter asks a [`Rules`]; it never asks which era it is. Which rules a block is under is decided
//! by its DAA score, elsewhere.
//!
//! **Spec:** KIP-10; rusty-kaspa's `crypto/txscript` at v1.0.1, v1.1.0, v2.0.1 and after.

use crate::params::Era;

use super::opcode::{
    OP_1NEGATE, OP_2DIV, OP_2MUL, OP_16, OP_AUTH_OUTPUT_COUNT, OP_BLAKE2B_WITH_KEY,
    OP_BLAKE3_WITH_KEY, OP_CAT, OP_CHECK_SEQUENCE_VERIFY, OP_INVERT, OP_MOD, OP_MUL, OP_NOP,
    OP_RESERVED, OP_RESERVED1, OP_RESERVED2, OP_RIGHT, OP_RSHIFT, OP_SUBSTR, OP_TRUE,
    OP_TX_INPUT_AMOUNT, OP_TX_INPUT_COUNT, OP_TX_INPUT_INDEX, OP_TX_INPUT_IS_COINBASE,
    OP_TX_INPUT_SCRIPT_SIG_LEN, OP_TX_INPUT_SPK, OP_TX_OUTPUT_AMOUNT, OP_TX_OUTPUT_COUNT,
    OP_TX_OUTPUT_SPK, OP_TX_VERSION, OP_VER, OP_VERIF, OP_VERNOTIF, OP_XOR, OP_ZK_PRECOMPILE,
};

/// Longest script the engine runs before Toccata, bytes.
pub const SCRIPT_SIZE_MAX: usize = 10_000;

/// Longest script the engine runs since Toccata, bytes. Transactions carry no more than 250,000.
pub const TOCCATA_SCRIPT_SIZE_MAX: usize = 1_000_000;

/// What an opcode is in an era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpcodeKind {
    /// It does something.
    Active,
    /// It fails a script in which it is reached, executed or not.
    Disabled,
    /// Reserved, and fails a script in which it is reached, executed or not.
    Illegal,
    /// It fails a script that executes it.
    Reserved,
    /// It has no meaning, and fails a script that executes it.
    Unknown,
}

/// How what a script spends is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metering {
    /// Not while it runs: the static count is compared with the input's.
    Static,
    /// Executed signature operations, against the input's count.
    SigOps,
    /// Script units, against what the input commits to.
    ScriptUnits,
}

/// The rules of one era.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) kinds: [OpcodeKind; 256],
    /// Longest operand of arithmetic, bytes.
    pub(super) number_size_max: usize,
    /// Longest number that says how many or where, bytes.
    pub(super) count_size_max: usize,
    /// Pushes and numbers must be as short as they can be, and a condition no byte or one.
    pub(super) minimal: bool,
    pub(super) script_size_max: usize,
    /// Longest value the script itself holds, bytes.
    pub(super) element_size_max: usize,
    /// Longest value an opcode makes, bytes. Until Toccata none could make one longer than it found, but
    /// those of KIP-10 that show a whole script: they have no limit of their own.
    pub(super) result_size_max: usize,
    pub(super) ops_max: usize,
    pub(super) metering: Metering,
    /// Of a bad signature and a bad key the signature's length is named.
    pub(super) signature_first: bool,
}

/// From genesis to Crescendo: rusty-kaspa v1.0.1, kaspad.
static LEGACY: Rules = Rules {
    kinds: legacy_kinds(),
    number_size_max: 4,
    count_size_max: 4,
    minimal: true,
    script_size_max: SCRIPT_SIZE_MAX,
    element_size_max: 520,
    result_size_max: usize::MAX,
    ops_max: 201,
    metering: Metering::Static,
    signature_first: true,
};

static CRESCENDO: Rules =
    Rules { kinds: crescendo_kinds(), number_size_max: 8, metering: Metering::SigOps, ..LEGACY };

static CRESCENDO_KEY_FIRST: Rules = Rules { signature_first: false, ..CRESCENDO };

static TOCCATA: Rules = Rules {
    kinds: toccata_kinds(),
    number_size_max: 8,
    count_size_max: 8,
    minimal: false,
    script_size_max: TOCCATA_SCRIPT_SIZE_MAX,
    element_size_max: 1_000_000,
    result_size_max: 1_000_000,
    ops_max: 1_000_000,
    metering: Metering::ScriptUnits,
    signature_first: false,
};

impl Rules {
    /// Returns the rules of an era, errors named as the latest release that knew it names them.
    #[must_use]
    pub fn of(era: Era) -> &'static Self {
        match era {
            Era::PreCrescendo => &LEGACY,
            Era::Crescendo => &CRESCENDO_KEY_FIRST,
            Era::Toccata => &TOCCATA,
        }
    }

    /// The rules from genesis to Crescendo.
    #[must_use]
    pub fn legacy() -> &'static Self {
        &LEGACY
    }

    /// The rules from Crescendo (KIP-10, KIP-14) to Toccata, as rusty-kaspa v1.1.0 names errors.
    #[must_use]
    pub fn crescendo() -> &'static Self {
        &CRESCENDO
    }

    /// The same rules; of a bad signature and a bad key the key is named, as rusty-kaspa v2.0.1 does.
    #[must_use]
    pub fn crescendo_key_first() -> &'static Self {
        &CRESCENDO_KEY_FIRST
    }

    /// The rules from Toccata (KIP-16, 17, 20, 21) on.
    #[must_use]
    pub fn toccata() -> &'static Self {
        &TOCCATA
    }

    /// Returns what `opcode` is.
    #[must_use]
    pub fn kind(&self, opcode: u8) -> OpcodeKind {
        self.kinds[usize::from(opcode)]
    }
}

const fn set(kinds: &mut [OpcodeKind; 256], first: u8, last: u8, kind: OpcodeKind) {
    // `From` is no const function; a u8 always fits.
    let (mut at, last) = (first as usize, last as usize);
    while at <= last {
        kinds[at] = kind;
        at += 1;
    }
}

const fn set_each(kinds: &mut [OpcodeKind; 256], opcodes: &[u8], kind: OpcodeKind) {
    let mut at = 0;
    while at < opcodes.len() {
        set(kinds, opcodes[at], opcodes[at], kind);
        at += 1;
    }
}

const fn legacy_kinds() -> [OpcodeKind; 256] {
    use OpcodeKind::{Active, Disabled, Illegal, Reserved, Unknown};
    let mut kinds = [Unknown; 256];
    set(&mut kinds, 0, OP_1NEGATE, Active);
    set(&mut kinds, OP_TRUE, OP_16, Active);
    set(&mut kinds, OP_NOP, OP_CHECK_SEQUENCE_VERIFY, Active);
    set_each(&mut kinds, &[OP_ZK_PRECOMPILE, OP_BLAKE2B_WITH_KEY], Unknown);
    set_each(&mut kinds, &[OP_RESERVED, OP_VER, OP_RESERVED1, OP_RESERVED2], Reserved);
    set_each(&mut kinds, &[OP_VERIF, OP_VERNOTIF], Illegal);
    set(&mut kinds, OP_CAT, OP_RIGHT, Disabled);
    set(&mut kinds, OP_INVERT, OP_XOR, Disabled);
    set_each(&mut kinds, &[OP_2MUL, OP_2DIV], Disabled);
    set(&mut kinds, OP_MUL, OP_RSHIFT, Disabled);
    set(&mut kinds, OP_TX_VERSION, OP_TX_INPUT_IS_COINBASE, Reserved);
    set_each(&mut kinds, &KIP10, Unknown);
    kinds
}

/// The opcodes KIP-10 gave a meaning.
const KIP10: [u8; 7] = [
    OP_TX_INPUT_COUNT,
    OP_TX_OUTPUT_COUNT,
    OP_TX_INPUT_INDEX,
    OP_TX_INPUT_AMOUNT,
    OP_TX_INPUT_SPK,
    OP_TX_OUTPUT_AMOUNT,
    OP_TX_OUTPUT_SPK,
];

const fn crescendo_kinds() -> [OpcodeKind; 256] {
    let mut kinds = legacy_kinds();
    set_each(&mut kinds, &KIP10, OpcodeKind::Active);
    kinds
}

const fn toccata_kinds() -> [OpcodeKind; 256] {
    use OpcodeKind::Active;
    let mut kinds = crescendo_kinds();
    set_each(&mut kinds, &[OP_CAT, OP_SUBSTR], Active);
    set(&mut kinds, OP_INVERT, OP_XOR, Active);
    set(&mut kinds, OP_MUL, OP_MOD, Active);
    set_each(&mut kinds, &[OP_ZK_PRECOMPILE, OP_BLAKE2B_WITH_KEY], Active);
    set(&mut kinds, OP_TX_VERSION, OP_TX_INPUT_SCRIPT_SIG_LEN, Active);
    set(&mut kinds, OP_AUTH_OUTPUT_COUNT, OP_BLAKE3_WITH_KEY, Active);
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::opcode::{
        OP_0NOTEQUAL, OP_AND, OP_COV_OUTPUT_IDX, OP_DIV, OP_EQUAL, OP_EQUALVERIFY, OP_LEFT,
        OP_LSHIFT, OP_OR, OP_SIZE,
    };

    fn count(rules: &Rules, kind: OpcodeKind) -> usize {
        rules.kinds.iter().filter(|known| **known == kind).count()
    }

    #[test]
    fn each_era_adds_opcodes_and_takes_none_away() {
        for (before, after) in [(&LEGACY, &CRESCENDO), (&CRESCENDO, &TOCCATA)] {
            for opcode in 0..=u8::MAX {
                if before.kind(opcode) == OpcodeKind::Active {
                    assert_eq!(after.kind(opcode), OpcodeKind::Active, "{opcode:#x}");
                }
            }
        }
        assert_eq!(count(&CRESCENDO, OpcodeKind::Active) - count(&LEGACY, OpcodeKind::Active), 7);
        assert_eq!(count(&LEGACY, OpcodeKind::Disabled), 15);
        assert_eq!(count(&TOCCATA, OpcodeKind::Disabled), 6);
    }

    #[test]
    fn an_opcode_without_a_meaning_is_told_from_a_reserved_one() {
        for rules in [&LEGACY, &CRESCENDO, &TOCCATA] {
            assert_eq!(rules.kind(0xca), OpcodeKind::Unknown);
            assert_eq!(rules.kind(0xff), OpcodeKind::Unknown);
            assert_eq!(rules.kind(OP_VERIF), OpcodeKind::Illegal);
            assert_eq!(rules.kind(OP_RESERVED), OpcodeKind::Reserved);
            assert_eq!(rules.kind(OP_LEFT), OpcodeKind::Disabled);
            for opcode in [OP_SIZE, OP_EQUAL, OP_EQUALVERIFY, OP_0NOTEQUAL] {
                assert_eq!(rules.kind(opcode), OpcodeKind::Active);
            }
        }
        assert_eq!(LEGACY.kind(OP_OR), OpcodeKind::Disabled);
        assert_eq!(TOCCATA.kind(OP_AND), OpcodeKind::Active);
        assert_eq!(TOCCATA.kind(OP_DIV), OpcodeKind::Active);
        assert_eq!(TOCCATA.kind(OP_LSHIFT), OpcodeKind::Disabled);
        assert_eq!(LEGACY.kind(OP_COV_OUTPUT_IDX), OpcodeKind::Unknown);
    }
}
