//! Writing: keys in byte order, sizes checked at the end.

use core::net::SocketAddr;

use super::{IMPLIED_PORT, ITEM_MAX, REPLY_MAX, method, write_response};
use crate::{
    bencode::Writer,
    codec::{Codec, EncodeError, bounds, compact},
    contact::Family,
    key::Key,
    message::{
        Body, Item, Message, NetworkId, Query, Request, Response, RpcError, StoreValue, Token,
        ValueKind, Want,
    },
};

/// Appends `message` to `out` as KRPC.
///
/// # Errors
///
/// [`EncodeError::NotExpressible`] for raw values, other networks than BitTorrent's and unknown
/// methods with a known one's name; [`EncodeError`] for whatever a receiver would refuse. `out` is
/// then as it was.
pub fn encode(message: &Message, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    bounds::check(message)?;
    check_expressible(message)?;
    let start = out.len();
    write(message, &mut Writer::new(out));
    let limit = if carries_item(message) { ITEM_MAX } else { REPLY_MAX };
    let actual = out.len() - start;
    if actual > limit {
        out.truncate(start);
        return Err(EncodeError::TooLong { limit, actual });
    }
    Ok(())
}

fn check_expressible(message: &Message) -> Result<(), EncodeError> {
    let refuse = |what| Err(EncodeError::NotExpressible { codec: Codec::Krpc, what });
    if message.network != NetworkId::BITTORRENT {
        return refuse("a network of its own");
    }
    match &message.body {
        Body::Query(Query { request, .. }) => match request {
            // A raw value would be stored under the hash of its bencoded form: another key.
            Request::Store { value: StoreValue::Raw { .. }, .. }
            | Request::FindValue { kind: ValueKind::Raw, .. } => refuse("a raw value"),
            Request::Unknown { method, .. } if method::ALL.contains(&method.as_str()) => {
                refuse("an unknown method with the name of a known one")
            }
            Request::Ping
            | Request::FindNode { .. }
            | Request::FindValue { .. }
            | Request::Store { .. }
            | Request::Sample { .. }
            | Request::Unknown { .. } => Ok(()),
        },
        Body::Response(response) if write_response::holds_raw(response) => refuse("a raw value"),
        Body::Response(_) | Body::Error(_) => Ok(()),
    }
}

const fn carries_item(message: &Message) -> bool {
    match &message.body {
        Body::Query(Query { request, .. }) => {
            matches!(request, Request::Store { value: StoreValue::Item { .. }, .. })
        }
        Body::Response(Response { value, .. }) => value.is_some(),
        Body::Error(_) => false,
    }
}

fn write(message: &Message, writer: &mut Writer<'_>) {
    writer.begin_dict();
    let kind: &[u8] = match &message.body {
        Body::Query(query) => {
            write_query(query, writer);
            if message.read_only {
                int(writer, "ro", 1);
            }
            b"q"
        }
        Body::Response(response) => {
            write_observed(message, writer);
            writer.key(b"r");
            write_response::write(response, writer);
            b"r"
        }
        Body::Error(error) => {
            write_error(error, writer);
            write_observed(message, writer);
            b"e"
        }
    };
    bytes(writer, "t", message.tid.as_bytes());
    if let Some(version) = &message.version {
        bytes(writer, "v", version);
    }
    bytes(writer, "y", kind);
    writer.end();
}

fn write_observed(message: &Message, writer: &mut Writer<'_>) {
    if let Some(observed) = &message.observed {
        writer.key(b"ip");
        addr(writer, observed);
    }
}

fn write_error(error: &RpcError, writer: &mut Writer<'_>) {
    writer.key(b"e");
    writer.begin_list();
    writer.int(error.code);
    writer.bytes(error.message.as_bytes());
    writer.end();
}

fn write_query(query: &Query, writer: &mut Writer<'_>) {
    writer.key(b"a");
    writer.begin_dict();
    let method = write_request(&query.request, &query.sender, writer);
    write_want(query.want, writer);
    writer.end();
    bytes(writer, "q", method.as_bytes());
}

/// Writes the arguments of a request and returns the method's name.
fn write_request<'m>(request: &'m Request, sender: &Key, writer: &mut Writer<'_>) -> &'m str {
    // `put` alone has a key before this one, `cas`.
    let id = |writer: &mut Writer<'_>| bytes(writer, "id", sender.as_bytes());
    match request {
        Request::Ping => {
            id(writer);
            method::PING
        }
        Request::FindNode { target } => {
            id(writer);
            bytes(writer, "target", target.as_bytes());
            method::FIND_NODE
        }
        Request::FindValue { key, kind: ValueKind::Peers, scrape, .. } => {
            id(writer);
            bytes(writer, "info_hash", key.as_bytes());
            if *scrape {
                int(writer, "scrape", 1);
            }
            method::GET_PEERS
        }
        Request::FindValue { key, newer_than, .. } => {
            id(writer);
            if let Some(seq) = newer_than {
                int(writer, "seq", *seq);
            }
            bytes(writer, "target", key.as_bytes());
            method::GET
        }
        Request::Store { key, token, value: StoreValue::Peer { port, seed } } => {
            id(writer);
            write_announce(key, token, *port, *seed, writer);
            method::ANNOUNCE_PEER
        }
        Request::Store { key, token, value: StoreValue::Item { item, cas } } => {
            write_put(key, token, item, *cas, sender, writer);
            method::PUT
        }
        // Refused before anything is written.
        Request::Store { value: StoreValue::Raw { .. }, .. } => method::PUT,
        Request::Sample { target } => {
            id(writer);
            bytes(writer, "target", target.as_bytes());
            method::SAMPLE
        }
        Request::Unknown { method, target } => {
            id(writer);
            if let Some(target) = target {
                bytes(writer, "target", target.as_bytes());
            }
            method
        }
    }
}

fn write_announce(
    info_hash: &Key,
    token: &Token,
    port: Option<u16>,
    seed: bool,
    writer: &mut Writer<'_>,
) {
    if port.is_none() {
        int(writer, "implied_port", 1);
    }
    bytes(writer, "info_hash", info_hash.as_bytes());
    int(writer, "port", port.unwrap_or(IMPLIED_PORT).into());
    if seed {
        int(writer, "seed", 1);
    }
    bytes(writer, "token", token.as_bytes());
}

fn write_put(
    target: &Key,
    token: &Token,
    item: &Item,
    cas: Option<i64>,
    sender: &Key,
    writer: &mut Writer<'_>,
) {
    if let (Some(cas), Item::Mutable(_)) = (cas, item) {
        int(writer, "cas", cas);
    }
    bytes(writer, "id", sender.as_bytes());
    if let Item::Mutable(item) = item {
        bytes(writer, "k", &item.public_key);
        if !item.salt.is_empty() {
            bytes(writer, "salt", &item.salt);
        }
        int(writer, "seq", item.seq);
        bytes(writer, "sig", &item.signature);
    }
    // Redundant, and mainline answers no put without it.
    bytes(writer, "target", target.as_bytes());
    bytes(writer, "token", token.as_bytes());
    writer.key(b"v");
    writer.raw(item.value());
}

fn write_want(want: Want, writer: &mut Writer<'_>) {
    let families: &[&[u8]] = match want {
        Want::Unsaid => return,
        Want::V4 => &[b"n4"],
        Want::V6 => &[b"n6"],
        Want::Both => &[b"n4", b"n6"],
    };
    writer.key(b"want");
    writer.begin_list();
    families.iter().for_each(|family| writer.bytes(family));
    writer.end();
}

pub(super) fn bytes(writer: &mut Writer<'_>, key: &str, bytes: &[u8]) {
    writer.key(key.as_bytes());
    writer.bytes(bytes);
}

/// Writes an address as a string.
pub(super) fn addr(writer: &mut Writer<'_>, addr: &SocketAddr) {
    let length = compact::addr_len(Family::of(addr));
    writer.pieces(length, |out| compact::push_addr(addr, out));
}

pub(super) fn int(writer: &mut Writer<'_>, key: &str, number: i64) {
    writer.key(key.as_bytes());
    writer.int(number);
}
