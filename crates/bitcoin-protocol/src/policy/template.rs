//! The shapes of outputs.
//!
//! **Spec:** Bitcoin Core, `Solver`, `GetTxnOutputType`.

use crate::script::{Instruction, Instructions, WitnessProgram, is_p2sh, is_push_only, opcode};

/// Lengths of a public key of a bare script, bytes.
const KEY_BYTES: [usize; 2] = [33, 65];

/// What an output pays to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Template {
    /// Nothing that is known.
    Nonstandard,
    /// A public key.
    PublicKey,
    /// The hash of a public key.
    PublicKeyHash,
    /// The hash of a script (BIP-0016).
    ScriptHash,
    /// Some of several public keys.
    Multisig {
        /// Signatures that are needed.
        required: u8,
        /// Keys there are.
        total: u8,
    },
    /// Nobody: it carries data.
    NullData,
    /// The hash of a public key, in a witness (BIP-0141).
    WitnessKeyHash,
    /// The hash of a script, in a witness.
    WitnessScriptHash,
    /// A taproot output key (BIP-0341).
    Taproot,
    /// Anybody, to raise a fee.
    Anchor,
    /// A witness program that is kept for later.
    WitnessUnknown,
}

impl Template {
    /// Finds the template of a script.
    #[must_use]
    pub fn of(script: &[u8]) -> Self {
        if is_p2sh(script) {
            return Self::ScriptHash;
        }
        if let Some(program) = WitnessProgram::parse(script) {
            return match (program.version, program.program.len()) {
                (0, 20) => Self::WitnessKeyHash,
                (0, 32) => Self::WitnessScriptHash,
                (0, _) => Self::Nonstandard,
                (1, 32) => Self::Taproot,
                _ if program.is_anchor() => Self::Anchor,
                _ => Self::WitnessUnknown,
            };
        }
        match script {
            [opcode::OP_RETURN, rest @ ..] if is_push_only(rest) => Self::NullData,
            [0x76, 0xa9, 20, rest @ ..] if rest.len() == 22 && rest.ends_with(&[0x88, 0xac]) => {
                Self::PublicKeyHash
            }
            [length, key @ .., 0xac] if usize::from(*length) == key.len() && is_key(key) => {
                Self::PublicKey
            }
            _ => multisig(script).unwrap_or(Self::Nonstandard),
        }
    }

    /// Returns Bitcoin Core's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nonstandard => "nonstandard",
            Self::PublicKey => "pubkey",
            Self::PublicKeyHash => "pubkeyhash",
            Self::ScriptHash => "scripthash",
            Self::Multisig { .. } => "multisig",
            Self::NullData => "nulldata",
            Self::WitnessKeyHash => "witness_v0_keyhash",
            Self::WitnessScriptHash => "witness_v0_scripthash",
            Self::Taproot => "witness_v1_taproot",
            Self::Anchor => "anchor",
            Self::WitnessUnknown => "witness_unknown",
        }
    }
}

/// Returns whether the length fits what the first byte says.
fn is_key(bytes: &[u8]) -> bool {
    match bytes.first() {
        Some(2 | 3) => bytes.len() == KEY_BYTES[0],
        Some(4 | 6 | 7) => bytes.len() == KEY_BYTES[1],
        _ => false,
    }
}

/// `m key… n CHECKMULTISIG`.
fn multisig(script: &[u8]) -> Option<Template> {
    let [inner @ .., opcode::OP_CHECKMULTISIG] = script else { return None };
    let instructions: Vec<_> = Instructions::new(inner).collect();
    let [required, keys @ .., total] = instructions.as_slice() else { return None };
    let small = |at: &Instruction<'_>| {
        (opcode::OP_1..=opcode::OP_16).contains(&at.opcode).then(|| at.opcode - opcode::OP_1 + 1)
    };
    let (required, total) = (small(required)?, small(total)?);
    let fits = required <= total
        && keys.len() == usize::from(total)
        && keys.iter().all(|key| is_key(key.data));
    fits.then_some(Template::Multisig { required, total })
}
