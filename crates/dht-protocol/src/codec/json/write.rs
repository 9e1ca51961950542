//! Writing a JSON packet.

use core::net::SocketAddr;

use quintet_primitives::hex;

use super::{
    CONTACTS_MAX, PACKET_MAX, kind, op,
    wire::{Wire, WireContact},
};
use crate::{
    codec::{Codec, EncodeError, bounds},
    contact::{Contact, Family},
    key::Key,
    message::{
        Body, FoundValue, Item, Message, NetworkId, Query, Request, Response, Samples, StoreValue,
        ValueKind, Want,
    },
};

/// Appends `message` to `out` as JSON.
///
/// # Errors
///
/// [`EncodeError::NotExpressible`] for an unknown method with a known one's name; [`EncodeError`] for
/// whatever a receiver would refuse. `out` is then as it was.
pub fn encode(message: &Message, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    bounds::check(message)?;
    let mut wire = Wire {
        tid: Some(hex::encode(message.tid.as_bytes())),
        network: Some(message.network.0).filter(|_| message.network != NetworkId::BITTORRENT),
        version: message.version.map(|version| hex::encode(&version)),
        ..Wire::default()
    };
    let kind = match &message.body {
        Body::Query(query) => {
            wire.read_only = message.read_only.then_some(true);
            write_query(query, &mut wire)?;
            "query"
        }
        Body::Response(response) => {
            wire.observed = message.observed.as_ref().map(addr);
            write_response(response, &mut wire)?;
            "response"
        }
        Body::Error(error) => {
            wire.observed = message.observed.as_ref().map(addr);
            wire.code = Some(error.code.to_string());
            wire.text = Some(error.message.clone()).filter(|text| !text.is_empty());
            "error"
        }
    };
    wire.kind_of_message = Some(kind.to_owned());

    let start = out.len();
    let written = serde_json::to_writer(&mut *out, &wire);
    let actual = out.len() - start;
    if written.is_err() || actual > PACKET_MAX {
        out.truncate(start);
        return Err(EncodeError::TooLong { limit: PACKET_MAX, actual });
    }
    Ok(())
}

fn write_query(query: &Query, wire: &mut Wire) -> Result<(), EncodeError> {
    wire.sender = Some(query.sender.to_string());
    wire.want = match query.want {
        Want::Unsaid => None,
        Want::V4 => Some(vec![Family::V4]),
        Want::V6 => Some(vec![Family::V6]),
        Want::Both => Some(Family::ALL.to_vec()),
    };
    let op = match &query.request {
        Request::Ping => op::PING,
        Request::FindNode { target } => {
            wire.target = Some(target.to_string());
            op::FIND_NODE
        }
        Request::Sample { target } => {
            wire.target = Some(target.to_string());
            op::SAMPLE
        }
        Request::FindValue { key, kind, newer_than, scrape } => {
            wire.key = Some(key.to_string());
            wire.kind = Some(value_kind(*kind).to_owned());
            wire.newer_than =
                newer_than.filter(|_| *kind == ValueKind::Item).map(|seq| seq.to_string());
            wire.scrape = (*scrape && *kind == ValueKind::Peers).then_some(true);
            op::FIND_VALUE
        }
        Request::Store { key, token, value } => {
            wire.key = Some(key.to_string());
            wire.token = Some(hex::encode(token.as_bytes()));
            write_store(value, wire);
            op::STORE
        }
        Request::Unknown { method, target } => {
            if op::ALL.contains(&method.as_str()) {
                let what = "an unknown method with the name of a known one";
                return Err(EncodeError::NotExpressible { codec: Codec::Json, what });
            }
            wire.target = target.as_ref().map(Key::to_string);
            method
        }
    };
    wire.op = Some(op.to_owned());
    Ok(())
}

const fn value_kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Peers => kind::PEERS,
        ValueKind::Item => kind::ITEM,
        ValueKind::Raw => kind::RAW,
    }
}

fn write_store(value: &StoreValue, wire: &mut Wire) {
    match value {
        StoreValue::Peer { port, seed } => {
            wire.kind = Some(kind::PEER.to_owned());
            wire.port = *port;
            wire.seed = seed.then_some(true);
        }
        StoreValue::Item { item, cas } => {
            write_item(item, wire);
            if let Item::Mutable(item) = item {
                wire.salt = Some(hex::encode(&item.salt)).filter(|salt| !salt.is_empty());
                wire.cas = cas.map(|seq| seq.to_string());
            }
        }
        StoreValue::Raw { value } => write_raw(value, wire),
    }
}

/// Writes an item without its salt, which answers do not carry.
fn write_item(item: &Item, wire: &mut Wire) {
    wire.value = Some(hex::encode(item.value()));
    wire.kind = Some(match item {
        Item::Immutable { .. } => kind::IMMUTABLE.to_owned(),
        Item::Mutable(item) => {
            wire.public_key = Some(hex::encode(&item.public_key));
            wire.seq = Some(item.seq.to_string());
            wire.signature = Some(hex::encode(&item.signature));
            kind::MUTABLE.to_owned()
        }
    });
}

fn write_raw(value: &[u8], wire: &mut Wire) {
    wire.kind = Some(kind::RAW.to_owned());
    wire.value = Some(hex::encode(value));
}

fn write_response(response: &Response, wire: &mut Wire) -> Result<(), EncodeError> {
    wire.sender = Some(response.sender.to_string());
    wire.nodes = contacts(response.nodes.as_deref())?;
    wire.nodes6 = contacts(response.nodes6.as_deref())?;
    wire.token = response.token.as_ref().map(|token| hex::encode(token.as_bytes()));
    if !response.peers.is_empty() {
        wire.peers = Some(response.peers.iter().map(addr).collect());
    }
    wire.seq = response.seq.map(|seq| seq.to_string());
    match &response.value {
        None => {}
        Some(FoundValue::Item(item)) => write_item(item, wire),
        Some(FoundValue::Raw(value)) => write_raw(value, wire),
    }
    if let Some(samples) = &response.samples {
        write_samples(samples, wire);
    }
    if let Some(scrape) = &response.scrape {
        wire.seeds = Some(hex::encode(&scrape.seeds));
        wire.downloaders = Some(hex::encode(&scrape.downloaders));
    }
    Ok(())
}

fn write_samples(samples: &Samples, wire: &mut Wire) {
    wire.interval = samples.interval;
    wire.total = samples.total.map(|total| total.to_string());
    wire.samples = Some(samples.hashes.iter().map(Key::to_string).collect());
}

fn contacts(list: Option<&[Contact]>) -> Result<Option<Vec<WireContact>>, EncodeError> {
    let Some(list) = list else { return Ok(None) };
    bounds::at_most("contacts", CONTACTS_MAX, list.len())?;
    let write =
        |contact: &Contact| WireContact { id: contact.id.to_string(), addr: addr(&contact.addr) };
    Ok(Some(list.iter().map(write).collect()))
}

/// Returns `ip:port`; an IPv6 scope is not carried.
fn addr(addr: &SocketAddr) -> String {
    SocketAddr::new(addr.ip(), addr.port()).to_string()
}
