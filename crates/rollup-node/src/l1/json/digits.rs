//! Hexadecimal text into numbers and bytes.

use alloy_primitives::{Bytes, U256, hex};

use super::JsonError;

/// Characters of a bad value that are shown.
const SHOWN_CHARS_MAX: usize = 40;

fn bad(field: &'static str, expected: &'static str, actual: &str) -> JsonError {
    let actual = actual.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
    JsonError::Field { field, expected, actual }
}

fn strip(text: &str) -> &str {
    text.strip_prefix("0x").unwrap_or(text)
}

/// Reads a number of at most 32 bytes into big-endian digits without leading zeros; returns how many of the 32 are not used.
pub(crate) fn quantity(field: &'static str, text: &str) -> Result<([u8; 32], usize), JsonError> {
    let wrong = || bad(field, "a number of at most 32 bytes", text);
    let digits = strip(text).trim_start_matches('0');
    if digits.len() > 64 {
        return Err(wrong());
    }
    let mut padded = [b'0'; 64];
    padded[64 - digits.len()..].copy_from_slice(digits.as_bytes());
    let mut bytes = [0; 32];
    hex::decode_to_slice(padded, &mut bytes).map_err(|_| wrong())?;
    Ok((bytes, 32 - digits.len().div_ceil(2)))
}

/// Reads a number of 64 bits.
pub(crate) fn uint64(field: &'static str, text: &str) -> Result<u64, JsonError> {
    let digits = strip(text);
    // `from_str_radix` takes a sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad(field, "a number of 64 bits", text));
    }
    u64::from_str_radix(digits, 16).map_err(|_| bad(field, "a number of 64 bits", text))
}

/// Reads a number of 256 bits.
pub(crate) fn uint256(field: &'static str, text: &str) -> Result<U256, JsonError> {
    quantity(field, text).map(|(bytes, _)| U256::from_be_bytes(bytes))
}

/// Reads exactly `N` bytes.
pub(crate) fn fixed<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], JsonError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(strip(text), &mut bytes)
        .map_err(|_| bad(field, "as many bytes as the field has", text))?;
    Ok(bytes)
}

/// Appends bytes.
pub(crate) fn append(field: &'static str, text: &str, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let digits = strip(text);
    let at = out.len();
    out.resize(at + digits.len() / 2, 0);
    hex::decode_to_slice(digits, &mut out[at..]).map_err(|_| bad(field, "bytes", text))
}

/// Reads bytes.
pub(crate) fn bytes(field: &'static str, text: &str) -> Result<Bytes, JsonError> {
    let mut out = Vec::with_capacity(text.len() / 2);
    append(field, text, &mut out)?;
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lose_their_leading_zeros() {
        for (text, expected) in [("0x0", 0), ("0x", 0), ("0x1", 1), ("0x000100", 256), ("ff", 255)]
        {
            let (bytes, at) = quantity("f", text).unwrap();
            assert_eq!(U256::from_be_bytes(bytes), U256::from(expected), "{text}");
            assert!(bytes.get(at).is_none_or(|first| *first != 0), "{text}");
        }
        for text in ["0xg", "-1", "0x+1", &"f".repeat(65)] {
            assert!(quantity("f", text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_its_field_is_refused() {
        for text in ["", "0x", "0x+1", "0x-1", "0x10000000000000000", "0xé"] {
            assert!(uint64("f", text).is_err(), "{text}");
        }
        assert_eq!(uint64("f", "0xffffffffffffffff"), Ok(u64::MAX));
        assert!(fixed::<2>("f", "0x0102").is_ok());
        for text in ["0x01", "0x010203", "0x01é", "0x010"] {
            assert!(fixed::<2>("f", text).is_err(), "{text}");
            assert!(bytes("f", text).is_err() || text.len() % 2 == 0, "{text}");
        }
    }
}
