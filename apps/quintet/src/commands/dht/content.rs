//! What a record holds, between people and bencoding: text and files travel as byte strings.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context as _, anyhow, bail};
use quintet_dht_protocol::{
    bencode::{self, KeyOrder},
    message::VALUE_MAX,
};

/// Bytes read of a file or of standard input before it is known to be too long.
const READ_MAX: u64 = VALUE_MAX as u64 + 1;

/// The bencoded value to store.
pub(super) fn encode(bytes: &[u8], bencoded: bool) -> anyhow::Result<Vec<u8>> {
    let value = if bencoded {
        bencode::validate(bytes).map_err(|error| {
            anyhow!("expected one bencoded value in canonical form, such as 5:hello: {error}")
        })?;
        bytes.to_vec()
    } else {
        let mut value = format!("{}:", bytes.len()).into_bytes();
        value.extend_from_slice(bytes);
        value
    };
    if value.len() > VALUE_MAX {
        bail!(
            "expected at most {VALUE_MAX} bytes with the length in front, found more: split it, or store its address"
        );
    }
    Ok(value)
}

/// The bytes of a byte string; a value of another form as it is.
pub(super) fn decode(value: &[u8]) -> &[u8] {
    let parsed = bencode::parse(value, KeyOrder::Sorted).ok();
    parsed.and_then(|parsed| parsed.as_bytes()).unwrap_or(value)
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        return bounded(io::stdin().lock()).context("cannot read standard input");
    }
    let place = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {place}"))?;
    bounded(file).with_context(|| format!("cannot read {place}"))
}

/// One byte more than may be stored is enough to be refused for it.
fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(READ_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_travels_as_a_byte_string() {
        let value = encode(b"hello", false).unwrap();
        assert_eq!(value, b"5:hello");
        assert_eq!(decode(&value), b"hello");
    }

    #[test]
    fn a_value_that_is_bencoded_is_stored_as_it_is() {
        let value = encode(b"d1:ai1ee", true).unwrap();
        assert_eq!(value, b"d1:ai1ee");
        assert_eq!(decode(&value), b"d1:ai1ee");
        let error = encode(b"hello", true).unwrap_err().to_string();
        assert!(error.contains("expected one bencoded value"), "{error}");
    }

    #[test]
    fn what_is_too_long_is_refused_before_anybody_is_asked() {
        assert!(encode(&[b'x'; VALUE_MAX - 4], false).is_ok());
        let error = encode(&[b'x'; VALUE_MAX - 3], false).unwrap_err().to_string();
        assert!(error.contains("at most 1000 bytes"), "{error}");
    }
}
