//! The arguments of the methods.

use super::{method, read::Fields, read::lossy_text};
use crate::{
    bencode::{self, Value},
    codec::{DecodeErrorKind, bounds},
    message::{
        Item, MutableItem, Query, Request, SALT_MAX, StoreValue, Token, VALUE_MAX, ValueKind, Want,
    },
};

pub(super) fn query(envelope: &Fields<'_>) -> Result<Query, DecodeErrorKind> {
    let name = envelope.bytes("q")?.ok_or(DecodeErrorKind::Missing { field: "q" })?;
    let arguments = Fields::of(envelope.get("a"), "a")?;
    let sender = arguments.key("id")?;
    let request = request(name, &arguments)?;
    Ok(Query { sender, want: want(&arguments), request })
}

fn request(name: &[u8], arguments: &Fields<'_>) -> Result<Request, DecodeErrorKind> {
    Ok(match core::str::from_utf8(name).unwrap_or_default() {
        method::PING => Request::Ping,
        method::FIND_NODE => Request::FindNode { target: arguments.key("target")? },
        method::SAMPLE => Request::Sample { target: arguments.key("target")? },
        method::GET_PEERS => Request::FindValue {
            key: arguments.key("info_hash")?,
            kind: ValueKind::Peers,
            newer_than: None,
            scrape: arguments.flag("scrape"),
        },
        method::GET => Request::FindValue {
            key: arguments.key("target")?,
            kind: ValueKind::Item,
            newer_than: arguments.int("seq")?,
            scrape: false,
        },
        method::ANNOUNCE_PEER => announce(arguments)?,
        method::PUT => put(arguments)?,
        _ => Request::Unknown {
            method: lossy_text(name, bounds::METHOD_MAX),
            target: arguments.key("target").or_else(|_| arguments.key("info_hash")).ok(),
        },
    })
}

/// BEP 32: a list of `n4` and `n6`; anything else says nothing.
fn want(arguments: &Fields<'_>) -> Want {
    let families = || arguments.get("want").and_then(Value::as_list).into_iter().flatten();
    let wants = |family: &[u8]| families().any(|value| value.as_bytes() == Some(family));
    match (wants(b"n4"), wants(b"n6")) {
        (false, false) => Want::Unsaid,
        (true, false) => Want::V4,
        (false, true) => Want::V6,
        (true, true) => Want::Both,
    }
}

fn announce(arguments: &Fields<'_>) -> Result<Request, DecodeErrorKind> {
    let key = arguments.key("info_hash")?;
    let token = token(arguments)?;
    let implied = arguments.int("implied_port")?.is_some_and(|flag| flag != 0);
    let port = if implied { None } else { Some(port(arguments)?) };
    let value = StoreValue::Peer { port, seed: arguments.flag("seed") };
    Ok(Request::Store { key, token, value })
}

fn port(arguments: &Fields<'_>) -> Result<u16, DecodeErrorKind> {
    let port = arguments.int("port")?.ok_or(DecodeErrorKind::Missing { field: "port" })?;
    u16::try_from(port)
        .ok()
        .filter(|port| *port != 0)
        .ok_or(DecodeErrorKind::Malformed { field: "port", expected: "a port of 1 to 65535" })
}

fn put(arguments: &Fields<'_>) -> Result<Request, DecodeErrorKind> {
    let value = value(arguments.get("v").ok_or(DecodeErrorKind::Missing { field: "v" })?)?;
    let token = token(arguments)?;
    let is_mutable = ["k", "sig", "seq"].into_iter().any(|field| arguments.get(field).is_some());
    let (item, cas) = if is_mutable {
        (Item::Mutable(mutable(arguments, value)?), arguments.int("cas")?)
    } else {
        (Item::Immutable { value: value.to_vec() }, None)
    };
    let key = match arguments.get("target") {
        Some(_) => arguments.key("target")?,
        None => item.target(),
    };
    Ok(Request::Store { key, token, value: StoreValue::Item { item, cas } })
}

fn mutable(arguments: &Fields<'_>, value: &[u8]) -> Result<MutableItem, DecodeErrorKind> {
    let salt = arguments.bytes("salt")?.unwrap_or_default();
    if salt.len() > SALT_MAX {
        return Err(DecodeErrorKind::SaltTooBig { actual: salt.len() });
    }
    signed(arguments, value, salt)
}

/// Reads what a mutable item has beside salt and value; answers carry it in the same fields.
pub(super) fn signed(
    fields: &Fields<'_>,
    value: &[u8],
    salt: &[u8],
) -> Result<MutableItem, DecodeErrorKind> {
    Ok(MutableItem {
        public_key: fields.array("k", "32")?,
        seq: fields.int("seq")?.ok_or(DecodeErrorKind::Missing { field: "seq" })?,
        signature: fields.array("sig", "64")?,
        salt: salt.to_vec(),
        value: value.to_vec(),
    })
}

/// Returns the exact bytes of a BEP 44 value, which must be strictly bencoded and not too many.
pub(super) fn value(value: Value<'_>) -> Result<&[u8], DecodeErrorKind> {
    let raw = value.raw();
    if raw.len() > VALUE_MAX {
        return Err(DecodeErrorKind::ValueTooBig { actual: raw.len() });
    }
    bencode::validate(raw).map_err(DecodeErrorKind::Value)?;
    Ok(raw)
}

fn token(arguments: &Fields<'_>) -> Result<Token, DecodeErrorKind> {
    let token = arguments.bytes("token")?.ok_or(DecodeErrorKind::Missing { field: "token" })?;
    Token::from_slice(token).ok_or(DecodeErrorKind::Length {
        field: "token",
        expected: "at most 64",
        actual: token.len(),
    })
}
