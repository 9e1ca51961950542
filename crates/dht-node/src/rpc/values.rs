//! From text and hexadecimal digits to records, and back.

use std::net::SocketAddr;

use quintet_dht_protocol::{
    bencode::{self, KeyOrder},
    contact::Contact,
    dht::LookupReport,
    key::Key,
    message::{Item, MutableItem},
    record::item::mutable_target,
};
use quintet_primitives::hex;
use quintet_rpc::RpcError;

use super::types::{ContactInfo, GetParams, PutRecord, RecordInfo, ReportInfo};

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sought {
    Immutable(Key),
    Mutable { public_key: [u8; 32], salt: Vec<u8> },
    Raw(Key),
}

impl Sought {
    pub(super) fn key(&self) -> Key {
        match self {
            Self::Immutable(key) | Self::Raw(key) => *key,
            Self::Mutable { public_key, salt } => mutable_target(public_key, salt),
        }
    }
}

/// What to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    Item(Item, Option<i64>),
    Raw(Key, Vec<u8>),
}

fn invalid(name: &'static str, expected: &str, actual: impl Into<String>) -> RpcError {
    RpcError::InvalidParams { name, expected: expected.to_owned(), actual: actual.into() }
}

pub(super) fn key(name: &'static str, text: &str) -> Result<Key, RpcError> {
    text.parse().map_err(|error| invalid(name, "40 hex digits", format!("{error}")))
}

pub(super) fn addr(name: &'static str, text: &str) -> Result<SocketAddr, RpcError> {
    let expected = "an IP address and port, such as 192.0.2.1:6881 or [2001:db8::1]:6881";
    text.parse().map_err(|_| invalid(name, expected, format!("{:?}", cut(text))))
}

fn bytes(name: &'static str, text: &str) -> Result<Vec<u8>, RpcError> {
    hex::decode(text).map_err(|error| invalid(name, "hex digits", error.to_string()))
}

fn array<const N: usize>(
    name: &'static str,
    expected: &str,
    text: &str,
) -> Result<[u8; N], RpcError> {
    hex::decode_array(text).map_err(|error| invalid(name, expected, error.to_string()))
}

/// Foreign text is repeated in errors, but not all of it.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(80)).unwrap_or_default()
}

pub(super) fn sought(params: &GetParams) -> Result<Sought, RpcError> {
    let GetParams { key: by_key, public_key, salt, raw } = params;
    match (by_key, public_key) {
        (Some(text), None) if salt.is_none() => {
            let key = key("key", text)?;
            Ok(if *raw { Sought::Raw(key) } else { Sought::Immutable(key) })
        }
        (None, Some(public_key)) if !raw => Ok(Sought::Mutable {
            public_key: array("public_key", "64 hex digits", public_key)?,
            salt: salt.as_deref().map_or(Ok(Vec::new()), |salt| bytes("salt", salt))?,
        }),
        _ => {
            let expected = "either key, or public_key and perhaps salt";
            Err(invalid("key", expected, "both, neither, or parts of each"))
        }
    }
}

pub(super) fn given(record: &PutRecord) -> Result<Given, RpcError> {
    let PutRecord { public_key, salt, seq, signature, cas, key: by_key, .. } = record;
    if let Some(text) = by_key {
        if public_key.is_some() || signature.is_some() || seq.is_some() || cas.is_some() {
            return Err(invalid("key", "a key without a signature", "both"));
        }
        return Ok(Given::Raw(key("key", text)?, value(record, false)?));
    }
    let value = value(record, true)?;
    let item = match (public_key, seq, signature) {
        (None, None, None) if salt.is_none() && cas.is_none() => Item::Immutable { value },
        (Some(public_key), Some(seq), Some(signature)) => Item::Mutable(MutableItem {
            public_key: array("public_key", "64 hex digits", public_key)?,
            salt: salt.as_deref().map_or(Ok(Vec::new()), |salt| bytes("salt", salt))?,
            seq: *seq,
            signature: array("signature", "128 hex digits", signature)?,
            value,
        }),
        _ => {
            let expected = "public_key, seq and signature together, or none of them";
            return Err(invalid("record", expected, "some of them"));
        }
    };
    Ok(Given::Item(item, *cas))
}

/// The value's bytes; text becomes a bencoded string where the value must be bencoded.
fn value(record: &PutRecord, bencoded: bool) -> Result<Vec<u8>, RpcError> {
    match (&record.text, &record.value) {
        (Some(text), None) if bencoded => {
            let mut out = Vec::with_capacity(text.len() + 8);
            bencode::Writer::new(&mut out).bytes(text.as_bytes());
            Ok(out)
        }
        (Some(text), None) => Ok(text.clone().into_bytes()),
        (None, Some(value)) => bytes("value", value),
        (Some(_), Some(_)) => Err(invalid("record", "either text or value", "both")),
        (None, None) => Err(invalid("record", "either text or value", "neither")),
    }
}

pub(super) fn item_info(item: &Item) -> RecordInfo {
    let value = hex::encode(item.value());
    let text = text(item.value());
    match item {
        Item::Immutable { .. } => RecordInfo::Immutable { value, text },
        Item::Mutable(item) => RecordInfo::Mutable {
            value,
            text,
            public_key: hex::encode(&item.public_key),
            salt: hex::encode(&item.salt),
            seq: item.seq,
            signature: hex::encode(&item.signature),
        },
    }
}

pub(super) fn raw_info(value: Vec<u8>) -> RecordInfo {
    RecordInfo::Raw { value: hex::encode(&value), text: String::from_utf8(value).ok() }
}

/// The text of a bencoded UTF-8 string.
fn text(value: &[u8]) -> Option<String> {
    let bytes = bencode::parse(value, KeyOrder::Any).ok()?.as_bytes()?;
    core::str::from_utf8(bytes).ok().map(str::to_owned)
}

pub(super) fn contact_info(contact: Contact) -> ContactInfo {
    ContactInfo { id: contact.id.to_string(), addr: contact.addr.to_string() }
}

pub(super) const fn report_info(report: LookupReport) -> ReportInfo {
    let LookupReport { queries, failures, hops, elapsed_us } = report;
    ReportInfo { queries, failures, hops, elapsed_us }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> PutRecord {
        PutRecord { text: Some(text.to_owned()), ..PutRecord::default() }
    }

    #[test]
    fn text_is_stored_as_a_bencoded_string_and_read_back_as_text() {
        let Given::Item(item, None) = given(&of_text("Hello World!")).unwrap() else {
            panic!("not an item");
        };
        assert_eq!(item.value(), b"12:Hello World!");
        assert_eq!(item.target().to_string(), "e5f96f6f38320f0f33959cb4d3d656452117aadb");
        let RecordInfo::Immutable { text, value } = item_info(&item) else { panic!("mutable") };
        assert_eq!(text.as_deref(), Some("Hello World!"));
        assert_eq!(value, hex::encode(b"12:Hello World!"));
    }

    #[test]
    fn a_value_that_is_no_text_comes_as_digits_alone() {
        for value in [&b"i5e"[..], b"2:\xff\xfe", b"l1:ae", b"broken"] {
            assert_eq!(text(value), None);
        }
    }

    #[test]
    fn unsigned_bytes_are_stored_as_they_are() {
        let key = "00".repeat(20);
        let record = PutRecord { key: Some(key.clone()), ..of_text("abc") };
        let Given::Raw(stored, value) = given(&record).unwrap() else { panic!("an item") };
        assert_eq!((stored.to_string(), value), (key, b"abc".to_vec()));
    }

    #[test]
    fn a_record_that_is_neither_one_thing_nor_the_other_is_refused() {
        let wrong = [
            PutRecord::default(),
            PutRecord { value: Some("00".into()), ..of_text("a") },
            PutRecord { seq: Some(1), ..of_text("a") },
            PutRecord { cas: Some(1), ..of_text("a") },
            PutRecord { public_key: Some("00".repeat(32)), ..of_text("a") },
            PutRecord { key: Some("00".repeat(20)), seq: Some(1), ..of_text("a") },
            PutRecord { key: Some("00".repeat(19)), ..of_text("a") },
            PutRecord { value: Some("0g".into()), ..PutRecord::default() },
        ];
        for record in wrong {
            let error = given(&record).unwrap_err();
            assert!(matches!(error, RpcError::InvalidParams { .. }), "{record:?}");
        }
    }

    #[test]
    fn what_is_sought_is_named_in_one_way() {
        let key = Some("11".repeat(20));
        let public_key = Some("22".repeat(32));
        let immutable = GetParams { key: key.clone(), ..GetParams::default() };
        assert!(matches!(sought(&immutable), Ok(Sought::Immutable(_))));
        let raw = GetParams { raw: true, ..immutable.clone() };
        assert!(matches!(sought(&raw), Ok(Sought::Raw(_))));
        let salt = Some("0001".to_owned());
        let mutable = GetParams { public_key, salt: salt.clone(), ..GetParams::default() };
        assert!(matches!(sought(&mutable), Ok(Sought::Mutable { .. })));
        for wrong in [
            GetParams::default(),
            GetParams { key, ..mutable.clone() },
            GetParams { salt, ..immutable },
            GetParams { raw: true, ..mutable },
        ] {
            assert!(sought(&wrong).is_err(), "{wrong:?}");
        }
    }
}
