//! Names in a Go fuzz corpus: the first digits of the SHA-256 of the entry as Go writes it to disk.

use quintet_crypto::digest::sha256;

/// Digits of an entry's name.
const NAME_LEN: usize = 16;

/// Returns the name Go gives an entry of these byte arguments. None if Go's spelling of them depends
/// on Unicode tables, that is, if they hold UTF-8 beyond ASCII.
pub(super) fn name(arguments: &[Vec<u8>]) -> Option<String> {
    let mut entry = String::from("go test fuzz v1\n");
    for argument in arguments {
        entry.push_str("[]byte(\"");
        quote(argument, &mut entry)?;
        entry.push_str("\")\n");
    }
    let mut name = sha256(&[entry.as_bytes()]).to_string();
    name.truncate(NAME_LEN);
    Some(name)
}

/// Appends `bytes` as Go quotes a string: printable ASCII as it is, the rest escaped.
fn quote(bytes: &[u8], out: &mut String) -> Option<()> {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => out.extend(['\\', character]),
                '\x07' => out.push_str("\\a"),
                '\x08' => out.push_str("\\b"),
                '\t' => out.push_str("\\t"),
                '\n' => out.push_str("\\n"),
                '\x0b' => out.push_str("\\v"),
                '\x0c' => out.push_str("\\f"),
                '\r' => out.push_str("\\r"),
                ' '..='~' => out.push(character),
                '\0'..='\x7f' => out.push_str(&format!("\\x{:02x}", u32::from(character))),
                _ => return None,
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    Some(())
}
