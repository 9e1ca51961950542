//! Numbers, hashes, bytes and blocks as clients write them.
//!
//! A quantity has no leading zeros, data has two digits a byte; both begin with `0x`. What is wrong is said in go-ethereum's words, which
//! name its types.

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use serde_json::Value;

/// Reads a parameter; the error is what is wrong with it.
pub(crate) trait FromArg: Sized {
    fn from_arg(value: &Value) -> Result<Self, String>;
}

/// An unsigned number of 64 bits, as a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity(pub(crate) u64);

/// A slot's number: up to 32 bytes, with leading zeros or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) number: U256,
    /// Whether it was written with all 64 digits; it is written back the same way.
    pub(crate) is_full: bool,
}

/// A block as clients name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockId {
    Earliest,
    Finalized,
    Safe,
    Latest,
    Pending,
    Number(u64),
    Hash {
        hash: B256,
        /// Whether it must be on the head's chain.
        canonical: bool,
    },
}

/// Percentiles of rewards.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rewards(pub(crate) Vec<f64>);

fn string(value: &Value, kind: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => {
            Err(format!("json: cannot unmarshal {} into Go value of type {kind}", name(other)))
        }
    }
}

const fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Takes the digits of a quantity.
pub(crate) fn quantity_digits(text: &str) -> Result<&str, &'static str> {
    if text.is_empty() {
        return Err("empty hex string");
    }
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .ok_or("hex string without 0x prefix")?;
    match digits.as_bytes() {
        [] => Err("hex string \"0x\""),
        [b'0', _, ..] => Err("hex number with leading zero digits"),
        digits_bytes if !digits_bytes.iter().all(u8::is_ascii_hexdigit) => {
            Err("invalid hex string")
        }
        _ => Ok(digits),
    }
}

/// Takes the bytes of data.
pub(crate) fn data_bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    if text.is_empty() {
        return Err("empty hex string");
    }
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .ok_or("hex string without 0x prefix")?;
    if digits.len() % 2 == 1 {
        return Err("hex string of odd length");
    }
    hex::decode(digits).map_err(|_| "invalid hex string")
}

pub(crate) fn number_of(text: &str) -> Result<u64, &'static str> {
    u64::from_str_radix(quantity_digits(text)?, 16).map_err(|_| "hex number > 64 bits")
}

fn wrong(reason: &str, kind: &str) -> String {
    format!("json: cannot unmarshal {reason} into Go value of type {kind}")
}

impl FromArg for Quantity {
    fn from_arg(value: &Value) -> Result<Self, String> {
        // Clients of some libraries send plain numbers; go-ethereum takes those for some parameters only.
        if let Some(number) = value.as_u64() {
            return Ok(Self(number));
        }
        let kind = "hexutil.Uint64";
        number_of(&string(value, kind)?).map(Self).map_err(|reason| wrong(reason, kind))
    }
}

impl FromArg for U256 {
    fn from_arg(value: &Value) -> Result<Self, String> {
        if let Some(number) = value.as_u64() {
            return Ok(Self::from(number));
        }
        let kind = "*hexutil.Big";
        let text = string(value, kind)?;
        let digits = quantity_digits(&text).map_err(|reason| wrong(reason, kind))?;
        Self::from_str_radix(digits, 16).map_err(|_| wrong("hex number > 256 bits", kind))
    }
}

impl FromArg for bool {
    fn from_arg(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| {
            format!("json: cannot unmarshal {} into Go value of type bool", name(value))
        })
    }
}

impl FromArg for String {
    fn from_arg(value: &Value) -> Result<Self, String> {
        string(value, "string")
    }
}

impl FromArg for Value {
    fn from_arg(value: &Value) -> Result<Self, String> {
        Ok(value.clone())
    }
}

fn fixed<const N: usize>(value: &Value, kind: &str) -> Result<[u8; N], String> {
    let text = string(value, kind)?;
    let bytes = data_bytes(&text).map_err(|reason| wrong(reason, kind))?;
    let length = bytes.len() * 2;
    bytes
        .try_into()
        .map_err(|_| format!("hex string has length {length}, want {} for {kind}", N * 2))
}

impl FromArg for B256 {
    fn from_arg(value: &Value) -> Result<Self, String> {
        fixed(value, "common.Hash").map(Self::new)
    }
}

impl FromArg for Address {
    fn from_arg(value: &Value) -> Result<Self, String> {
        fixed(value, "common.Address").map(Self::new)
    }
}

impl FromArg for Bytes {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let kind = "hexutil.Bytes";
        let text = string(value, kind)?;
        data_bytes(&text).map(Self::from).map_err(|reason| wrong(reason, kind))
    }
}

impl FromArg for Slot {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let text = string(value, "string")?;
        slot(&text)
    }
}

/// **Spec:** go-ethereum's `decodeStorageKey`.
pub(crate) fn slot(text: &str) -> Result<Slot, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if digits.len() > 64 {
        return Err(format!("storage key too long (want at most 32 bytes): {text:?}"));
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(format!("invalid hex in storage key: {text:?}"));
    }
    let number = if digits.is_empty() {
        U256::ZERO
    } else {
        U256::from_str_radix(digits, 16)
            .map_err(|_| format!("invalid hex in storage key: {text:?}"))?
    };
    Ok(Slot { number, is_full: digits.len() == 64 })
}

impl<T: FromArg> FromArg for Vec<T> {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let Value::Array(items) = value else {
            return Err(format!(
                "json: cannot unmarshal {} into Go value of type list",
                name(value)
            ));
        };
        items.iter().map(T::from_arg).collect()
    }
}

impl FromArg for Rewards {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let wrong = || "json: cannot unmarshal into Go value of type []float64".to_owned();
        let Value::Array(items) = value else { return Err(wrong()) };
        items.iter().map(|item| item.as_f64().ok_or_else(wrong)).collect::<Result<_, _>>().map(Self)
    }
}

impl FromArg for BlockId {
    /// **Spec:** EIP-1898; go-ethereum's `rpc.BlockNumberOrHash`.
    fn from_arg(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::from_text(text),
            Value::Number(number) => {
                number.as_u64().map(Self::Number).ok_or_else(|| "invalid block number".to_owned())
            }
            Value::Object(fields) => {
                let canonical = fields.get("requireCanonical").and_then(Value::as_bool);
                match (fields.get("blockNumber"), fields.get("blockHash")) {
                    (Some(_), Some(_)) => Err(
                        "cannot specify both BlockHash and BlockNumber, choose one or the other"
                            .to_owned(),
                    ),
                    (Some(number), None) => Self::from_arg(number),
                    (None, Some(hash)) => Ok(Self::Hash {
                        hash: B256::from_arg(hash)?,
                        canonical: canonical.unwrap_or_default(),
                    }),
                    (None, None) => {
                        Err("at least one of BlockNumber or BlockHash is needed".to_owned())
                    }
                }
            }
            _ => Err(format!("json: cannot unmarshal {} into a block", name(value))),
        }
    }
}

impl BlockId {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(match text {
            "earliest" => Self::Earliest,
            "latest" | "" => Self::Latest,
            "pending" => Self::Pending,
            "finalized" => Self::Finalized,
            "safe" => Self::Safe,
            _ if text.len() == 66 => Self::Hash {
                hash: B256::from_arg(&Value::String(text.to_owned()))?,
                canonical: false,
            },
            _ => {
                let number = number_of(text)?;
                if number > i64::MAX.unsigned_abs() {
                    return Err("block number larger than int64".to_owned());
                }
                Self::Number(number)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quantity_has_one_form() {
        let read = |text: &str| Quantity::from_arg(&json!(text)).map(|number| number.0);
        assert_eq!(read("0x0"), Ok(0));
        assert_eq!(read("0xffffffffffffffff"), Ok(u64::MAX));
        for bad in ["", "0x", "0x00", "0x01", "12", "0xg", "0x10000000000000000"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_block_is_a_tag_a_number_or_a_hash() {
        let read = |value: Value| BlockId::from_arg(&value);
        assert_eq!(read(json!("safe")), Ok(BlockId::Safe));
        assert_eq!(read(json!("0x10")), Ok(BlockId::Number(16)));
        let hash = B256::repeat_byte(7);
        assert_eq!(read(json!(hash)), Ok(BlockId::Hash { hash, canonical: false }));
        let object = json!({"blockHash": hash, "requireCanonical": true});
        assert_eq!(read(object), Ok(BlockId::Hash { hash, canonical: true }));
        assert_eq!(read(json!({"blockNumber": "0x1"})), Ok(BlockId::Number(1)));
        assert_eq!(read(json!("2")).unwrap_err(), "hex string without 0x prefix");
        assert!(read(json!({"blockNumber": "0x1", "blockHash": hash})).is_err());
        assert!(read(json!("0xffffffffffffffff")).is_err());
    }

    #[test]
    fn a_slot_may_have_leading_zeros_but_not_too_many_digits() {
        assert_eq!(slot("0x00"), Ok(Slot { number: U256::ZERO, is_full: false }));
        let full = format!("0x{:064x}", 1);
        assert_eq!(slot(&full), Ok(Slot { number: U256::ONE, is_full: true }));
        assert!(slot(&format!("0x{:065x}", 0)).unwrap_err().starts_with("storage key too long"));
    }
}
