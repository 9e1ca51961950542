//! Scripts as Bitcoin Core's tests write them.
//!
//! Words between white space: a decimal number is pushed as a number, `'text'` as data, `0x…` stands for
//! the bytes themselves, and anything else is an opcode above the pushes, with `OP_` or without.

use quintet_bitcoin_protocol::script::{ScriptFlags, opcode};
use quintet_primitives::hex;

use crate::suite::Mismatch;

/// Largest number that may be written as one.
const NUMBER_MAX: i64 = 0xffff_ffff;

/// Reads a script.
pub(super) fn script(text: &str) -> Result<Vec<u8>, Mismatch> {
    let mut script = Vec::new();
    for word in text.split_ascii_whitespace() {
        assemble(word, &mut script)
            .ok_or_else(|| Mismatch::new("script", "number, 0x, 'text' or opcode", word))?;
    }
    Ok(script)
}

fn assemble(word: &str, script: &mut Vec<u8>) -> Option<()> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = word.parse().ok()?;
        push_number(number, script)
    } else if let Some(bytes) = word.strip_prefix("0x").filter(|bytes| !bytes.is_empty()) {
        script.extend(hex::decode(bytes).ok()?);
        Some(())
    } else if let Some(data) = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')) {
        push_data(data.as_bytes(), script)
    } else {
        script.push(by_name(word)?);
        Some(())
    }
}

fn by_name(word: &str) -> Option<u8> {
    let word = word.strip_prefix("OP_").unwrap_or(word);
    // The pushes of numbers are written as numbers, but for the one that is not pushed.
    let named = opcode::NAMED
        .iter()
        .filter(|(code, _)| *code == opcode::OP_RESERVED || *code >= opcode::OP_NOP);
    let mut named = named.map(|(code, name)| (*code, name.strip_prefix("OP_").unwrap_or(name)));
    named.find(|(_, name)| *name == word).map(|(code, _)| code)
}

fn push_number(number: i64, script: &mut Vec<u8>) -> Option<()> {
    match number {
        0 => script.push(opcode::OP_0),
        -1 => script.push(opcode::OP_1NEGATE),
        1..=16 => script.push(opcode::OP_1 - 1 + u8::try_from(number).ok()?),
        _ if number.abs() <= NUMBER_MAX => {
            let magnitude = number.unsigned_abs().to_le_bytes();
            let len = magnitude.iter().rposition(|byte| *byte != 0)? + 1;
            let mut bytes = magnitude[..len].to_vec();
            if bytes[len - 1] & 0x80 != 0 {
                bytes.push(0);
            }
            if number < 0 {
                *bytes.last_mut()? |= 0x80;
            }
            push_data(&bytes, script)?;
        }
        _ => return None,
    }
    Some(())
}

/// Appends the shortest plain push of `data`; small numbers get no opcode of their own.
pub(super) fn push_data(data: &[u8], script: &mut Vec<u8>) -> Option<()> {
    match u8::try_from(data.len()) {
        Ok(len @ ..0x4c) => script.push(len),
        Ok(len) => script.extend([opcode::OP_PUSHDATA1, len]),
        Err(_) => {
            let len = u16::try_from(data.len()).ok()?;
            script.push(opcode::OP_PUSHDATA2);
            script.extend(len.to_le_bytes());
        }
    }
    script.extend(data);
    Some(())
}

/// Reads flags by name between commas; empty or `NONE` for none.
pub(super) fn flags(text: &str) -> Result<ScriptFlags, Mismatch> {
    if text.is_empty() || text == "NONE" {
        return Ok(ScriptFlags::empty());
    }
    text.split(',').try_fold(ScriptFlags::empty(), |flags, name| {
        let flag = ScriptFlags::from_name(name);
        flag.map(|flag| flags | flag).ok_or_else(|| Mismatch::new("flag", "a known one", name))
    })
}

/// Returns the flags without those whose condition is missing: `WITNESS` needs `P2SH`, `CLEANSTACK` both.
pub(super) fn trimmed(mut flags: ScriptFlags) -> ScriptFlags {
    if !flags.contains(ScriptFlags::P2SH) {
        flags.remove(ScriptFlags::WITNESS);
    }
    if !flags.contains(ScriptFlags::WITNESS) {
        flags.remove(ScriptFlags::CLEANSTACK);
    }
    flags
}

/// Returns the flags with those that are the condition of others.
pub(super) fn filled(mut flags: ScriptFlags) -> ScriptFlags {
    if flags.contains(ScriptFlags::CLEANSTACK) {
        flags.insert(ScriptFlags::WITNESS);
    }
    if flags.contains(ScriptFlags::WITNESS) {
        flags.insert(ScriptFlags::P2SH);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_sort_are_assembled() {
        let read = |text| script(text).unwrap();
        assert_eq!(read("0 -1 1 16 17"), [0, 0x4f, 0x51, 0x60, 1, 17]);
        assert_eq!(read("-127 128 -128 256"), [1, 0xff, 2, 0x80, 0, 2, 0x80, 0x80, 2, 0, 1]);
        assert_eq!(
            read("  0x4c01 0x07 'Az' ''\tDUP OP_DUP"),
            [0x4c, 1, 7, 2, 65, 122, 0, 0x76, 0x76]
        );
        assert_eq!(read("RESERVED CHECKSIGADD CHECKLOCKTIMEVERIFY NOP"), [0x50, 0xba, 0xb1, 0x61]);
    }

    #[test]
    fn words_that_mean_nothing_are_refused() {
        for word in ["0x", "0xg0", "4294967296", "dup", "PUSHDATA1", "'a", "--1", "NOP2"] {
            assert!(script(word).is_err(), "{word}");
        }
    }
}
