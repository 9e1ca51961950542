//! What every encoder checks before it writes: that a receiver would accept it.

use super::EncodeError;
use crate::{
    bencode,
    contact::{Contact, Family},
    message::{
        Body, CONTACTS_MAX, FoundValue, Item, Message, PEERS_MAX, Request, Response, SALT_MAX,
        SAMPLES_MAX, Samples, StoreValue, VALUE_MAX,
    },
};

/// Longest method name kept, in bytes.
pub(super) const METHOD_MAX: usize = 32;

/// Longest text of an error kept, in bytes.
pub(super) const ERROR_TEXT_MAX: usize = 256;

/// Longest time between two samples, in seconds (BEP 51).
pub(super) const INTERVAL_MAX: u32 = 21_600;

/// Checks every bound that holds in all codecs.
pub(super) fn check(message: &Message) -> Result<(), EncodeError> {
    match &message.body {
        Body::Query(query) => check_request(&query.request),
        Body::Response(response) => check_response(response),
        Body::Error(error) => at_most("error text", ERROR_TEXT_MAX, error.message.len()),
    }
}

fn check_request(request: &Request) -> Result<(), EncodeError> {
    match request {
        Request::Ping
        | Request::FindNode { .. }
        | Request::FindValue { .. }
        | Request::Sample { .. } => Ok(()),
        Request::Store { value, .. } => check_store(value),
        Request::Unknown { method, .. } => at_most("method", METHOD_MAX, method.len()),
    }
}

fn check_store(value: &StoreValue) -> Result<(), EncodeError> {
    match value {
        StoreValue::Peer { port: Some(0), .. } => {
            Err(EncodeError::OutOfRange { field: "port", expected: "a port of 1 to 65,535" })
        }
        StoreValue::Peer { .. } => Ok(()),
        StoreValue::Item { item, .. } => check_item(item),
        StoreValue::Raw { value } => at_most("value", VALUE_MAX, value.len()),
    }
}

fn check_item(item: &Item) -> Result<(), EncodeError> {
    let value = match item {
        Item::Immutable { value } => value,
        Item::Mutable(item) => {
            at_most("salt", SALT_MAX, item.salt.len())?;
            &item.value
        }
    };
    at_most("value", VALUE_MAX, value.len())?;
    bencode::validate(value).map_err(EncodeError::Value)
}

fn check_response(response: &Response) -> Result<(), EncodeError> {
    for (family, nodes) in [(Family::V4, &response.nodes), (Family::V6, &response.nodes6)] {
        check_contacts(family, nodes.as_deref().unwrap_or_default())?;
    }
    at_most("peers", PEERS_MAX, response.peers.len())?;
    match &response.value {
        None => {}
        Some(FoundValue::Raw(value)) => at_most("value", VALUE_MAX, value.len())?,
        Some(FoundValue::Item(item)) => {
            check_item(item)?;
            if matches!(item, Item::Mutable(item) if response.seq.is_some_and(|seq| seq != item.seq))
            {
                return Err(EncodeError::OutOfRange {
                    field: "seq",
                    expected: "the item's number",
                });
            }
        }
    }
    response.samples.as_ref().map_or(Ok(()), check_samples)
}

fn check_contacts(family: Family, nodes: &[Contact]) -> Result<(), EncodeError> {
    at_most("contacts", CONTACTS_MAX, nodes.len())?;
    if nodes.iter().all(|node| Family::of(&node.addr) == family) {
        return Ok(());
    }
    Err(EncodeError::WrongFamily { expected: family })
}

fn check_samples(samples: &Samples) -> Result<(), EncodeError> {
    at_most("samples", SAMPLES_MAX, samples.hashes.len())?;
    if samples.interval.is_some_and(|seconds| seconds > INTERVAL_MAX) {
        return Err(EncodeError::OutOfRange { field: "interval", expected: "0 to 21,600 seconds" });
    }
    if samples.total.is_some_and(|total| i64::try_from(total).is_err()) {
        return Err(EncodeError::OutOfRange { field: "total", expected: "at most 63 bits" });
    }
    Ok(())
}

pub(super) const fn at_most(
    field: &'static str,
    limit: usize,
    actual: usize,
) -> Result<(), EncodeError> {
    if actual <= limit { Ok(()) } else { Err(EncodeError::TooMany { field, limit, actual }) }
}

/// Returns the longest beginning of `text` that has at most `limit` bytes.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}
