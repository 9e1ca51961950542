//! Scripts as rusty-kaspa's tests write them.
//!
//! Words between white space: a decimal number is pushed as a number, `'text'` as data, `0x…` stands for
//! the bytes themselves, and anything else is an opcode, with `OP_` or without, underscores where one likes.

use quintet_kaspa_protocol::script::opcode;
use quintet_primitives::hex;

use crate::suite::Mismatch;

/// Reads a script.
pub(super) fn script(text: &str) -> Result<Vec<u8>, Mismatch> {
    let mut script = Vec::new();
    for word in text.split_whitespace() {
        assemble(word, &mut script)
            .ok_or_else(|| Mismatch::new("script", "number, 0x, 'text' or opcode", word))?;
    }
    Ok(script)
}

fn assemble(word: &str, script: &mut Vec<u8>) -> Option<()> {
    if let Ok(number) = word.parse() {
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
    let plain = |name: &str| {
        let name = name.to_ascii_uppercase().replace('_', "");
        name.strip_prefix("OP").map_or_else(|| name.clone(), str::to_owned)
    };
    let wanted = plain(word);
    let named = opcode::NAMED.iter().find(|(_, name)| plain(name) == wanted);
    named.map(|(code, _)| *code)
}

fn push_number(number: i64, script: &mut Vec<u8>) -> Option<()> {
    match number {
        0 => script.push(opcode::OP_FALSE),
        -1 => script.push(opcode::OP_1NEGATE),
        1..=16 => script.push(opcode::OP_TRUE - 1 + u8::try_from(number).ok()?),
        _ => {
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
    }
    Some(())
}

/// Appends the shortest push of `data`; a single byte may have an opcode of its own.
fn push_data(data: &[u8], script: &mut Vec<u8>) -> Option<()> {
    match *data {
        [0x81] => script.push(opcode::OP_1NEGATE),
        [number @ 1..=16] => script.push(opcode::OP_TRUE - 1 + number),
        _ => {
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
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_sort_are_assembled() {
        let read = |text| script(text).unwrap();
        assert_eq!(read("0 -1 1 16 17"), [0, 0x4f, 0x51, 0x60, 1, 17]);
        assert_eq!(read("-127 128 -128 256"), [1, 0xff, 2, 0x80, 0, 2, 0x80, 0x80, 2, 0, 1]);
        assert_eq!(read("0x4c01 'Az' ''\tDUP OP_DUP"), [0x4c, 1, 2, 65, 122, 0, 0x76, 0x76]);
        assert_eq!(read("CHECKSIGFROMSTACK TX_INPUT_COUNT TxInputCount"), [0xd7, 0xb3, 0xb3]);
    }

    #[test]
    fn words_that_mean_nothing_are_refused() {
        for word in ["0x", "0xg0", "9223372036854775808", "'a", "--1", "NOP2"] {
            assert!(script(word).is_err(), "{word}");
        }
    }
}
