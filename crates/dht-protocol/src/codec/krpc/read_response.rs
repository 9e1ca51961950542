//! The parts of an answer, each of which may be absent.

use core::net::SocketAddr;

use super::{
    read::Fields,
    read_query::{signed, value},
};
use crate::{
    bencode::Value,
    codec::{DecodeErrorKind, bounds, compact},
    contact::{Contact, Family},
    message::{
        CONTACTS_MAX, FoundValue, Item, PEERS_MAX, Response, SAMPLES_MAX, Samples, Scrape, Token,
    },
};

pub(super) fn response(envelope: &Fields<'_>) -> Result<Response, DecodeErrorKind> {
    let parts = Fields::of(envelope.get("r"), "r")?;
    let sender = parts.key("id")?;
    let (value, seq) = found(&parts)?;
    Ok(Response {
        sender,
        nodes: contacts(&parts, "nodes", Family::V4)?,
        nodes6: contacts(&parts, "nodes6", Family::V6)?,
        token: parts.bytes("token")?.and_then(Token::from_slice),
        peers: peers(&parts)?,
        value,
        seq,
        samples: samples(&parts)?,
        scrape: scrape(&parts),
    })
}

/// Reads the value and, where there is none or it is immutable, the sequence number alone.
fn found(parts: &Fields<'_>) -> Result<(Option<FoundValue>, Option<i64>), DecodeErrorKind> {
    let seq = parts.int("seq")?;
    let Some(bencoded) = parts.get("v") else { return Ok((None, seq)) };
    let value = value(bencoded)?;
    if parts.get("k").is_none() && parts.get("sig").is_none() {
        let item = Item::Immutable { value: value.to_vec() };
        return Ok((Some(FoundValue::Item(item)), seq));
    }
    let item = Item::Mutable(signed(parts, value, &[])?);
    Ok((Some(FoundValue::Item(item)), None))
}

fn contacts(
    parts: &Fields<'_>,
    field: &'static str,
    family: Family,
) -> Result<Option<Vec<Contact>>, DecodeErrorKind> {
    let Some(bytes) = parts.bytes(field)? else { return Ok(None) };
    match compact::read_contacts(bytes, family, CONTACTS_MAX) {
        Some(contacts) => Ok(Some(contacts)),
        None => Err(DecodeErrorKind::Length {
            field,
            expected: if field == "nodes" { "a multiple of 26" } else { "a multiple of 38" },
            actual: bytes.len(),
        }),
    }
}

fn peers(parts: &Fields<'_>) -> Result<Vec<SocketAddr>, DecodeErrorKind> {
    let Some(values) = parts.get("values") else { return Ok(Vec::new()) };
    let values = values
        .as_list()
        .ok_or(DecodeErrorKind::Malformed { field: "values", expected: "a list" })?;
    let peers = values.filter_map(|value| compact::read_addr(value.as_bytes()?));
    Ok(peers.take(PEERS_MAX).collect())
}

fn samples(parts: &Fields<'_>) -> Result<Option<Samples>, DecodeErrorKind> {
    let Some(bytes) = parts.bytes("samples")? else { return Ok(None) };
    let hashes = compact::read_keys(bytes, SAMPLES_MAX).ok_or(DecodeErrorKind::Length {
        field: "samples",
        expected: "a multiple of 20",
        actual: bytes.len(),
    })?;
    let interval = parts.int("interval")?.map(|seconds| {
        u32::try_from(seconds.clamp(0, bounds::INTERVAL_MAX.into())).unwrap_or(bounds::INTERVAL_MAX)
    });
    let total = parts.int("num")?.map(|total| u64::try_from(total).unwrap_or(0));
    Ok(Some(Samples { interval, total, hashes }))
}

/// Reads BEP 33's two filters; one alone, or of a wrong length, counts nothing.
fn scrape(parts: &Fields<'_>) -> Option<Box<Scrape>> {
    let filter = |field| parts.get(field).and_then(Value::as_bytes)?.try_into().ok();
    Some(Box::new(Scrape { seeds: filter("BFsd")?, downloaders: filter("BFpe")? }))
}
