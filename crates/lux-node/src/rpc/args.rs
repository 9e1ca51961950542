//! Parameters as tools send them.

use std::str::FromStr;

use alloy_primitives::{Address, B256, Bytes, U256};
use quintet_eth_rpc::EthError;
use quintet_rpc::Params;
use serde_json::Value;

/// Most parameters of a method.
const PARAMS_MAX: usize = 16;

/// Parameters by their place.
pub(super) struct Args(Vec<Value>);

impl Args {
    pub(super) fn read(params: &Params<'_>) -> Result<Self, String> {
        if params.as_str().is_none() {
            return Ok(Self(Vec::new()));
        }
        let values: Vec<Value> = params.parse().map_err(|error| error.message().to_owned())?;
        if values.len() > PARAMS_MAX {
            return Err(format!("expected at most {PARAMS_MAX} parameters, got {}", values.len()));
        }
        Ok(Self(values))
    }

    /// The parameter at a place; none if it is left out or null.
    pub(super) fn get(&self, at: usize) -> Option<&Value> {
        self.0.get(at).filter(|value| !value.is_null())
    }

    pub(super) fn needed(&self, at: usize) -> Result<&Value, EthError> {
        self.get(at)
            .ok_or_else(|| EthError::params(format!("missing value for required argument {at}")))
    }

    pub(super) fn number(&self, at: usize) -> Result<U256, EthError> {
        number(self.needed(at)?)
    }

    pub(super) fn small(&self, at: usize) -> Result<u64, EthError> {
        small(self.needed(at)?)
    }

    pub(super) fn address(&self, at: usize) -> Result<Address, EthError> {
        parsed(self.needed(at)?, "an address of 20 bytes")
    }

    pub(super) fn hash(&self, at: usize) -> Result<B256, EthError> {
        parsed(self.needed(at)?, "32 bytes")
    }

    pub(super) fn bytes(&self, at: usize) -> Result<Bytes, EthError> {
        parsed(self.needed(at)?, "bytes in hexadecimal")
    }

    pub(super) fn flag(&self, at: usize) -> Result<bool, EthError> {
        let value = self.needed(at)?;
        value.as_bool().ok_or_else(|| wrong("true or false", value))
    }
}

fn wrong(expected: &str, value: &Value) -> EthError {
    let mut text = value.to_string();
    text.truncate(text.floor_char_boundary(80));
    EthError::params(format!("expected {expected}, got {text}"))
}

/// Reads text.
pub(super) fn parsed<T: FromStr>(value: &Value, expected: &str) -> Result<T, EthError> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| wrong(expected, value))
}

/// Reads a number.
pub(super) fn number(value: &Value) -> Result<U256, EthError> {
    let number = match value {
        Value::Number(number) => number.as_u64().map(U256::from),
        Value::String(text) => match text.strip_prefix("0x") {
            Some("") => Some(U256::ZERO),
            Some(digits) => U256::from_str_radix(digits, 16).ok(),
            None => U256::from_str_radix(text, 10).ok().filter(|_| !text.is_empty()),
        },
        _ => None,
    };
    number.ok_or_else(|| wrong("a number of at most 256 bits", value))
}

/// Reads a number of at most 64 bits.
pub(super) fn small(value: &Value) -> Result<u64, EthError> {
    u64::try_from(number(value)?).map_err(|_| wrong("a number of at most 64 bits", value))
}

/// Writes a number as Ethereum's RPC does.
pub(super) fn quantity(number: u64) -> Value {
    Value::String(format!("{number:#x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_come_in_every_form_tools_send() {
        for value in [json!("0x10"), json!("16"), json!(16)] {
            assert_eq!(small(&value).ok(), Some(16), "{value}");
        }
        assert_eq!(number(&json!("0x")).ok(), Some(U256::ZERO));
        for value in [
            json!(""),
            json!("0xg"),
            json!(-1),
            json!(1.5),
            json!(null),
            json!("0x1ffffffffffffffff"),
        ] {
            assert!(small(&value).is_err(), "{value}");
        }
    }
}
