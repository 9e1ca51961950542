//! How the parts of records lie in fields.

use std::net::{IpAddr, SocketAddr};

use quintet_kaspa_protocol::{
    address::Address,
    header::BlueWork,
    params::Network,
    tx::{ScriptPublicKey, SubnetworkId},
    wire::{Fields, Value},
};
use quintet_primitives::{Hash256, hex};
use serde_json::Value as Json;

use super::{
    super::{
        model::{ContextualAddress, PeerAddress, ScriptKind},
        wire::{HexBytes, NetworkId, WireError, uuid},
    },
    Message, Proto, Room, each_field, no_protobuf, put_bytes, put_message, put_tag, put_varint,
    settle,
};

/// Characters of a text that an error repeats, at most.
const SHOWN_MAX: usize = 80;

fn show(value: &Value<'_>) -> String {
    match value {
        Value::Bytes(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let shown: String = text.chars().take(SHOWN_MAX).collect();
            format!("{shown:?}")
        }
        Value::Varint(number) => number.to_string(),
        Value::Fixed64(bits) => format!("{bits:#x}"),
        Value::Fixed32(bits) => format!("{bits:#x}"),
    }
}

fn wrong(expected: &str, value: &Value<'_>) -> WireError {
    WireError::new(expected, show(value))
}

pub(super) fn bytes_of<'a>(expected: &str, value: Value<'a>) -> Result<&'a [u8], WireError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        other => Err(wrong(expected, &other)),
    }
}

fn text_of<'a>(expected: &str, value: Value<'a>) -> Result<&'a str, WireError> {
    let bytes = bytes_of(expected, value)?;
    core::str::from_utf8(bytes).map_err(|_| wrong(expected, &value))
}

fn is_empty_text(value: &Value<'_>) -> bool {
    matches!(value, Value::Bytes(bytes) if bytes.is_empty())
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Proto for $integer {
            fn merge(slot: &mut Option<Self>, value: Value<'_>, _: &mut Room) -> Result<(), WireError> {
                const WANTED: &str = concat!("a number of type ", stringify!($integer));
                let Value::Varint(number) = value else { return Err(wrong(WANTED, &value)) };
                *slot = Some(Self::try_from(number).map_err(|_| wrong(WANTED, &value))?);
                Ok(())
            }

            fn absent() -> Result<Self, WireError> {
                Ok(0)
            }

            fn is_default(&self) -> bool {
                *self == 0
            }

            fn put_field(&self, number: u32, out: &mut Vec<u8>) {
                put_tag(number, 0, out);
                put_varint(u64::from(*self), out);
            }
        }
    )*};
}
integers!(u16, u32);

impl Proto for u64 {
    fn merge(slot: &mut Option<Self>, value: Value<'_>, _: &mut Room) -> Result<(), WireError> {
        let Value::Varint(number) = value else { return Err(wrong("a number", &value)) };
        *slot = Some(number);
        Ok(())
    }

    fn absent() -> Result<Self, WireError> {
        Ok(0)
    }

    fn is_default(&self) -> bool {
        *self == 0
    }

    fn put_field(&self, number: u32, out: &mut Vec<u8>) {
        put_tag(number, 0, out);
        put_varint(*self, out);
    }

    /// Numbers come packed, or each by itself from older writers.
    fn merge_item(
        list: &mut Vec<Self>,
        value: Value<'_>,
        room: &mut Room,
    ) -> Result<(), WireError> {
        match value {
            Value::Varint(number) => {
                room.charge::<Self>()?;
                list.push(number);
            }
            Value::Bytes(bytes) => {
                let mut packed = Fields::new(bytes);
                while !packed.is_at_end() {
                    room.charge::<Self>()?;
                    list.push(packed.varint().map_err(|error| no_protobuf(&error))?);
                }
            }
            other => return Err(wrong("numbers", &other)),
        }
        Ok(())
    }

    fn put_list(list: &[Self], number: u32, out: &mut Vec<u8>) {
        if list.is_empty() {
            return;
        }
        let mut packed = Vec::new();
        list.iter().for_each(|item| put_varint(*item, &mut packed));
        put_bytes(number, &packed, out);
    }
}

/// Signed: a negative one takes ten bytes.
impl Proto for i64 {
    fn merge(slot: &mut Option<Self>, value: Value<'_>, _: &mut Room) -> Result<(), WireError> {
        let Value::Varint(number) = value else { return Err(wrong("a number", &value)) };
        *slot = Some(Self::from_le_bytes(number.to_le_bytes()));
        Ok(())
    }

    fn absent() -> Result<Self, WireError> {
        Ok(0)
    }

    fn is_default(&self) -> bool {
        *self == 0
    }

    fn put_field(&self, number: u32, out: &mut Vec<u8>) {
        put_tag(number, 0, out);
        put_varint(u64::from_le_bytes(self.to_le_bytes()), out);
    }
}

/// Only in a list, which is a text: a miner's words.
impl Proto for u8 {
    fn merge(slot: &mut Option<Self>, value: Value<'_>, room: &mut Room) -> Result<(), WireError> {
        let mut number: Option<u32> = None;
        u32::merge(&mut number, value, room)?;
        *slot = number
            .map(|number| Self::try_from(number).map_err(|_| wrong("a number up to 255", &value)))
            .transpose()?;
        Ok(())
    }

    fn absent() -> Result<Self, WireError> {
        Ok(0)
    }

    fn is_default(&self) -> bool {
        *self == 0
    }

    fn put_field(&self, number: u32, out: &mut Vec<u8>) {
        u32::from(*self).put_field(number, out);
    }

    fn merge_item(list: &mut Vec<Self>, value: Value<'_>, _: &mut Room) -> Result<(), WireError> {
        text_of("a text", value)?.as_bytes().clone_into(list);
        Ok(())
    }

    fn put_list(list: &[Self], number: u32, out: &mut Vec<u8>) {
        if !list.is_empty() {
            put_bytes(number, list, out);
        }
    }
}

impl Proto for f64 {
    fn merge(slot: &mut Option<Self>, value: Value<'_>, _: &mut Room) -> Result<(), WireError> {
        let Value::Fixed64(bits) = value else { return Err(wrong("a number", &value)) };
        *slot = Some(Self::from_bits(bits));
        Ok(())
    }

    fn absent() -> Result<Self, WireError> {
        Ok(0.0)
    }

    fn is_default(&self) -> bool {
        self.to_bits() == 0
    }

    fn put_field(&self, number: u32, out: &mut Vec<u8>) {
        put_tag(number, 1, out);
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl Proto for bool {
    fn merge(slot: &mut Option<Self>, value: Value<'_>, _: &mut Room) -> Result<(), WireError> {
        let Value::Varint(number) = value else { return Err(wrong("true or false", &value)) };
        *slot = Some(number != 0);
        Ok(())
    }

    fn absent() -> Result<Self, WireError> {
        Ok(false)
    }

    fn is_default(&self) -> bool {
        !self
    }

    fn put_field(&self, number: u32, out: &mut Vec<u8>) {
        put_tag(number, 0, out);
        out.push(u8::from(*self));
    }
}

/// What lies in a field as a text: how it is read, shown, and what it is called.
macro_rules! texts {
    ($($type:ty, $wanted:literal, absent: $absent:expr, blank: $blank:literal,
       |$text:ident| $parse:expr, |$value:ident| $show:expr;)*) => {$(
        impl Proto for $type {
            fn merge(slot: &mut Option<Self>, value: Value<'_>, _: &mut Room) -> Result<(), WireError> {
                let $text = text_of($wanted, value)?;
                let parsed: Option<Self> = $parse;
                *slot = Some(parsed.ok_or_else(|| wrong($wanted, &value))?);
                Ok(())
            }

            fn absent() -> Result<Self, WireError> {
                let absent: Option<Self> = $absent;
                absent.ok_or_else(|| WireError::new($wanted, "nothing"))
            }

            fn is_default(&self) -> bool {
                let $value = self;
                let shown: String = $show;
                shown.is_empty()
            }

            fn is_blank(value: &Value<'_>) -> bool {
                $blank && is_empty_text(value)
            }

            fn put_field(&self, number: u32, out: &mut Vec<u8>) {
                let $value = self;
                let shown: String = $show;
                put_bytes(number, shown.as_bytes(), out);
            }
        }
    )*};
}

/// Reads what JSON has as the same text.
fn of_json<T: super::super::wire::Wire>(text: &str) -> Option<T> {
    T::of_json(&Json::String(text.to_owned())).ok()
}

texts! {
    String, "a text", absent: Some(Self::new()), blank: false,
        |text| Some(text.to_owned()), |value| value.clone();
    HexBytes, "bytes in hexadecimal", absent: Some(Self::default()), blank: false,
        |text| hex::decode(text).ok().map(Self), |value| hex::encode(&value.0);
    Hash256, "a hash of 64 hexadecimal digits", absent: None, blank: true,
        |text| text.parse().ok(), |value| value.to_string();
    SubnetworkId, "a subnetwork of 40 hexadecimal digits", absent: None, blank: false,
        |text| of_json(text), |value| hex::encode(value.as_bytes());
    BlueWork, "blue work in hexadecimal", absent: None, blank: false,
        |text| (!text.is_empty()).then(|| Self::from_str_radix(text, 16).ok()).flatten(),
        |value| format!("{value:x}");
    Address, "an address", absent: None, blank: true,
        |text| text.parse().ok(), |value| value.to_string();
    ScriptKind, "a form of script", absent: None, blank: false,
        |text| of_json(text), |value| value.name().to_ascii_lowercase();
    Network, "a network", absent: None, blank: false,
        |text| of_json(text), |value| match value {
            Self::Testnet10 => "testnet".to_owned(),
            other => other.name().to_owned(),
        };
    NetworkId, "a network", absent: None, blank: false,
        |text| of_json(text), |value| value.0.name().to_owned();
    PrefixedNetwork, "a network that begins with kaspa-", absent: None, blank: false,
        |text| text.strip_prefix("kaspa-").and_then(of_json).map(Self),
        |value| format!("kaspa-{}", value.0.0.name());
    [u8; 16], "a UUID", absent: None, blank: false,
        |text| hex::decode(&text.replace('-', "")).ok().and_then(|bytes| bytes.try_into().ok()),
        |value| uuid(value);
    ContextualAddress, "an IP address, and a port if it is another than the network's",
        absent: None, blank: false,
        |text| contextual(text), |value| match value.port {
            Some(port) => SocketAddr::new(value.ip, port).to_string(),
            None => value.ip.to_string(),
        };
}

/// A network's name as the DAG's state has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrefixedNetwork(pub(super) NetworkId);

fn contextual(text: &str) -> Option<ContextualAddress> {
    let whole = text.parse::<SocketAddr>().ok();
    let whole = whole.map(|at| ContextualAddress { ip: at.ip(), port: Some(at.port()) });
    let bare = || {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let ip = inner.unwrap_or(text).parse().ok()?;
        Some(ContextualAddress { ip, port: None })
    };
    whole.or_else(bare)
}

/// One text in a message: how addresses of peers stand in lists.
struct Wrapped(String);

impl Message for Wrapped {
    fn put_fields(&self, out: &mut Vec<u8>) {
        self.0.put_field(1, out);
    }

    fn of_fields(bytes: &[u8], room: &mut Room) -> Result<Self, WireError> {
        let mut text = None;
        each_field(bytes, |number, value| match number {
            1 => String::merge(&mut text, value, room),
            _ => Ok(()),
        })?;
        settle("addr", text).map(Self)
    }
}

macro_rules! wrapped_in_lists {
    ($($type:ty, $wanted:literal, |$text:ident| $parse:expr;)*) => {$(
        impl Proto for $type {
            fn merge(slot: &mut Option<Self>, value: Value<'_>, _: &mut Room) -> Result<(), WireError> {
                let $text = text_of($wanted, value)?;
                let parsed: Option<Self> = $parse;
                *slot = Some(parsed.ok_or_else(|| wrong($wanted, &value))?);
                Ok(())
            }

            fn absent() -> Result<Self, WireError> {
                Err(WireError::new($wanted, "nothing"))
            }

            fn put_field(&self, number: u32, out: &mut Vec<u8>) {
                put_bytes(number, shown(self).as_bytes(), out);
            }

            fn merge_item(list: &mut Vec<Self>, value: Value<'_>, room: &mut Room) -> Result<(), WireError> {
                let Wrapped(text) = Wrapped::of_fields(bytes_of($wanted, value)?, room)?;
                room.charge::<Self>()?;
                let mut slot = None;
                Self::merge(&mut slot, Value::Bytes(text.as_bytes()), room)?;
                list.extend(slot);
                Ok(())
            }

            fn put_list(list: &[Self], number: u32, out: &mut Vec<u8>) {
                list.iter().for_each(|item| put_message(&Wrapped(shown(item)), number, out));
            }
        }
    )*};
}

trait Shown {
    fn shown(&self) -> String;
}

impl Shown for IpAddr {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for PeerAddress {
    fn shown(&self) -> String {
        SocketAddr::new(self.ip, self.port).to_string()
    }
}

fn shown(address: &impl Shown) -> String {
    address.shown()
}

wrapped_in_lists! {
    IpAddr, "an IP address", |text| text.parse().ok();
    PeerAddress, "an IP address and a port", |text| {
        let at = text.parse::<SocketAddr>().ok();
        at.map(|at| Self { ip: at.ip(), port: at.port() })
    };
}

impl Message for ScriptPublicKey {
    fn put_fields(&self, out: &mut Vec<u8>) {
        if self.version != 0 {
            self.version.put_field(1, out);
        }
        if !self.script.is_empty() {
            put_bytes(2, hex::encode(&self.script).as_bytes(), out);
        }
    }

    fn of_fields(bytes: &[u8], room: &mut Room) -> Result<Self, WireError> {
        let (mut version, mut script): (Option<u16>, Option<HexBytes>) = (None, None);
        each_field(bytes, |number, value| match number {
            1 => Proto::merge(&mut version, value, room),
            2 => Proto::merge(&mut script, value, room),
            _ => Ok(()),
        })?;
        Ok(Self::new(settle("version", version)?, &settle("script", script)?.0))
    }
}

impl<T: Proto> Proto for Vec<T> {
    fn merge(slot: &mut Option<Self>, value: Value<'_>, room: &mut Room) -> Result<(), WireError> {
        T::merge_item(slot.get_or_insert_default(), value, room)
    }

    fn absent() -> Result<Self, WireError> {
        Ok(Self::new())
    }

    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn put_field(&self, number: u32, out: &mut Vec<u8>) {
        T::put_list(self, number, out);
    }

    /// A list in a list is a message whose first field is the inner one: the parents of a level.
    fn merge_item(
        list: &mut Vec<Self>,
        value: Value<'_>,
        room: &mut Room,
    ) -> Result<(), WireError> {
        room.charge::<Self>()?;
        let mut inner = None;
        each_field(bytes_of("a list", value)?, |number, value| match number {
            1 => Self::merge(&mut inner, value, room),
            _ => Ok(()),
        })?;
        list.push(inner.unwrap_or_default());
        Ok(())
    }

    fn put_list(list: &[Self], number: u32, out: &mut Vec<u8>) {
        for inner in list {
            let mut fields = Vec::new();
            T::put_list(inner, 1, &mut fields);
            put_bytes(number, &fields, out);
        }
    }
}

impl<T: Proto> Proto for Option<T> {
    fn merge(slot: &mut Option<Self>, value: Value<'_>, room: &mut Room) -> Result<(), WireError> {
        if T::is_blank(&value) {
            *slot = Some(None);
            return Ok(());
        }
        let mut inner = None;
        T::merge(&mut inner, value, room)?;
        *slot = Some(inner);
        Ok(())
    }

    fn absent() -> Result<Self, WireError> {
        Ok(None)
    }

    fn is_default(&self) -> bool {
        self.is_none()
    }

    fn put_field(&self, number: u32, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put_field(number, out);
        }
    }
}
