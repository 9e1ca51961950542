//! Numbers and bytes as the Python node writes them: whole numbers of any size, and hexadecimal without a prefix.

use std::borrow::Cow;

use alloy_primitives::{Address, B256, U256, hex};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use super::error::Fault;

/// Most decimal digits of a number: those of 2^256.
const DIGITS_MAX: usize = 78;

/// A whole number of at most 256 bits. JSON readers would make a floating-point number of a large one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Natural(pub(super) U256);

impl<'de> Deserialize<'de> for Natural {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let whole = !text.is_empty()
            && text.len() <= DIGITS_MAX
            && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if whole { U256::from_str_radix(text, 10).ok() } else { None };
        number.map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(90).collect();
            D::Error::custom(format!("expected a whole number from 0 to 2^256 - 1, got {shown}"))
        })
    }
}

impl Natural {
    pub(super) fn small(self, field: &'static str) -> Result<u64, Fault> {
        u64::try_from(self.0).map_err(|_| Fault::TooLarge { field, actual: self.0 })
    }
}

/// Bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Hex(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let bare = !text.starts_with("0x");
        let bytes = if bare { hex::decode(text.as_bytes()).ok() } else { None };
        bytes.map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(90).collect();
            D::Error::custom(format!("expected hexadecimal without 0x, got {shown:?}"))
        })
    }
}

impl Hex {
    pub(super) fn word(&self, field: &'static str) -> Result<B256, Fault> {
        let wrong = || Fault::Length { field, expected: "32", actual: self.0.len() };
        B256::try_from(self.0.as_slice()).map_err(|_| wrong())
    }

    pub(super) fn address(&self, field: &'static str) -> Result<Address, Fault> {
        let wrong = || Fault::Length { field, expected: "20", actual: self.0.len() };
        Address::try_from(self.0.as_slice()).map_err(|_| wrong())
    }
}

/// An address with its prefix, as configuration files have it.
pub(super) fn prefixed_address(text: &str) -> Option<Address> {
    let digits = text.strip_prefix("0x")?;
    let bytes = hex::decode(digits.as_bytes()).ok().filter(|_| !digits.starts_with("0x"))?;
    Address::try_from(bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_exact() {
        let large =
            "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        let read = |text: &str| serde_json::from_str::<Natural>(text).ok().map(|number| number.0);
        assert_eq!(read(large), Some(U256::MAX));
        assert_eq!(read("0"), Some(U256::ZERO));
        for text in [
            "-1",
            "1.0",
            "1e3",
            "true",
            "\"1\"",
            "null",
            &format!("{large}0"),
            &large.replace("935", "936"),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_are_bare_hexadecimal() {
        let read = |text: &str| serde_json::from_str::<Hex>(text).ok().map(|hex| hex.0);
        assert_eq!(read("\"00fF\""), Some(vec![0, 255]));
        assert_eq!(read("\"\""), Some(vec![]));
        for text in ["\"0x00\"", "\"0\"", "\"0g\"", "7"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(prefixed_address("0x0x00000000000000000000000000000000000001").is_none());
    }
}
