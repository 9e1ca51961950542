//! Reading a JSON packet: the parser checks form and names, this module sense.

use core::{net::SocketAddr, str::FromStr};

use quintet_primitives::hex;

use super::{
    CONTACTS_MAX, DEPTH_MAX, PACKET_MAX, kind, op,
    wire::{Wire, WireContact},
};
use crate::{
    bencode,
    codec::{Codec, DecodeError, DecodeErrorKind, bounds},
    contact::{Contact, Family},
    key::Key,
    message::{
        Body, FoundValue, Item, Message, MutableItem, NetworkId, PEERS_MAX, Query, Request,
        Response, RpcError, SALT_MAX, SAMPLES_MAX, Samples, Scrape, StoreValue, Token,
        TransactionId, VALUE_MAX, ValueKind, Want,
    },
};

/// Reads a JSON packet.
///
/// # Errors
///
/// [`DecodeError`] says what was expected and whether an answer is due.
pub fn decode(packet: &[u8]) -> Result<Message, DecodeError> {
    let refuse = |kind| DecodeError {
        codec: Some(Codec::Json),
        tid: None,
        network: NetworkId::BITTORRENT,
        is_query: false,
        kind,
    };
    let mut wire = parse(packet).map_err(refuse)?;
    let network = NetworkId(wire.network.take().unwrap_or_default());
    let is_query = wire.kind_of_message.as_deref() == Some("query");
    let tid = tid(&mut wire).map_err(|kind| DecodeError { network, is_query, ..refuse(kind) })?;
    message(wire, tid.clone(), network).map_err(|kind| DecodeError {
        tid: Some(tid),
        network,
        is_query,
        ..refuse(kind)
    })
}

fn parse(packet: &[u8]) -> Result<Wire, DecodeErrorKind> {
    if packet.len() > PACKET_MAX {
        return Err(DecodeErrorKind::TooLong { limit: PACKET_MAX, actual: packet.len() });
    }
    if depth(packet) > DEPTH_MAX {
        let reason = format!("expected at most {DEPTH_MAX} open brackets");
        return Err(DecodeErrorKind::Json { reason });
    }
    serde_json::from_slice(packet)
        .map_err(|error| DecodeErrorKind::Json { reason: error.to_string() })
}

/// Returns how many brackets outside strings are open at once.
fn depth(packet: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in packet {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn tid(wire: &mut Wire) -> Result<TransactionId, DecodeErrorKind> {
    let bytes = bytes("tid", &need("tid", wire.tid.take())?)?;
    TransactionId::from_slice(&bytes).ok_or(DecodeErrorKind::Length {
        field: "tid",
        expected: "1 to 16",
        actual: bytes.len(),
    })
}

fn message(
    mut wire: Wire,
    tid: TransactionId,
    network: NetworkId,
) -> Result<Message, DecodeErrorKind> {
    let version = wire.version.take().map(|text| array("version", &text)).transpose()?;
    let (mut read_only, mut observed) = (false, None);
    let kind = need("type", wire.kind_of_message.take())?;
    if kind == "query" {
        read_only = wire.read_only.take().unwrap_or_default();
    } else {
        observed = wire.observed.take().map(|text| addr("observed", &text)).transpose()?;
    }
    let body = match kind.as_str() {
        "query" => Body::Query(query(&mut wire)?),
        "response" => Body::Response(response(&mut wire)?),
        "error" => Body::Error(error(&mut wire)?),
        _ => {
            let expected = "\"query\", \"response\" or \"error\"";
            return Err(DecodeErrorKind::Malformed { field: "type", expected });
        }
    };
    match wire.leftover() {
        Some(field) => Err(DecodeErrorKind::Unexpected { field: field.into() }),
        None => Ok(Message { tid, network, version, read_only, observed, body }),
    }
}

fn query(wire: &mut Wire) -> Result<Query, DecodeErrorKind> {
    let sender = key("sender", wire.sender.take())?;
    let want = match wire.want.take().as_deref() {
        None => Want::Unsaid,
        Some([Family::V4]) => Want::V4,
        Some([Family::V6]) => Want::V6,
        Some([Family::V4, Family::V6]) => Want::Both,
        Some(_) => {
            let expected = "[\"v4\"], [\"v6\"] or [\"v4\",\"v6\"]";
            return Err(DecodeErrorKind::Malformed { field: "want", expected });
        }
    };
    Ok(Query { sender, want, request: request(wire)? })
}

fn request(wire: &mut Wire) -> Result<Request, DecodeErrorKind> {
    let method = need("op", wire.op.take())?;
    Ok(match method.as_str() {
        op::PING => Request::Ping,
        op::FIND_NODE => Request::FindNode { target: key("target", wire.target.take())? },
        op::SAMPLE => Request::Sample { target: key("target", wire.target.take())? },
        op::FIND_VALUE => find_value(wire)?,
        op::STORE => store(wire)?,
        _ => Request::Unknown {
            method: bounds::cut(&method, bounds::METHOD_MAX).to_owned(),
            target: wire.target.take().map(|text| key("target", Some(text))).transpose()?,
        },
    })
}

fn find_value(wire: &mut Wire) -> Result<Request, DecodeErrorKind> {
    let key = key("key", wire.key.take())?;
    let (kind, newer_than, scrape) = match need("kind", wire.kind.take())?.as_str() {
        kind::PEERS => (ValueKind::Peers, None, wire.scrape.take().unwrap_or_default()),
        kind::ITEM => (ValueKind::Item, number("newer_than", wire.newer_than.take())?, false),
        kind::RAW => (ValueKind::Raw, None, false),
        _ => {
            let expected = "\"peers\", \"item\" or \"raw\"";
            return Err(DecodeErrorKind::Malformed { field: "kind", expected });
        }
    };
    Ok(Request::FindValue { key, kind, newer_than, scrape })
}

fn store(wire: &mut Wire) -> Result<Request, DecodeErrorKind> {
    let key = key("key", wire.key.take())?;
    let token = token(wire)?.ok_or(DecodeErrorKind::Missing { field: "token" })?;
    let value = match need("kind", wire.kind.take())?.as_str() {
        kind::PEER => {
            let port = wire.port.take();
            if port == Some(0) {
                let expected = "a port of 1 to 65535";
                return Err(DecodeErrorKind::Malformed { field: "port", expected });
            }
            StoreValue::Peer { port, seed: wire.seed.take().unwrap_or_default() }
        }
        kind::IMMUTABLE => StoreValue::Item { item: immutable(wire)?, cas: None },
        kind::MUTABLE => {
            let salt = wire.salt.take().map(|text| bytes("salt", &text)).transpose()?;
            let item = mutable(wire, salt.unwrap_or_default())?;
            StoreValue::Item { item, cas: number("cas", wire.cas.take())? }
        }
        kind::RAW => StoreValue::Raw { value: raw_value(wire)? },
        _ => {
            let expected = "\"peer\", \"immutable\", \"mutable\" or \"raw\"";
            return Err(DecodeErrorKind::Malformed { field: "kind", expected });
        }
    };
    Ok(Request::Store { key, token, value })
}

fn response(wire: &mut Wire) -> Result<Response, DecodeErrorKind> {
    let value = match wire.kind.take().as_deref() {
        None => None,
        Some(kind::IMMUTABLE) => Some(FoundValue::Item(immutable(wire)?)),
        Some(kind::MUTABLE) => Some(FoundValue::Item(mutable(wire, Vec::new())?)),
        Some(kind::RAW) => Some(FoundValue::Raw(raw_value(wire)?)),
        Some(_) => {
            let expected = "\"immutable\", \"mutable\" or \"raw\"";
            return Err(DecodeErrorKind::Malformed { field: "kind", expected });
        }
    };
    Ok(Response {
        sender: key("sender", wire.sender.take())?,
        nodes: contacts("nodes", Family::V4, wire.nodes.take())?,
        nodes6: contacts("nodes6", Family::V6, wire.nodes6.take())?,
        token: token(wire)?,
        peers: peers(wire)?,
        value,
        seq: number("seq", wire.seq.take())?,
        samples: samples(wire)?,
        scrape: scrape(wire)?,
    })
}

fn error(wire: &mut Wire) -> Result<RpcError, DecodeErrorKind> {
    let code = number("code", wire.code.take())?;
    let code = code.ok_or(DecodeErrorKind::Missing { field: "code" })?;
    let message = wire.text.take().unwrap_or_default();
    Ok(RpcError { code, message: bounds::cut(&message, bounds::ERROR_TEXT_MAX).to_owned() })
}

fn mutable(wire: &mut Wire, salt: Vec<u8>) -> Result<Item, DecodeErrorKind> {
    if salt.len() > SALT_MAX {
        return Err(DecodeErrorKind::SaltTooBig { actual: salt.len() });
    }
    let seq = number("seq", wire.seq.take())?;
    Ok(Item::Mutable(MutableItem {
        public_key: array("public_key", &need("public_key", wire.public_key.take())?)?,
        salt,
        seq: seq.ok_or(DecodeErrorKind::Missing { field: "seq" })?,
        signature: array("signature", &need("signature", wire.signature.take())?)?,
        value: item_value(wire)?,
    }))
}

fn immutable(wire: &mut Wire) -> Result<Item, DecodeErrorKind> {
    Ok(Item::Immutable { value: item_value(wire)? })
}

fn item_value(wire: &mut Wire) -> Result<Vec<u8>, DecodeErrorKind> {
    let value = raw_value(wire)?;
    bencode::validate(&value).map_err(DecodeErrorKind::Value)?;
    Ok(value)
}

fn raw_value(wire: &mut Wire) -> Result<Vec<u8>, DecodeErrorKind> {
    let value = bytes("value", &need("value", wire.value.take())?)?;
    if value.len() > VALUE_MAX {
        return Err(DecodeErrorKind::ValueTooBig { actual: value.len() });
    }
    Ok(value)
}

fn token(wire: &mut Wire) -> Result<Option<Token>, DecodeErrorKind> {
    let Some(text) = wire.token.take() else { return Ok(None) };
    let token = bytes("token", &text)?;
    let length =
        DecodeErrorKind::Length { field: "token", expected: "at most 64", actual: token.len() };
    Token::from_slice(&token).map(Some).ok_or(length)
}

fn contacts(
    field: &'static str,
    family: Family,
    list: Option<Vec<WireContact>>,
) -> Result<Option<Vec<Contact>>, DecodeErrorKind> {
    let Some(list) = list else { return Ok(None) };
    let expected = if family == Family::V4 {
        "at most 8 contacts, all IPv4"
    } else {
        "at most 8 contacts, all IPv6"
    };
    let read = |contact: WireContact| {
        let addr = addr(field, &contact.addr)?;
        if Family::of(&addr) != family {
            return Err(DecodeErrorKind::Malformed { field, expected });
        }
        Ok(Contact::new(key(field, Some(contact.id))?, addr))
    };
    if list.len() > CONTACTS_MAX {
        return Err(DecodeErrorKind::Malformed { field, expected });
    }
    list.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}

fn peers(wire: &mut Wire) -> Result<Vec<SocketAddr>, DecodeErrorKind> {
    let list = wire.peers.take().unwrap_or_default();
    if list.len() > PEERS_MAX {
        let expected = "at most 256 addresses";
        return Err(DecodeErrorKind::Malformed { field: "peers", expected });
    }
    list.iter().map(|text| addr("peers", text)).collect()
}

fn samples(wire: &mut Wire) -> Result<Option<Samples>, DecodeErrorKind> {
    let Some(list) = wire.samples.take() else { return Ok(None) };
    if list.len() > SAMPLES_MAX {
        let expected = "at most 64 keys";
        return Err(DecodeErrorKind::Malformed { field: "samples", expected });
    }
    let interval = wire.interval.take();
    if interval.is_some_and(|seconds| seconds > bounds::INTERVAL_MAX) {
        let expected = "0 to 21600 seconds";
        return Err(DecodeErrorKind::Malformed { field: "interval", expected });
    }
    let total = number("total", wire.total.take())?;
    let total = total.map(u64::try_from).transpose().map_err(|_| DecodeErrorKind::Malformed {
        field: "total",
        expected: "a decimal number of at most 63 bits",
    })?;
    let hashes =
        list.into_iter().map(|text| key("samples", Some(text))).collect::<Result<_, _>>()?;
    Ok(Some(Samples { interval, total, hashes }))
}

fn scrape(wire: &mut Wire) -> Result<Option<Box<Scrape>>, DecodeErrorKind> {
    let (Some(seeds), Some(downloaders)) = (&wire.seeds, &wire.downloaders) else {
        return Ok(None);
    };
    let scrape =
        Scrape { seeds: array("seeds", seeds)?, downloaders: array("downloaders", downloaders)? };
    (wire.seeds, wire.downloaders) = (None, None);
    Ok(Some(Box::new(scrape)))
}

fn need<T>(field: &'static str, value: Option<T>) -> Result<T, DecodeErrorKind> {
    value.ok_or(DecodeErrorKind::Missing { field })
}

fn bytes(field: &'static str, text: &str) -> Result<Vec<u8>, DecodeErrorKind> {
    hex::decode(text)
        .map_err(|_| DecodeErrorKind::Malformed { field, expected: "hexadecimal digits" })
}

fn array<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], DecodeErrorKind> {
    hex::decode_array(text).map_err(|_| DecodeErrorKind::Malformed {
        field,
        expected: "as many hexadecimal digits as the field has",
    })
}

fn key(field: &'static str, text: Option<String>) -> Result<Key, DecodeErrorKind> {
    need(field, text)?
        .parse()
        .map_err(|_| DecodeErrorKind::Malformed { field, expected: "40 hexadecimal digits" })
}

/// Reads a number in its one decimal form.
fn number(field: &'static str, text: Option<String>) -> Result<Option<i64>, DecodeErrorKind> {
    let Some(text) = text else { return Ok(None) };
    canonical(&text).map(Some).ok_or(DecodeErrorKind::Malformed {
        field,
        expected: "a string with a decimal number of at most 64 bits",
    })
}

/// Reads `ip:port` in its one form, without a scope.
fn addr(field: &'static str, text: &str) -> Result<SocketAddr, DecodeErrorKind> {
    canonical(text)
        .filter(|_| !text.contains('%'))
        .ok_or(DecodeErrorKind::Malformed { field, expected: "an address as ip:port" })
}

fn canonical<T: FromStr + ToString>(text: &str) -> Option<T> {
    text.parse::<T>().ok().filter(|value| value.to_string() == text)
}
