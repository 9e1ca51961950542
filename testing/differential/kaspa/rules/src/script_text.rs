//! Writing scripts: pushes, numbers, and the reference's test notation.

use quintet_kaspa_protocol::script::opcode::{self, OP_1NEGATE, OP_FALSE, OP_TRUE};

use super::random::SplitMix;

/// Appends the shortest push of `data`.
pub fn push(script: &mut Vec<u8>, data: &[u8]) {
    match *data {
        [] => script.push(OP_FALSE),
        [0x81] => script.push(OP_1NEGATE),
        [number @ 1..=16] => script.push(OP_TRUE - 1 + number),
        _ => push_long(script, data, 0),
    }
}

/// Appends a push in some form: mostly the shortest, at times a longer one.
pub fn push_somehow(script: &mut Vec<u8>, data: &[u8], random: &mut SplitMix) {
    if random.percent(93) {
        push(script, data);
    } else {
        push_long(script, data, random.below(4));
    }
}

/// Appends a push whose length takes at least form `form`: a byte that is the opcode, or 1, 2, 4 bytes.
fn push_long(script: &mut Vec<u8>, data: &[u8], form: u64) {
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let bytes = len.to_le_bytes();
    match (len, form) {
        (1..0x4c, 0) => script.push(bytes[0]),
        (0..0x100, 0 | 1) => script.extend([opcode::OP_PUSHDATA1, bytes[0]]),
        (0..0x1_0000, 0..=2) => script.extend([opcode::OP_PUSHDATA2, bytes[0], bytes[1]]),
        _ => {
            script.push(opcode::OP_PUSHDATA4);
            script.extend(bytes);
        }
    }
    script.extend(data);
}

/// Returns a number as scripts write it: little-endian, the highest bit its sign, no byte too many.
pub fn number(number: i64) -> Vec<u8> {
    let mut bytes = number.unsigned_abs().to_le_bytes().to_vec();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.last().is_some_and(|last| last & 0x80 != 0) {
        bytes.push(0);
    }
    if let Some(last) = bytes.last_mut().filter(|_| number < 0) {
        *last |= 0x80;
    }
    bytes
}

/// Reads a script as the reference's tests write it; `None` for what is none.
pub fn assemble(text: &str) -> Option<Vec<u8>> {
    let mut script = Vec::new();
    for word in text.split_whitespace() {
        if let Ok(value) = word.parse::<i64>() {
            push(&mut script, &number(value));
        } else if let Some(bytes) = word.strip_prefix("0x") {
            script.extend(quintet_primitives::hex::decode(bytes).ok()?);
        } else if let Some(data) = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\''))
        {
            push(&mut script, data.as_bytes());
        } else {
            let wanted = plain(word);
            script.push(opcode::NAMED.iter().find(|(_, name)| plain(name) == wanted)?.0);
        }
    }
    Some(script)
}

fn plain(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace('_', "");
    name.strip_prefix("OP").map_or_else(|| name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_written_as_scripts_have_them() {
        assert_eq!(
            assemble("0 -1 16 17 -127 128 -128 0x4c01 'Az' DUP"),
            Some(vec![
                0, 0x4f, 0x60, 1, 17, 1, 0xff, 2, 0x80, 0, 2, 0x80, 0x80, 0x4c, 1, 2, 65, 122, 0x76
            ])
        );
        assert_eq!(assemble("NOP2"), None);
    }
}
