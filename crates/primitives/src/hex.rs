//! Bytes as hexadecimal text, lower case out, either case in.

use thiserror::Error;

/// Text that is not the hexadecimal form of the expected number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HexError {
    /// The text has an odd number of digits.
    #[error("expected an even number of hexadecimal digits, got {digits}")]
    OddLength {
        /// Digits in the text.
        digits: usize,
    },
    /// The text has a wrong number of bytes.
    #[error("expected {expected} bytes as {} hexadecimal digits, got {actual} digits", expected * 2)]
    WrongLength {
        /// Bytes expected.
        expected: usize,
        /// Digits in the text.
        actual: usize,
    },
    /// A character is no hexadecimal digit.
    #[error("expected a hexadecimal digit at position {position}")]
    BadDigit {
        /// Byte offset in the text.
        position: usize,
    },
}

/// Returns the lower-case hexadecimal form of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0f));
    }
    text
}

/// Parses hexadecimal text of any even length.
///
/// # Errors
///
/// [`HexError`] names the offending length or position.
pub fn decode(text: &str) -> Result<Vec<u8>, HexError> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return Err(HexError::OddLength { digits: digits.len() });
    }
    let mut bytes = vec![0; digits.len() / 2];
    fill(&mut bytes, digits)?;
    Ok(bytes)
}

/// Parses hexadecimal text of exactly `N` bytes.
///
/// # Errors
///
/// [`HexError`] names the offending length or position.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return Err(HexError::WrongLength { expected: N, actual: digits.len() });
    }
    let mut bytes = [0; N];
    fill(&mut bytes, digits)?;
    Ok(bytes)
}

fn fill(bytes: &mut [u8], digits: &[u8]) -> Result<(), HexError> {
    for (index, (byte, pair)) in bytes.iter_mut().zip(digits.chunks_exact(2)).enumerate() {
        let high = value(pair[0]).ok_or(HexError::BadDigit { position: index * 2 })?;
        let low = value(pair[1]).ok_or(HexError::BadDigit { position: index * 2 + 1 })?;
        *byte = high << 4 | low;
    }
    Ok(())
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

const fn digit(nibble: u8) -> char {
    (if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }) as char
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decoding_undoes_encoding(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes.clone()));
            prop_assert_eq!(decode(&encode(&bytes).to_uppercase()), Ok(bytes));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text: String) {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text.to_lowercase());
            }
        }
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        assert_eq!(decode("abc"), Err(HexError::OddLength { digits: 3 }));
        assert_eq!(decode("0g"), Err(HexError::BadDigit { position: 1 }));
        let short = decode_array::<20>("00").unwrap_err();
        assert_eq!(short.to_string(), "expected 20 bytes as 40 hexadecimal digits, got 2 digits");
    }
}
