//! Bitcoin Core's way to write scripts in its vectors: numbers, `'text'`, `0xHEX` as it is, names of opcodes.

use anyhow::{Context as _, bail};
use bitcoin::{ScriptBuf, hex::FromHex as _, opcodes::Opcode, script::Builder};

/// Reads a script.
///
/// # Errors
///
/// If a word is none of these.
pub fn assemble(text: &str) -> anyhow::Result<ScriptBuf> {
    let mut script = Vec::new();
    for word in text.split_whitespace() {
        if let Some(hex) = word.strip_prefix("0x") {
            script.extend(Vec::from_hex(hex)?);
        } else if let Some(text) = word.strip_prefix('\'') {
            let text = text.strip_suffix('\'').context("expected a closing quote")?;
            push(&mut script, text.as_bytes());
        } else if let Ok(number) = word.parse::<i64>() {
            script.extend_from_slice(Builder::new().push_int(number).as_bytes());
        } else {
            script.push(opcode(word)?);
        }
    }
    Ok(ScriptBuf::from_bytes(script))
}

/// Appends a push of these bytes in its usual form.
pub fn push(script: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len().to_le_bytes();
    match bytes.len() {
        0..=75 => script.push(len[0]),
        76..=255 => script.extend([0x4c, len[0]]),
        256..=65_535 => script.extend([0x4d, len[0], len[1]]),
        _ => script.extend([0x4e, len[0], len[1], len[2], len[3]]),
    }
    script.extend_from_slice(bytes);
}

fn opcode(word: &str) -> anyhow::Result<u8> {
    let name = word.strip_prefix("OP_").unwrap_or(word);
    let known = match name {
        "CHECKLOCKTIMEVERIFY" | "NOP2" => Some(0xb1),
        "CHECKSEQUENCEVERIFY" | "NOP3" => Some(0xb2),
        _ => None,
    };
    let found = known.or_else(|| (0x4f..=0xba).find(|byte| name_of(*byte) == name));
    found.map_or_else(|| bail!("expected an opcode, came {word}"), Ok)
}

fn name_of(byte: u8) -> String {
    let name = Opcode::from(byte).to_string();
    name.strip_prefix("OP_").unwrap_or(&name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_each_sort_are_read() {
        let script =
            assemble("0 1 -1 17 'Az' 0x4c 0x01 0x07 DUP OP_HASH160 NOP2 CHECKSIGADD").unwrap();
        let expected = "00514f0111024 17a 4c0107 76 a9 b1 ba".replace(' ', "");
        assert_eq!(script.to_hex_string(), expected);
        assert!(assemble("NOSUCH").is_err());
    }
}
