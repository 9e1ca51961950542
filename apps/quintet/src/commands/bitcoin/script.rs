//! Scripts as people read them.

use quintet_bitcoin_protocol::{
    address::{self, Prefixes},
    script::{Instruction, Instructions, WitnessProgram, is_p2sh, is_push_only, opcode},
};
use quintet_primitives::hex;
use serde_json::{Map, Value, json};

/// Longest push that is shown as a number, bytes.
const NUMBER_BYTES_MAX: usize = 4;

/// Longest public key of a bare script, bytes.
const KEY_BYTES: [usize; 2] = [33, 65];

/// Returns a script in Bitcoin Core's notation, pushes of at most four bytes as numbers.
///
/// **Spec:** Bitcoin Core, `ScriptToAsmStr`; the hash types of signatures are left in their hexadecimal digits.
pub(super) fn asm(script: &[u8]) -> String {
    let mut words = Vec::new();
    let mut at = 0;
    let mut instructions = Instructions::new(script);
    while let Some(instruction) = instructions.next() {
        words.push(word(instruction));
        at = instructions.at();
    }
    if at < script.len() {
        words.push("[error]".to_owned());
    }
    words.join(" ")
}

/// Returns one instruction in Bitcoin Core's notation.
pub(super) fn word(Instruction { opcode, data }: Instruction<'_>) -> String {
    match opcode {
        0..=opcode::OP_PUSHDATA4 if data.len() <= NUMBER_BYTES_MAX => number(data).to_string(),
        0..=opcode::OP_PUSHDATA4 => hex::encode(data),
        opcode::OP_1NEGATE => "-1".to_owned(),
        opcode::OP_1..=opcode::OP_16 => (opcode - opcode::OP_1 + 1).to_string(),
        _ => opcode::name(opcode).unwrap_or("OP_UNKNOWN").to_owned(),
    }
}

/// Reads a number: little-endian, the highest bit is the sign.
fn number(bytes: &[u8]) -> i64 {
    let magnitude = |last: u8| {
        let low = bytes.iter().rev().skip(1);
        low.fold(i64::from(last), |sum, byte| sum << 8 | i64::from(*byte))
    };
    match bytes.last() {
        None => 0,
        Some(last) if last & 0x80 == 0 => magnitude(*last),
        Some(last) => -magnitude(last & 0x7f),
    }
}

/// Returns what `decoderawtransaction` says of an output's script.
pub(super) fn describe(script: &[u8], network: Option<&Prefixes>) -> Value {
    let mut fields = Map::new();
    fields.insert("asm".to_owned(), json!(asm(script)));
    fields.insert("hex".to_owned(), json!(hex::encode(script)));
    if let Some(address) = network.and_then(|network| address::encode(script, network)) {
        fields.insert("address".to_owned(), json!(address));
    }
    fields.insert("type".to_owned(), json!(kind(script)));
    fields.into()
}

/// Names the template of an output's script.
///
/// **Spec:** Bitcoin Core, `Solver` and `GetTxnOutputType`.
pub(super) fn kind(script: &[u8]) -> &'static str {
    if is_p2sh(script) {
        return "scripthash";
    }
    if let Some(program) = WitnessProgram::parse(script) {
        return match (program.version, program.program.len()) {
            (0, 20) => "witness_v0_keyhash",
            (0, 32) => "witness_v0_scripthash",
            (0, _) => "nonstandard",
            (1, 32) => "witness_v1_taproot",
            _ if program.is_anchor() => "anchor",
            _ => "witness_unknown",
        };
    }
    match script {
        [opcode::OP_RETURN, rest @ ..] if is_push_only(rest) => "nulldata",
        [0x76, 0xa9, 20, rest @ ..] if rest.len() == 22 && rest.ends_with(&[0x88, 0xac]) => {
            "pubkeyhash"
        }
        [length, key @ .., 0xac] if usize::from(*length) == key.len() && is_key(key) => "pubkey",
        _ if is_multisig(script) => "multisig",
        _ => "nonstandard",
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
fn is_multisig(script: &[u8]) -> bool {
    let [inner @ .., opcode::OP_CHECKMULTISIG] = script else { return false };
    let instructions: Vec<_> = Instructions::new(inner).collect();
    let [required, keys @ .., total] = instructions.as_slice() else { return false };
    let small = |at: &Instruction<'_>| {
        (opcode::OP_1..=opcode::OP_16).contains(&at.opcode).then(|| at.opcode - opcode::OP_1 + 1)
    };
    match (small(required), small(total)) {
        (Some(required), Some(total)) => {
            required <= total
                && keys.len() == usize::from(total)
                && keys.iter().all(|key| is_key(key.data))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    #[test]
    fn small_pushes_are_numbers_and_others_hexadecimal() {
        for (bytes, expected) in [
            ("", ""),
            ("00", "0"),
            ("4f", "-1"),
            ("5160", "1 16"),
            ("01e4", "-100"),
            ("02e803", "1000"),
            ("04ffff001d", "486604799"),
            ("050102030405", "0102030405"),
            ("76a988ac", "OP_DUP OP_HASH160 OP_EQUALVERIFY OP_CHECKSIG"),
            ("fa", "OP_UNKNOWN"),
            ("7602aa", "OP_DUP [error]"),
        ] {
            assert_eq!(asm(&script(bytes)), expected, "{bytes}");
        }
    }

    #[test]
    fn templates_have_core_s_names() {
        let (hash, long) = ("11".repeat(20), "22".repeat(32));
        let key = format!("02{long}");
        for (bytes, expected) in [
            (format!("76a914{hash}88ac"), "pubkeyhash"),
            (format!("a914{hash}87"), "scripthash"),
            (format!("0014{hash}"), "witness_v0_keyhash"),
            (format!("0020{long}"), "witness_v0_scripthash"),
            (format!("5120{long}"), "witness_v1_taproot"),
            ("51024e73".to_owned(), "anchor"),
            (format!("5220{long}"), "witness_unknown"),
            (format!("21{key}ac"), "pubkey"),
            (format!("5121{key}21{key}52ae"), "multisig"),
            (format!("5121{key}52ae"), "nonstandard"),
            ("6a0401020304".to_owned(), "nulldata"),
            ("51".to_owned(), "nonstandard"),
        ] {
            assert_eq!(kind(&script(&bytes)), expected, "{bytes}");
        }
    }
}
