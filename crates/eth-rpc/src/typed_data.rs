//! Typed data as wallets sign it: structs with named fields, hashed so that a signature for one application is none for another.
//!
//! ```text
//!   {types, primaryType, domain, message} ─► type hash ‖ fields, each in a word ─► struct hash ─┐
//!                                            domain, by its own type ─► separator ──────────────┴─► keccak(1901 ‖ …)
//! ```
//!
//! # Invariants
//!
//! - A type or a value that is not exactly what the types say is an error; nothing is filled in or cut off.
//! - Structs nest at most [`DEPTH_MAX`] deep, and there are at most [`TYPES_MAX`] types of at most [`FIELDS_MAX`] fields.
//!
//! **Spec:** EIP-712.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use serde_json::{Map, Value, json};

/// Deepest nesting of structs and lists.
pub const DEPTH_MAX: usize = 32;
/// Most types.
pub const TYPES_MAX: usize = 256;
/// Most fields of a type.
pub const FIELDS_MAX: usize = 256;

/// The type of the domain.
const DOMAIN: &str = "EIP712Domain";

/// Fields a domain may have, with their types, in the order in which they are hashed if the types do not say.
const DOMAIN_FIELDS: [(&str, &str); 5] = [
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
];

/// Why typed data cannot be hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypedDataError {
    /// It has not the form of typed data.
    #[error("typed data: expected {expected}")]
    Form {
        /// What is asked of it.
        expected: &'static str,
    },
    /// A type is named that is neither one of its own nor one of Solidity's.
    #[error("typed data: type {name:?} is not known")]
    UnknownType {
        /// The name.
        name: String,
    },
    /// A value is missing or not of its type.
    #[error("typed data: {field}: expected {expected}, got {actual}")]
    Value {
        /// Whose value.
        field: String,
        /// Its type.
        expected: String,
        /// What came.
        actual: String,
    },
    /// It is larger than is looked at.
    #[error("typed data: expected at most {most} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many.
        most: usize,
    },
}

type Hashed<T> = Result<T, TypedDataError>;

/// A field: its name, its type.
type Field = (String, String);

/// Typed data.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedData {
    types: BTreeMap<String, Vec<Field>>,
    primary: String,
    domain: Value,
    message: Value,
}

impl TypedData {
    /// Reads typed data: an object with `types`, `primaryType`, `domain` and `message`, or JSON text of one.
    ///
    /// # Errors
    ///
    /// [`TypedDataError`] if it has not this form.
    pub fn from_json(value: &Value) -> Result<Self, TypedDataError> {
        let form = |expected| TypedDataError::Form { expected };
        if let Value::String(text) = value {
            let value: Value =
                serde_json::from_str(text).map_err(|_| form("an object, or JSON text of one"))?;
            // Not text in text.
            return if value.is_object() {
                Self::from_json(&value)
            } else {
                Err(form("an object"))
            };
        }
        let fields = value.as_object().ok_or_else(|| form("an object"))?;
        let types = fields.get("types").and_then(Value::as_object);
        let primary = fields.get("primaryType").and_then(Value::as_str);
        let object = |name| fields.get(name).filter(|value: &&Value| value.is_object()).cloned();
        let types = read_types(types.ok_or_else(|| form("types, by name"))?)?;
        Self {
            types,
            primary: primary.ok_or_else(|| form("primaryType, a name"))?.to_owned(),
            domain: object("domain").ok_or_else(|| form("domain, an object"))?,
            message: object("message").ok_or_else(|| form("message, an object"))?,
        }
        .with_domain()
    }

    /// Says what the domain's type is, if the types do not.
    fn with_domain(mut self) -> Hashed<Self> {
        if !self.types.contains_key(DOMAIN) {
            let given = self.domain.as_object().cloned().unwrap_or_default();
            let known = |name: &String| DOMAIN_FIELDS.iter().any(|(known, _)| known == name);
            if !given.keys().all(known) {
                let expected = "a domain of name, version, chainId, verifyingContract and salt";
                return Err(TypedDataError::Form { expected });
            }
            let fields = DOMAIN_FIELDS
                .iter()
                .filter(|(name, _)| given.get(*name).is_some_and(|value| !value.is_null()));
            let fields = fields.map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()));
            let fields = fields.collect();
            self.types.insert(DOMAIN.to_owned(), fields);
        }
        Ok(self)
    }

    /// Returns what is signed.
    ///
    /// # Errors
    ///
    /// [`TypedDataError`] if a type is not known or a value is not of its type.
    pub fn digest(&self) -> Result<B256, TypedDataError> {
        let separator = keccak256(self.encode(DOMAIN, &self.domain, 0)?);
        let mut bytes = vec![0x19, 0x01];
        bytes.extend_from_slice(separator.as_slice());
        if self.primary != DOMAIN {
            bytes.extend_from_slice(keccak256(self.encoded()?).as_slice());
        }
        Ok(keccak256(bytes))
    }

    /// Returns the message as it is hashed: the hash of its type, then each field in a word.
    ///
    /// # Errors
    ///
    /// [`TypedDataError`] if a type is not known or a value is not of its type.
    pub fn encoded(&self) -> Result<Vec<u8>, TypedDataError> {
        self.encode(&self.primary, &self.message, 0)
    }

    fn encode(&self, name: &str, value: &Value, depth: usize) -> Hashed<Vec<u8>> {
        if depth > DEPTH_MAX {
            return Err(TypedDataError::TooLarge { what: "levels of nesting", most: DEPTH_MAX });
        }
        let fields = self.fields(name)?;
        let values = value.as_object().ok_or_else(|| wrong(name, name, value))?;
        let mut out = keccak256(self.type_of(name)?).to_vec();
        for (field, kind) in fields {
            let value = values.get(field).unwrap_or(&Value::Null);
            out.extend_from_slice(self.word(field, kind, value, depth + 1)?.as_slice());
        }
        Ok(out)
    }

    fn fields(&self, name: &str) -> Hashed<&[Field]> {
        let fields = self.types.get(name).map(Vec::as_slice);
        fields.ok_or_else(|| TypedDataError::UnknownType { name: name.to_owned() })
    }

    /// Writes a type and, after it in the order of their names, those it refers to.
    fn type_of(&self, name: &str) -> Hashed<String> {
        let mut others = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            for (_, kind) in self.fields(next)? {
                let base = base_of(kind);
                if base != name && self.types.contains_key(base) && others.insert(base) {
                    open.push(base);
                }
            }
        }
        let mut out = String::new();
        for name in std::iter::once(name).chain(others) {
            let fields = self.fields(name)?.iter().map(|(field, kind)| format!("{kind} {field}"));
            let fields: Vec<_> = fields.collect();
            out.push_str(&format!("{name}({})", fields.join(",")));
        }
        Ok(out)
    }

    /// Writes a value into a word.
    fn word(&self, field: &str, kind: &str, value: &Value, depth: usize) -> Hashed<B256> {
        if depth > DEPTH_MAX {
            return Err(TypedDataError::TooLarge { what: "levels of nesting", most: DEPTH_MAX });
        }
        if let Some((item, length)) = list_of(kind) {
            let items = value.as_array().ok_or_else(|| wrong(field, kind, value))?;
            if length.is_some_and(|length| length != items.len()) {
                return Err(wrong(field, kind, &json!(format!("{} items", items.len()))));
            }
            let mut bytes = Vec::with_capacity(items.len() * 32);
            for value in items {
                bytes.extend_from_slice(self.word(field, item, value, depth + 1)?.as_slice());
            }
            return Ok(keccak256(bytes));
        }
        if self.types.contains_key(kind) {
            return Ok(keccak256(self.encode(kind, value, depth)?));
        }
        atom(kind, value).ok_or_else(|| match is_atom(kind) {
            true => wrong(field, kind, value),
            false => TypedDataError::UnknownType { name: kind.to_owned() },
        })
    }
}

fn wrong(field: &str, kind: &str, value: &Value) -> TypedDataError {
    /// Longest value shown, in bytes.
    const SHOWN_MAX: usize = 80;
    let mut actual = value.to_string();
    actual.truncate(actual.floor_char_boundary(SHOWN_MAX));
    TypedDataError::Value { field: field.to_owned(), expected: kind.to_owned(), actual }
}

fn read_types(types: &Map<String, Value>) -> Hashed<BTreeMap<String, Vec<Field>>> {
    if types.len() > TYPES_MAX {
        return Err(TypedDataError::TooLarge { what: "types", most: TYPES_MAX });
    }
    let form = || TypedDataError::Form { expected: "types with fields of a name and a type" };
    let field = |field: &Value| {
        let text = |name| field.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok::<_, TypedDataError>((text("name").ok_or_else(form)?, text("type").ok_or_else(form)?))
    };
    let mut out = BTreeMap::new();
    for (name, fields) in types {
        let fields = fields.as_array().ok_or_else(form)?;
        if fields.len() > FIELDS_MAX {
            return Err(TypedDataError::TooLarge { what: "fields of a type", most: FIELDS_MAX });
        }
        out.insert(name.clone(), fields.iter().map(field).collect::<Result<_, _>>()?);
    }
    Ok(out)
}

/// Returns a type without its brackets.
fn base_of(kind: &str) -> &str {
    kind.split('[').next().unwrap_or(kind)
}

/// Splits a list's type into that of its items and how many there must be.
fn list_of(kind: &str) -> Option<(&str, Option<usize>)> {
    let (item, length) = kind.strip_suffix(']')?.rsplit_once('[')?;
    match length {
        "" => Some((item, None)),
        digits => Some((item, Some(digits.parse().ok()?))),
    }
}

/// Returns the bits of a number's type.
fn bits(digits: &str) -> Option<usize> {
    let bits: usize = if digits.is_empty() { 256 } else { digits.parse().ok()? };
    ((8..=256).contains(&bits) && bits.is_multiple_of(8)).then_some(bits)
}

fn is_atom(kind: &str) -> bool {
    let number = kind.strip_prefix("uint").or_else(|| kind.strip_prefix("int"));
    let bytes = kind.strip_prefix("bytes").and_then(|length| length.parse::<usize>().ok());
    matches!(kind, "string" | "bytes" | "bool" | "address")
        || number.and_then(bits).is_some()
        || bytes.is_some_and(|length| (1..=32).contains(&length))
}

/// Writes a value of one of Solidity's types.
fn atom(kind: &str, value: &Value) -> Option<B256> {
    match kind {
        "string" => return value.as_str().map(keccak256),
        "bytes" => return data(value).map(keccak256),
        "bool" => return value.as_bool().map(|flag| U256::from(u8::from(flag)).into()),
        "address" => {
            let address = Address::try_from(data(value)?.as_slice()).ok()?;
            return Some(address.into_word());
        }
        _ => {}
    }
    if let Some(digits) = kind.strip_prefix("uint") {
        let (negative, number) = integer(value)?;
        let fits = !negative && number.bit_len() <= bits(digits)?;
        return fits.then(|| number.into());
    }
    if let Some(digits) = kind.strip_prefix("int") {
        let (negative, number) = integer(value)?;
        // The least number is one further from zero than the greatest.
        let limit = U256::ONE << (bits(digits)? - 1);
        let fits = if negative { number <= limit } else { number < limit };
        let number = if negative { number.wrapping_neg() } else { number };
        return fits.then(|| number.into());
    }
    let length: usize = kind.strip_prefix("bytes")?.parse().ok()?;
    let bytes = data(value)?;
    ((1..=32).contains(&length) && bytes.len() == length).then(|| B256::right_padding_from(&bytes))
}

fn data(value: &Value) -> Option<Vec<u8>> {
    hex::decode(value.as_str()?.strip_prefix("0x")?).ok()
}

/// Reads a whole number: whether it is below zero, and how far from it.
fn integer(value: &Value) -> Option<(bool, U256)> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    let number = match digits.strip_prefix("0x") {
        Some(digits) if !digits.is_empty() => U256::from_str_radix(digits, 16).ok()?,
        None if !digits.is_empty() => U256::from_str_radix(digits, 10).ok()?,
        Some(_) | None => return None,
    };
    Some((negative && !number.is_zero(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Value {
        json!({
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"},
                ],
                "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
                "Mail": [
                    {"name": "from", "type": "Person"}, {"name": "to", "type": "Person"},
                    {"name": "contents", "type": "string"},
                ],
            },
            "primaryType": "Mail",
            "domain": {
                "name": "Ether Mail", "version": "1", "chainId": 1,
                "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
            },
            "message": {
                "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
                "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
                "contents": "Hello, Bob!",
            },
        })
    }

    /// The example of EIP-712.
    #[test]
    fn the_mail_of_the_specification_has_its_digest() {
        let digest = "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2";
        let data = TypedData::from_json(&mail()).unwrap();
        assert_eq!(data.digest().map(|digest| digest.to_string()), Ok(digest.to_owned()));
        let text = TypedData::from_json(&json!(mail().to_string())).unwrap();
        assert_eq!(text, data);
        // A domain whose type is not said has the fields it has.
        let mut bare = mail();
        bare["types"].as_object_mut().unwrap().remove(DOMAIN);
        assert_eq!(TypedData::from_json(&bare).unwrap().digest(), data.digest());
    }

    #[test]
    fn a_value_that_is_not_of_its_type_is_refused() {
        for (path, value) in [
            ("/message/contents", json!(1)),
            ("/message/contents", Value::Null),
            ("/message/from", json!({"name": "Cow"})),
            ("/message/from/wallet", json!("0x12")),
            ("/domain/chainId", json!(-1)),
            ("/domain/chainId", json!("1.5")),
        ] {
            let mut data = mail();
            *data.pointer_mut(path).unwrap() = value.clone();
            let digest = TypedData::from_json(&data).unwrap().digest();
            assert!(matches!(digest, Err(TypedDataError::Value { .. })), "{path} {value}");
        }
    }

    #[test]
    fn numbers_fit_their_type_and_no_less() {
        let word =
            |kind: &str, value: Value| atom(kind, &value).map(|word| U256::from_be_bytes(word.0));
        assert_eq!(word("uint8", json!("0xff")), Some(U256::from(255)));
        assert_eq!(word("uint8", json!(256)), None);
        assert_eq!(word("int8", json!(-128)), Some(U256::MAX - U256::from(127)));
        assert_eq!(word("int8", json!(-129)), None);
        assert_eq!(word("int8", json!(128)), None);
        assert_eq!(word("bytes2", json!("0x123456")), None);
        for unknown in ["uint7", "uint264", "int0", "bytes33", "bytes0", "Nobody", "uint8["] {
            assert!(!is_atom(unknown), "{unknown}");
        }
    }

    #[test]
    fn types_that_refer_to_themselves_end() {
        let mut data = mail();
        data["types"]["Person"] = json!([{"name": "friends", "type": "Person[]"}]);
        let nobody = json!({"friends": []});
        data["message"] = json!({"from": {"friends": [nobody]}, "to": nobody, "contents": ""});
        assert!(TypedData::from_json(&data).unwrap().digest().is_ok());
        data["types"]["Person"] = json!([{"name": "friend", "type": "Person"}]);
        let mut deep = Value::Null;
        for _ in 0..DEPTH_MAX + 8 {
            deep = json!({"friend": deep});
        }
        data["message"] = json!({"from": deep, "to": deep, "contents": ""});
        let digest = TypedData::from_json(&data).unwrap().digest();
        assert!(matches!(digest, Err(TypedDataError::TooLarge { .. })), "{digest:?}");
    }
}
