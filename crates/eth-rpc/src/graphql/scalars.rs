//! Scalars: numbers, hashes and bytes as EIP-1767 writes them.
//!
//! Numbers are taken as JSON numbers, as decimal text and as hexadecimal text with `0x`, and given as the last of these.

use alloy_primitives::{Address, B256, U256, hex};
use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// Long is a 64 bit unsigned integer. Input is a JSON number or a string, decimal or hexadecimal with 0x. Output is hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Long(pub(super) u64);

/// BigInt is an unsigned integer of 256 bits. Input is a JSON number or a string, decimal or hexadecimal with 0x. Output is hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BigInt(pub(super) U256);

/// Bytes32 is a string of 32 bytes, in hexadecimal with 0x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(pub(super) B256);

/// Address is an address of 20 bytes, in hexadecimal with 0x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Addr(pub(super) Address);

/// Bytes is a string of any number of bytes, in hexadecimal with 0x.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Data(pub(super) Vec<u8>);

impl Long {
    /// A count.
    pub(super) fn count(number: usize) -> Self {
        Self(u64::try_from(number).unwrap_or(u64::MAX))
    }

    /// As an index; one beyond all lists if it is too large.
    pub(super) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl BigInt {
    /// A number of wei.
    pub(super) fn wei(number: impl Into<u128>) -> Self {
        Self(U256::from(number.into()))
    }
}

fn number(text: &str) -> Option<U256> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some("") => None,
        Some(digits) => U256::from_str_radix(digits, 16).ok(),
        None if text.is_empty() => None,
        None => U256::from_str_radix(text, 10).ok(),
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    let digits = text(value)?;
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?;
    hex::decode(digits).ok()
}

/// A scalar with its form in words.
macro_rules! scalar {
    ($name:literal, $kind:ident, $expected:literal, $read:expr, $write:expr) => {
        #[Scalar(name = $name)]
        impl ScalarType for $kind {
            fn parse(value: Value) -> InputValueResult<Self> {
                let read: fn(&Value) -> Option<Self> = $read;
                read(&value).ok_or_else(|| {
                    let mut actual = value.to_string();
                    actual.truncate(actual.floor_char_boundary(80));
                    InputValueError::custom(format!("expected {}, got {actual}", $expected))
                })
            }

            fn to_value(&self) -> Value {
                let write: fn(&Self) -> String = $write;
                Value::String(write(self))
            }
        }
    };
}

scalar!(
    "Long",
    Long,
    "an unsigned number of at most 64 bits",
    |value| match value {
        Value::Number(number) => number.as_u64().map(Self),
        other => u64::try_from(number(text(other)?)?).ok().map(Self),
    },
    |long| format!("{:#x}", long.0)
);

scalar!(
    "BigInt",
    BigInt,
    "an unsigned number of at most 256 bits",
    |value| match value {
        Value::Number(number) => number.as_u64().map(U256::from).map(Self),
        other => number(text(other)?).map(Self),
    },
    |big| format!("{:#x}", big.0)
);

scalar!(
    "Bytes32",
    Word,
    "32 bytes in hexadecimal with 0x",
    |value| B256::try_from(bytes(value)?.as_slice()).ok().map(Self),
    |word| hex::encode_prefixed(word.0)
);

scalar!(
    "Address",
    Addr,
    "20 bytes in hexadecimal with 0x",
    |value| Address::try_from(bytes(value)?.as_slice()).ok().map(Self),
    |address| hex::encode_prefixed(address.0)
);

scalar!("Bytes", Data, "bytes in hexadecimal with 0x", |value| bytes(value).map(Self), |data| {
    hex::encode_prefixed(&data.0)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_in_three_forms() {
        for value in [Value::from(30), Value::from("30"), Value::from("0x1e")] {
            assert_eq!(Long::parse(value.clone()).ok(), Some(Long(30)), "{value}");
            assert_eq!(BigInt::parse(value).ok(), Some(BigInt(U256::from(30))));
        }
        for value in [
            Value::from(-1),
            Value::from("0x"),
            Value::from(""),
            Value::from("0x10000000000000000"),
        ] {
            assert!(Long::parse(value.clone()).is_err(), "{value}");
        }
        assert_eq!(Long(0).to_value(), Value::from("0x0"));
    }

    #[test]
    fn bytes_have_their_length_and_two_digits_each() {
        let address = Value::from(format!("0x{:040x}", 7));
        assert!(Addr::parse(address.clone()).is_ok());
        assert!(Word::parse(address).is_err());
        for value in ["0x1", "12", "0xzz"] {
            assert!(Data::parse(Value::from(value)).is_err(), "{value}");
        }
        assert_eq!(Data::parse(Value::from("0x")).ok(), Some(Data(Vec::new())));
    }
}
