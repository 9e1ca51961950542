//! Writing a packet of the native codec.

use super::{
    MAGIC, PACKET_MAX, VERSION, flag, kind, op,
    parts::{PartWriter, Tag},
};
use crate::{
    codec::{Codec, EncodeError, bounds, compact},
    contact::Contact,
    key::Key,
    message::{
        Body, FoundValue, Item, Message, MutableItem, Query, Request, Response, RpcError, Samples,
        StoreValue, Token, ValueKind, Want,
    },
};

/// Where the header counts the parts.
const PARTS_AT: usize = 3;

/// Appends `message` to `out` in the native codec.
///
/// # Errors
///
/// [`EncodeError::NotExpressible`] for unknown methods and transaction ids of other than 4 bytes;
/// [`EncodeError`] for whatever a receiver would refuse. `out` is then as it was.
pub fn encode(message: &Message, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    bounds::check(message)?;
    let refuse = |what| EncodeError::NotExpressible { codec: Codec::Native, what };
    let tid =
        message.tid.as_u32().ok_or_else(|| refuse("a transaction id of other than 4 bytes"))?;
    let (op, kind) = op_and_kind(&message.body).ok_or_else(|| refuse("an unknown method"))?;
    let (sender, flags) = match &message.body {
        Body::Query(query) => (query.sender, query_flags(query, message.read_only)),
        Body::Response(response) => (response.sender, 0),
        Body::Error(_) => (Key::default(), 0),
    };

    let start = out.len();
    out.extend_from_slice(&[MAGIC, VERSION << 4 | flags, op << 3 | kind, 0]);
    out.extend_from_slice(&tid.to_be_bytes());
    out.extend_from_slice(&message.network.0.to_be_bytes());
    out.extend_from_slice(sender.as_bytes());
    write_fixed(&message.body, out);
    let count = write_parts(message, PartWriter::new(out));
    out[start + PARTS_AT] = count;

    let actual = out.len() - start;
    if actual > PACKET_MAX {
        out.truncate(start);
        return Err(EncodeError::TooLong { limit: PACKET_MAX, actual });
    }
    Ok(())
}

fn op_and_kind(body: &Body) -> Option<(u8, u8)> {
    Some(match body {
        Body::Query(Query { request, .. }) => match request {
            Request::Ping => (op::PING, kind::NONE),
            Request::FindNode { .. } => (op::FIND_NODE, kind::NONE),
            Request::FindValue { kind, .. } => (
                op::FIND_VALUE,
                match kind {
                    ValueKind::Peers => kind::PEER,
                    ValueKind::Item => kind::IMMUTABLE,
                    ValueKind::Raw => kind::RAW,
                },
            ),
            Request::Store { value, .. } => (
                op::STORE,
                match value {
                    StoreValue::Peer { .. } => kind::PEER,
                    StoreValue::Item { item, .. } => item_kind(item),
                    StoreValue::Raw { .. } => kind::RAW,
                },
            ),
            Request::Sample { .. } => (op::SAMPLE, kind::NONE),
            Request::Unknown { .. } => return None,
        },
        Body::Response(response) => (
            op::RESPONSE,
            match &response.value {
                None => kind::NONE,
                Some(FoundValue::Item(item)) => item_kind(item),
                Some(FoundValue::Raw(_)) => kind::RAW,
            },
        ),
        Body::Error(_) => (op::ERROR, kind::NONE),
    })
}

const fn item_kind(item: &Item) -> u8 {
    match item {
        Item::Immutable { .. } => kind::IMMUTABLE,
        Item::Mutable(_) => kind::MUTABLE,
    }
}

const fn query_flags(query: &Query, read_only: bool) -> u8 {
    let want = match query.want {
        Want::Unsaid => 0,
        Want::V4 => flag::WANT_V4,
        Want::V6 => flag::WANT_V6,
        Want::Both => flag::WANT_V4 | flag::WANT_V6,
    };
    want | if read_only { flag::READ_ONLY } else { 0 }
}

fn write_fixed(body: &Body, out: &mut Vec<u8>) {
    match body {
        Body::Query(Query { request, .. }) => match request {
            Request::Ping | Request::Unknown { .. } => {}
            Request::FindNode { target: key }
            | Request::Sample { target: key }
            | Request::FindValue { key, .. } => out.extend_from_slice(key.as_bytes()),
            Request::Store { key, value, .. } => {
                out.extend_from_slice(key.as_bytes());
                match value {
                    StoreValue::Peer { port, .. } => {
                        out.extend_from_slice(&port.unwrap_or(0).to_be_bytes());
                    }
                    StoreValue::Item { item: Item::Mutable(item), .. } => write_signed(item, out),
                    StoreValue::Item { .. } | StoreValue::Raw { .. } => {}
                }
            }
        },
        Body::Response(response) => {
            if let Some(FoundValue::Item(Item::Mutable(item))) = &response.value {
                write_signed(item, out);
            }
        }
        Body::Error(error) => out.extend_from_slice(&error.code.to_be_bytes()),
    }
}

fn write_signed(item: &MutableItem, out: &mut Vec<u8>) {
    out.extend_from_slice(&item.public_key);
    out.extend_from_slice(&item.seq.to_be_bytes());
    out.extend_from_slice(&item.signature);
}

/// Writes the parts in the order of their tags and returns how many there are.
fn write_parts(message: &Message, mut parts: PartWriter<'_>) -> u8 {
    let observed = message.observed.filter(|_| !matches!(message.body, Body::Query(_)));
    if let Some(observed) = observed {
        parts.part(Tag::Observed, |out| compact::push_addr(&observed, out));
    }
    if let Some(version) = &message.version {
        parts.bytes(Tag::Version, version);
    }
    match &message.body {
        Body::Query(query) => write_request(&query.request, &mut parts),
        Body::Response(response) => write_response(response, &mut parts),
        Body::Error(RpcError { message, .. }) => {
            if !message.is_empty() {
                parts.bytes(Tag::Text, message.as_bytes());
            }
        }
    }
    parts.count
}

fn write_request(request: &Request, parts: &mut PartWriter<'_>) {
    match request {
        Request::Ping
        | Request::FindNode { .. }
        | Request::Sample { .. }
        | Request::Unknown { .. } => {}
        Request::FindValue { kind, newer_than, scrape, .. } => {
            parts.number(Tag::NewerThan, newer_than.filter(|_| *kind == ValueKind::Item));
            parts.flag(Tag::Scrape, *scrape && *kind == ValueKind::Peers);
        }
        Request::Store { token, value, .. } => {
            parts.bytes(Tag::Token, token.as_bytes());
            match value {
                StoreValue::Peer { seed, .. } => parts.flag(Tag::Seed, *seed),
                StoreValue::Item { item: Item::Immutable { value }, .. }
                | StoreValue::Raw { value } => parts.bytes(Tag::Value, value),
                StoreValue::Item { item: Item::Mutable(item), cas } => {
                    if !item.salt.is_empty() {
                        parts.bytes(Tag::Salt, &item.salt);
                    }
                    parts.bytes(Tag::Value, &item.value);
                    parts.number(Tag::Cas, *cas);
                }
            }
        }
    }
}

fn write_response(response: &Response, parts: &mut PartWriter<'_>) {
    if let Some(token) = &response.token {
        parts.bytes(Tag::Token, Token::as_bytes(token));
    }
    match &response.value {
        None => {}
        Some(FoundValue::Item(item)) => parts.bytes(Tag::Value, item.value()),
        Some(FoundValue::Raw(value)) => parts.bytes(Tag::Value, value),
    }
    write_contacts(Tag::Nodes, response.nodes.as_deref(), parts);
    write_contacts(Tag::Nodes6, response.nodes6.as_deref(), parts);
    if !response.peers.is_empty() {
        parts.part(Tag::Peers, |out| {
            for peer in &response.peers {
                out.push(if peer.is_ipv4() { 6 } else { 18 });
                compact::push_addr(peer, out);
            }
        });
    }
    let is_mutable = matches!(response.value, Some(FoundValue::Item(Item::Mutable(_))));
    parts.number(Tag::Seq, response.seq.filter(|_| !is_mutable));
    if let Some(samples) = &response.samples {
        write_samples(samples, parts);
    }
    if let Some(scrape) = &response.scrape {
        parts.part(Tag::Filters, |out| {
            out.extend_from_slice(&scrape.seeds);
            out.extend_from_slice(&scrape.downloaders);
        });
    }
}

fn write_contacts(tag: Tag, contacts: Option<&[Contact]>, parts: &mut PartWriter<'_>) {
    let Some(contacts) = contacts else { return };
    parts.part(tag, |out| {
        contacts.iter().for_each(|contact| compact::push_contact(contact, out));
    });
}

fn write_samples(samples: &Samples, parts: &mut PartWriter<'_>) {
    parts.part(Tag::Samples, |out| {
        samples.hashes.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
    });
    if let Some(seconds) = samples.interval {
        parts.bytes(Tag::Interval, &seconds.to_be_bytes());
    }
    // The bounds have been checked: 63 bits.
    parts.number(Tag::Total, samples.total.and_then(|total| i64::try_from(total).ok()));
}
