//! The parts records are made of: numbers, texts, hashes, scripts, addresses, lists and what may be absent.

use std::net::IpAddr;

use quintet_kaspa_protocol::{
    address::{Address, AddressVersion, Prefix},
    header::BlueWork,
    params::Network,
    tx::{CovenantBinding, ScriptPublicKey, SubnetworkId},
};
use quintet_primitives::{Hash256, hex};
use serde_json::{Value, json};

use super::{Wire, WireError, put_count, put_payload, take_bytes, take_counted, take_payload};

/// Returns `snake_case` as `camelCase`.
#[must_use]
pub fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}

/// Returns 16 bytes as clients know a node's id.
pub(in super::super) fn uuid(id: &[u8; 16]) -> String {
    let digits = hex::encode(id);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn wrong(expected: &str, value: &Value) -> WireError {
    let mut actual = value.to_string();
    if actual.len() > 80 {
        let end = (0..=80).rev().find(|&at| actual.is_char_boundary(at)).unwrap_or(0);
        actual.truncate(end);
    }
    WireError::new(expected, actual)
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Wire for $integer {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn take(input: &mut &[u8]) -> Result<Self, WireError> {
                let mut bytes = [0; size_of::<Self>()];
                bytes.copy_from_slice(take_bytes(input, size_of::<Self>())?);
                Ok(Self::from_le_bytes(bytes))
            }

            fn to_json(&self) -> Value {
                json!(self)
            }

            fn of_json(value: &Value) -> Result<Self, WireError> {
                let number = value.as_i64().map(i128::from);
                let number = number.or_else(|| value.as_u64().map(i128::from));
                let number = number.and_then(|number| Self::try_from(number).ok());
                number.ok_or_else(|| wrong(concat!("a number of type ", stringify!($integer)), value))
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, i64);

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl Wire for $float {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn take(input: &mut &[u8]) -> Result<Self, WireError> {
                let mut bytes = [0; size_of::<Self>()];
                bytes.copy_from_slice(take_bytes(input, size_of::<Self>())?);
                Ok(Self::from_le_bytes(bytes))
            }

            fn to_json(&self) -> Value {
                json!(self)
            }

            #[allow(clippy::cast_possible_truncation, reason = "a figure is shown; f64 casts to itself")]
            fn of_json(value: &Value) -> Result<Self, WireError> {
                value.as_f64().map(|number| number as Self).ok_or_else(|| wrong("a number", value))
            }
        }
    )*};
}
floats!(f32, f64);

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        match u8::take(input)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(WireError::new("0 or 1", other.to_string())),
        }
    }

    fn to_json(&self) -> Value {
        json!(self)
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        value.as_bool().ok_or_else(|| wrong("true or false", value))
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let bytes = take_counted(input)?;
        let text = core::str::from_utf8(bytes);
        text.map(str::to_owned).map_err(|_| WireError::new("text", hex::encode(bytes)))
    }

    fn to_json(&self) -> Value {
        json!(self)
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        value.as_str().map(str::to_owned).ok_or_else(|| wrong("a text", value))
    }
}

/// Bytes that are hexadecimal in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HexBytes(pub Vec<u8>);

impl Wire for HexBytes {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.0.len(), out);
        out.extend_from_slice(&self.0);
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        take_counted(input).map(|bytes| Self(bytes.to_vec()))
    }

    fn to_json(&self) -> Value {
        json!(hex::encode(&self.0))
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let decoded = value.as_str().and_then(|text| hex::decode(text).ok());
        decoded.map(Self).ok_or_else(|| wrong("bytes in hexadecimal", value))
    }
}

impl Wire for Hash256 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(take_bytes(input, 32)?);
        Ok(Self::new(bytes))
    }

    fn to_json(&self) -> Value {
        json!(self.to_string())
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let parsed = value.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| wrong("a hash of 64 hexadecimal digits", value))
    }
}

impl Wire for SubnetworkId {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(take_bytes(input, 20)?);
        Ok(Self::new(bytes))
    }

    fn to_json(&self) -> Value {
        json!(hex::encode(self.as_bytes()))
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let decoded = value.as_str().and_then(|text| hex::decode(text).ok());
        let bytes = decoded.and_then(|bytes| <[u8; 20]>::try_from(bytes).ok());
        bytes.map(Self::new).ok_or_else(|| wrong("a subnetwork of 40 hexadecimal digits", value))
    }
}

impl Wire for ScriptPublicKey {
    fn put(&self, out: &mut Vec<u8>) {
        self.version.put(out);
        put_count(self.script.len(), out);
        out.extend_from_slice(&self.script);
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let version = u16::take(input)?;
        Ok(Self::new(version, take_counted(input)?))
    }

    fn to_json(&self) -> Value {
        json!(format!("{:04x}{}", self.version, hex::encode(&self.script)))
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let decoded = value.as_str().and_then(|text| hex::decode(text).ok());
        let parts = decoded.as_deref().and_then(|bytes| bytes.split_at_checked(2));
        let (version, script) =
            parts.ok_or_else(|| wrong("a version and a script in hexadecimal", value))?;
        let version = version.iter().fold(0, |all, &byte| all << 8 | u16::from(byte));
        Ok(Self::new(version, script))
    }
}

impl Wire for BlueWork {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes::<24>());
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let mut bytes = [0; 24];
        bytes.copy_from_slice(take_bytes(input, 24)?);
        Ok(Self::from_le_bytes(bytes))
    }

    fn to_json(&self) -> Value {
        json!(format!("{self:x}"))
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let parsed = value.as_str().and_then(|text| Self::from_str_radix(text, 16).ok());
        parsed.ok_or_else(|| wrong("blue work in hexadecimal", value))
    }
}

const PREFIXES: [Prefix; 4] = [Prefix::Mainnet, Prefix::Testnet, Prefix::Simnet, Prefix::Devnet];

impl Wire for Address {
    fn put(&self, out: &mut Vec<u8>) {
        let place = PREFIXES.iter().position(|prefix| *prefix == self.prefix()).unwrap_or(0);
        out.push(u8::try_from(place).unwrap_or(0));
        out.push(self.version().to_byte());
        put_count(self.payload().len(), out);
        out.extend_from_slice(self.payload());
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let place = u8::take(input)?;
        let prefix = PREFIXES.get(usize::from(place)).copied();
        let prefix =
            prefix.ok_or_else(|| WireError::new("a network, 0 to 3", place.to_string()))?;
        let version = match u8::take(input)? {
            0 => AddressVersion::PublicKey,
            1 => AddressVersion::PublicKeyEcdsa,
            8 => AddressVersion::ScriptHash,
            other => return Err(WireError::new("address version 0, 1 or 8", other.to_string())),
        };
        let payload = take_counted(input)?;
        Self::new(prefix, version, payload)
            .map_err(|error| WireError::new("an address", error.to_string()))
    }

    fn to_json(&self) -> Value {
        json!(self.to_string())
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let text = value.as_str().ok_or_else(|| wrong("an address", value))?;
        text.parse().map_err(|error| WireError::new("an address", format!("{text}: {error}")))
    }
}

impl Wire for Network {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Mainnet => 0,
            Self::Testnet10 => 1,
            Self::Devnet => 2,
            Self::Simnet => 3,
        });
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        Ok(match u8::take(input)? {
            0 => Self::Mainnet,
            1 => Self::Testnet10,
            2 => Self::Devnet,
            3 => Self::Simnet,
            other => return Err(WireError::new("a type of network, 0 to 3", other.to_string())),
        })
    }

    fn to_json(&self) -> Value {
        json!(match self {
            Self::Testnet10 => "testnet",
            other => other.name(),
        })
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let named = |network: &Self| Some(network.name()) == value.as_str();
        let found = Self::ALL.into_iter().find(named);
        let testnet = (value.as_str() == Some("testnet")).then_some(Self::Testnet10);
        found.or(testnet).ok_or_else(|| wrong("a network", value))
    }
}

/// A network with the suffix that tells testnets apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkId(pub Network);

impl Wire for NetworkId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        let suffix = (self.0 == Network::Testnet10).then_some(10_u32);
        suffix.put(out);
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let network = Network::take(input)?;
        <Option<u32> as Wire>::take(input)?;
        Ok(Self(network))
    }

    fn to_json(&self) -> Value {
        json!(self.0.name())
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        Network::of_json(value).map(Self)
    }
}

impl Wire for CovenantBinding {
    fn put(&self, out: &mut Vec<u8>) {
        self.authorizing_input.put(out);
        self.covenant_id.put(out);
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        Ok(Self { authorizing_input: u16::take(input)?, covenant_id: Hash256::take(input)? })
    }

    fn put_versioned(&self, out: &mut Vec<u8>) {
        out.push(1);
        self.put(out);
    }

    fn take_versioned(input: &mut &[u8]) -> Result<Self, WireError> {
        u8::take(input)?;
        Self::take(input)
    }

    fn to_json(&self) -> Value {
        json!({ "authorizingInput": self.authorizing_input, "covenantId": self.covenant_id.to_string() })
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let field = |name: &str| value.get(name).unwrap_or(&Value::Null);
        Ok(Self {
            authorizing_input: u16::of_json(field("authorizingInput"))?,
            covenant_id: Hash256::of_json(field("covenantId"))?,
        })
    }
}

impl Wire for IpAddr {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::V4(ip) => {
                out.push(0);
                out.extend_from_slice(&ip.octets());
            }
            Self::V6(ip) => {
                out.push(1);
                out.extend_from_slice(&ip.octets());
            }
        }
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        match u8::take(input)? {
            0 => {
                let mut octets = [0; 4];
                octets.copy_from_slice(take_bytes(input, 4)?);
                Ok(octets.into())
            }
            1 => {
                let mut octets = [0; 16];
                octets.copy_from_slice(take_bytes(input, 16)?);
                Ok(octets.into())
            }
            other => Err(WireError::new("an address of kind 0 or 1", other.to_string())),
        }
    }

    fn to_json(&self) -> Value {
        json!(self.to_string())
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let parsed = value.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| wrong("an IP address", value))
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        self.iter().for_each(|item| item.put(out));
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let count = u32::take(input)?;
        let mut items = Self::new();
        for _ in 0..count {
            items.push(T::take(input)?);
        }
        Ok(items)
    }

    fn put_versioned(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        self.iter().for_each(|item| put_payload(item, out));
    }

    fn take_versioned(input: &mut &[u8]) -> Result<Self, WireError> {
        let count = u32::take(input)?;
        let mut items = Self::new();
        for _ in 0..count {
            items.push(take_payload(input)?);
        }
        Ok(items)
    }

    fn to_json(&self) -> Value {
        Value::Array(self.iter().map(Wire::to_json).collect())
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let items = value.as_array().ok_or_else(|| wrong("a list", value))?;
        items.iter().map(T::of_json).collect()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        if bool::take(input)? { T::take(input).map(Some) } else { Ok(None) }
    }

    fn put_versioned(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            put_payload(value, out);
        }
    }

    fn take_versioned(input: &mut &[u8]) -> Result<Self, WireError> {
        if bool::take(input)? { take_payload(input).map(Some) } else { Ok(None) }
    }

    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Wire::to_json)
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        if value.is_null() { Ok(None) } else { T::of_json(value).map(Some) }
    }
}
