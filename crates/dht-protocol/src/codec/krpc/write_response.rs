//! Writing the parts of an answer, in the byte order of their keys.

use super::write::{addr, bytes, int};
use crate::{
    bencode::Writer,
    codec::compact,
    contact::{Contact, Family},
    message::{FoundValue, Item, Response, Samples},
};

/// Returns whether the answer carries a value that KRPC has no form for.
pub(super) const fn holds_raw(response: &Response) -> bool {
    matches!(response.value, Some(FoundValue::Raw(_)))
}

pub(super) fn write(response: &Response, writer: &mut Writer<'_>) {
    let item = match &response.value {
        Some(FoundValue::Item(item)) => Some(item),
        Some(FoundValue::Raw(_)) | None => None,
    };
    let signed = match item {
        Some(Item::Mutable(item)) => Some(item),
        Some(Item::Immutable { .. }) | None => None,
    };
    writer.begin_dict();
    if let Some(scrape) = &response.scrape {
        bytes(writer, "BFpe", &scrape.downloaders);
        bytes(writer, "BFsd", &scrape.seeds);
    }
    bytes(writer, "id", response.sender.as_bytes());
    if let Some(seconds) = response.samples.as_ref().and_then(|samples| samples.interval) {
        int(writer, "interval", seconds.into());
    }
    if let Some(item) = signed {
        bytes(writer, "k", &item.public_key);
    }
    contacts(writer, "nodes", Family::V4, response.nodes.as_deref());
    contacts(writer, "nodes6", Family::V6, response.nodes6.as_deref());
    if let Some(samples) = &response.samples {
        write_samples(samples, writer);
    }
    if let Some(seq) = signed.map(|item| item.seq).or(response.seq) {
        int(writer, "seq", seq);
    }
    if let Some(item) = signed {
        bytes(writer, "sig", &item.signature);
    }
    if let Some(token) = &response.token {
        bytes(writer, "token", token.as_bytes());
    }
    if let Some(item) = item {
        writer.key(b"v");
        writer.raw(item.value());
    }
    if !response.peers.is_empty() {
        writer.key(b"values");
        writer.begin_list();
        response.peers.iter().for_each(|peer| addr(writer, peer));
        writer.end();
    }
    writer.end();
}

fn write_samples(samples: &Samples, writer: &mut Writer<'_>) {
    // The bounds have been checked: 63 bits.
    if let Some(total) = samples.total.and_then(|total| i64::try_from(total).ok()) {
        int(writer, "num", total);
    }
    writer.key(b"samples");
    let length = samples.hashes.len() * crate::key::Key::LEN;
    writer.pieces(length, |out| {
        samples.hashes.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
    });
}

fn contacts(writer: &mut Writer<'_>, key: &str, family: Family, contacts: Option<&[Contact]>) {
    let Some(contacts) = contacts else { return };
    writer.key(key.as_bytes());
    let length = contacts.len() * compact::contact_len(family);
    writer.pieces(length, |out| {
        contacts.iter().for_each(|contact| compact::push_contact(contact, out));
    });
}
