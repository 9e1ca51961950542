//! `rlp/*.json` and `ethers/rlp.json`: items as bytes, and bytes that are none.
//!
//! The reader here is the one the crates use: the headers of `alloy-rlp`, of which a length must be canonical and within what is there.

use std::path::Path;

use alloy_primitives::U256;
use alloy_rlp::{Encodable as _, Header};
use quintet_primitives::hex;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Rlp;

impl Suite for Rlp {
    fn name(&self) -> &'static str {
        "rlp"
    }

    fn claims(&self, name: &Path) -> bool {
        let is_json = name.extension().is_some_and(|extension| extension == "json");
        is_json && (name.starts_with("rlp") || name.ends_with("ethers/rlp.json"))
    }

    fn run(&self, file: &File, report: &mut Report) {
        match report.json(file) {
            Some(Value::Object(cases)) => {
                for (case, value) in cases {
                    let label = format!("{}: {case}", file.own_name());
                    report.json_case(label, value, |case: Case| case.check());
                }
            }
            Some(Value::Array(_)) => {
                report.json_cases(file, |case: Ethers| {
                    check(&Want::Item(item(&case.decoded, true)?), &case.encoded)
                });
            }
            _ => {}
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "in")]
    decoded: Value,
    out: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ethers {
    #[serde(rename = "name")]
    _name: String,
    encoded: String,
    decoded: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Bytes(Vec<u8>),
    List(Vec<Self>),
}

enum Want {
    Item(Item),
    Valid,
    Invalid,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let want = match &self.decoded {
            Value::String(text) if text == "VALID" => Want::Valid,
            Value::String(text) if text == "INVALID" => Want::Invalid,
            other => Want::Item(item(other, false)?),
        };
        check(&want, &self.out)
    }
}

fn check(want: &Want, encoded: &str) -> Result<(), Mismatch> {
    let digits = encoded.strip_prefix("0x").unwrap_or(encoded);
    let bytes = hex::decode(digits)
        .map_err(|error| Mismatch::new("out", "hexadecimal digits", error.to_string()))?;
    let decoded = decode_whole(&bytes);
    match want {
        Want::Invalid => match decoded {
            Ok(item) => Err(Mismatch::new("decoded", "an error", item)),
            Err(_) => Ok(()),
        },
        Want::Valid => {
            decoded.map(|_| ()).map_err(|error| Mismatch::new("decoded", "an item", error))
        }
        Want::Item(item) => {
            let mut out = Vec::new();
            encode(item, &mut out);
            expect_eq("encoded", bytes, out)?;
            expect_eq("decoded", Ok(item.clone()), decoded)
        }
    }
}

/// Reads what a case says of an item; with `hexed`, text is bytes in hexadecimal digits.
fn item(value: &Value, hexed: bool) -> Result<Item, Mismatch> {
    match value {
        Value::Array(items) => {
            Ok(Item::List(items.iter().map(|value| item(value, hexed)).collect::<Result<_, _>>()?))
        }
        Value::Number(number) => Ok(Item::Bytes(
            U256::from(number.as_u64().unwrap_or_default()).to_be_bytes_trimmed_vec(),
        )),
        Value::String(text) if hexed => hex::decode(text.strip_prefix("0x").unwrap_or(text))
            .map(Item::Bytes)
            .map_err(|error| Mismatch::new("decoded", "hexadecimal digits", error.to_string())),
        Value::String(text) => match text.strip_prefix('#') {
            Some(number) => big_number(number).map(Item::Bytes),
            None => Ok(Item::Bytes(text.as_bytes().to_vec())),
        },
        other => Err(Mismatch::new("item", "text, a number or a list", other)),
    }
}

/// Big-endian bytes of decimal digits, of which there may be more than 256 bits hold.
fn big_number(digits: &str) -> Result<Vec<u8>, Mismatch> {
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.chars() {
        let mut carry =
            digit.to_digit(10).ok_or_else(|| Mismatch::new("number", "decimal digits", digits))?;
        for byte in bytes.iter_mut().rev() {
            let next = u32::from(*byte) * 10 + carry;
            *byte = u8::try_from(next & 255).unwrap_or_default();
            carry = next >> 8;
        }
        if carry > 0 {
            bytes.insert(0, u8::try_from(carry).unwrap_or_default());
        }
    }
    Ok(bytes)
}

fn encode(item: &Item, out: &mut Vec<u8>) {
    match item {
        Item::Bytes(bytes) => bytes.as_slice().encode(out),
        Item::List(items) => {
            let mut payload = Vec::new();
            items.iter().for_each(|item| encode(item, &mut payload));
            Header { list: true, payload_length: payload.len() }.encode(out);
            out.extend_from_slice(&payload);
        }
    }
}

fn decode_whole(mut bytes: &[u8]) -> Result<Item, String> {
    let item = decode(&mut bytes)?;
    if bytes.is_empty() { Ok(item) } else { Err(format!("{} bytes behind the item", bytes.len())) }
}

fn decode(buffer: &mut &[u8]) -> Result<Item, String> {
    let header = Header::decode(buffer).map_err(|error| error.to_string())?;
    let (mut payload, rest) =
        buffer.split_at_checked(header.payload_length).ok_or("shorter than it says")?;
    *buffer = rest;
    if !header.list {
        return Ok(Item::Bytes(payload.to_vec()));
    }
    let mut items = Vec::new();
    while !payload.is_empty() {
        items.push(decode(&mut payload)?);
    }
    Ok(Item::List(items))
}
