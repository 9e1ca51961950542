//! The outer dictionary, and how fields are taken from an inner one.

use arrayvec::ArrayVec;

use super::{INPUT_MAX, read_query, read_response};
use crate::{
    bencode::{self, Dict, KeyOrder, Value},
    codec::{Codec, DecodeError, DecodeErrorKind, bounds, compact},
    key::Key,
    message::{Body, Message, NetworkId, RpcError, TransactionId},
};

/// Reads a KRPC packet.
///
/// # Errors
///
/// [`DecodeError`] says what was expected and whether an answer is due.
pub fn decode(packet: &[u8]) -> Result<Message, DecodeError> {
    let mut sender = Sender { tid: None, is_query: false };
    read(packet, &mut sender).map_err(|kind| DecodeError {
        codec: Some(Codec::Krpc),
        tid: sender.tid,
        network: NetworkId::BITTORRENT,
        is_query: sender.is_query,
        kind,
    })
}

/// What is known of the packet while the rest of it may still turn out bad.
struct Sender {
    tid: Option<TransactionId>,
    is_query: bool,
}

fn read(packet: &[u8], sender: &mut Sender) -> Result<Message, DecodeErrorKind> {
    if packet.len() > INPUT_MAX {
        return Err(DecodeErrorKind::TooLong { limit: INPUT_MAX, actual: packet.len() });
    }
    let value = bencode::parse(packet, KeyOrder::Any).map_err(DecodeErrorKind::Bencode)?;
    let envelope = Fields::of(Some(value), "message")?;
    let kind = envelope.bytes("y")?.ok_or(DecodeErrorKind::Missing { field: "y" })?;
    sender.is_query = kind == b"q";
    let tid = read_tid(&envelope)?;
    sender.tid = Some(tid.clone());

    let body = match kind {
        b"q" => Body::Query(read_query::query(&envelope)?),
        b"r" => Body::Response(read_response::response(&envelope)?),
        b"e" => Body::Error(read_error(&envelope)?),
        _ => {
            return Err(DecodeErrorKind::Malformed { field: "y", expected: "'q', 'r' or 'e'" });
        }
    };
    let observed = envelope.get("ip").and_then(Value::as_bytes).and_then(compact::read_addr);
    Ok(Message {
        tid,
        network: NetworkId::BITTORRENT,
        version: envelope.get("v").and_then(Value::as_bytes).and_then(|v| v.try_into().ok()),
        read_only: sender.is_query && envelope.flag("ro"),
        observed: observed.filter(|_| !sender.is_query),
        body,
    })
}

fn read_tid(envelope: &Fields<'_>) -> Result<TransactionId, DecodeErrorKind> {
    let tid = envelope.bytes("t")?.ok_or(DecodeErrorKind::Missing { field: "t" })?;
    TransactionId::from_slice(tid).ok_or(DecodeErrorKind::Length {
        field: "t",
        expected: "1 to 16",
        actual: tid.len(),
    })
}

fn read_error(envelope: &Fields<'_>) -> Result<RpcError, DecodeErrorKind> {
    let mut parts = envelope
        .get("e")
        .ok_or(DecodeErrorKind::Missing { field: "e" })?
        .as_list()
        .ok_or(DecodeErrorKind::Malformed { field: "e", expected: "a list" })?;
    let code = parts
        .next()
        .and_then(Value::as_int)
        .ok_or(DecodeErrorKind::Malformed { field: "e", expected: "a number, then a text" })?;
    let text = parts.next().and_then(Value::as_bytes).unwrap_or_default();
    Ok(RpcError { code, message: lossy_text(text, bounds::ERROR_TEXT_MAX) })
}

/// Returns `bytes` as text of at most `limit` bytes, whatever they are.
pub(super) fn lossy_text(bytes: &[u8], limit: usize) -> String {
    let bytes = bytes.get(..limit).unwrap_or(bytes);
    bounds::cut(&String::from_utf8_lossy(bytes), limit).to_owned()
}

/// Entries of a dictionary that are found without walking it again. No message we know has more.
const INDEXED_MAX: usize = 12;

/// A dictionary whose entries are asked for by name. Its first entries are found once and for all: to
/// walk it for every name took a quarter of a query's time.
pub(super) struct Fields<'a> {
    indexed: ArrayVec<(&'a [u8], Value<'a>), INDEXED_MAX>,
    rest: Dict<'a>,
}

impl<'a> Fields<'a> {
    /// Takes the dictionary found in the field `name`.
    pub(super) fn of(
        value: Option<Value<'a>>,
        name: &'static str,
    ) -> Result<Self, DecodeErrorKind> {
        let value = value.ok_or(DecodeErrorKind::Missing { field: name })?;
        let Some(mut rest) = value.as_dict() else {
            return Err(DecodeErrorKind::Malformed { field: name, expected: "a dictionary" });
        };
        let indexed = rest.by_ref().take(INDEXED_MAX).collect();
        Ok(Self { indexed, rest })
    }

    pub(super) fn get(&self, field: &str) -> Option<Value<'a>> {
        let field = field.as_bytes();
        let found = self.indexed.iter().find(|(name, _)| *name == field);
        found.map(|(_, value)| *value).or_else(|| self.rest.get(field))
    }

    /// Returns whether the field is the number 1.
    pub(super) fn flag(&self, field: &str) -> bool {
        self.get(field).and_then(Value::as_int) == Some(1)
    }

    pub(super) fn bytes(&self, field: &'static str) -> Result<Option<&'a [u8]>, DecodeErrorKind> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_bytes() {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(DecodeErrorKind::Malformed { field, expected: "a string" }),
        }
    }

    pub(super) fn int(&self, field: &'static str) -> Result<Option<i64>, DecodeErrorKind> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_int() {
            Some(number) => Ok(Some(number)),
            None => Err(DecodeErrorKind::Malformed { field, expected: "a number" }),
        }
    }

    pub(super) fn array<const N: usize>(
        &self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<[u8; N], DecodeErrorKind> {
        let bytes = self.bytes(field)?.ok_or(DecodeErrorKind::Missing { field })?;
        let actual = bytes.len();
        bytes.try_into().map_err(|_| DecodeErrorKind::Length { field, expected, actual })
    }

    pub(super) fn key(&self, field: &'static str) -> Result<Key, DecodeErrorKind> {
        self.array(field, "20").map(Key::new)
    }
}
