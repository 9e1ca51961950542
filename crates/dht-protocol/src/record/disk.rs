//! The byte form in which a node keeps its records through a restart.
//!
//! ```text
//! key    kind u8 (1 item, 2 raw, 3 peer) · key 20 · peer only: family u8 (4, 6) · ip 4 or 16 · port u16
//! value  version u8 (1) · expires u64 · by kind:
//!        immutable item   0 · value
//!        mutable item     1 · public key 32 · signature 64 · seq i64 · salt length u8 · salt · value
//!        raw              value
//!        peer             seed u8 (0, 1)
//! ```
//!
//! Integers are big-endian. Keys sort by kind, then by key, so that one info-hash's peers lie side
//! by side. Decoding is strict: a byte too many or too few is an error, never a guess.

use core::net::{IpAddr, SocketAddr};

use quintet_primitives::time::UnixTime;
use thiserror::Error;

use super::{Content, Record, RecordKey};
use crate::{
    key::Key,
    message::{Item, MutableItem},
};

/// Version of the value form.
const VERSION: u8 = 1;

const KIND_ITEM: u8 = 1;
const KIND_RAW: u8 = 2;
const KIND_PEER: u8 = 3;

/// Bytes on disk that are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected {expected} in a stored record's {part}")]
pub struct DiskError {
    /// "key" or "value".
    pub part: &'static str,
    /// What should have been there.
    pub expected: &'static str,
}

/// Encodes a record's key.
#[must_use]
pub fn encode_key(key: &RecordKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(40);
    bytes.push(match key {
        RecordKey::Item(_) => KIND_ITEM,
        RecordKey::Raw(_) => KIND_RAW,
        RecordKey::Peer(..) => KIND_PEER,
    });
    bytes.extend_from_slice(key.key().as_bytes());
    if let RecordKey::Peer(_, addr) = key {
        match addr.ip() {
            IpAddr::V4(ip) => {
                bytes.push(4);
                bytes.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                bytes.push(6);
                bytes.extend_from_slice(&ip.octets());
            }
        }
        bytes.extend_from_slice(&addr.port().to_be_bytes());
    }
    bytes
}

/// Decodes a record's key.
///
/// # Errors
///
/// [`DiskError`] names what was expected.
pub fn decode_key(bytes: &[u8]) -> Result<RecordKey, DiskError> {
    let mut reader = Reader { bytes, part: "key" };
    let [kind] = reader.array("a kind")?;
    let key = Key::new(reader.array("a key of 20 bytes")?);
    let record_key = match kind {
        KIND_ITEM => RecordKey::Item(key),
        KIND_RAW => RecordKey::Raw(key),
        KIND_PEER => {
            let ip = match reader.array("an address family")? {
                [4] => IpAddr::from(reader.array::<4>("an IPv4 address")?),
                [6] => IpAddr::from(reader.array::<16>("an IPv6 address")?),
                _ => return Err(reader.error("an address family of 4 or 6")),
            };
            let port = u16::from_be_bytes(reader.array("a port")?);
            RecordKey::Peer(key, SocketAddr::new(ip, port))
        }
        _ => return Err(reader.error("a kind of 1, 2 or 3")),
    };
    reader.end()?;
    Ok(record_key)
}

/// Encodes a record.
#[must_use]
pub fn encode_record(record: &Record) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&record.expires.as_secs().to_be_bytes());
    match &record.content {
        Content::Item(Item::Immutable { value }) => {
            bytes.push(0);
            bytes.extend_from_slice(value);
        }
        Content::Item(Item::Mutable(item)) => {
            bytes.push(1);
            bytes.extend_from_slice(&item.public_key);
            bytes.extend_from_slice(&item.signature);
            bytes.extend_from_slice(&item.seq.to_be_bytes());
            // The record rules keep a salt within 64 bytes.
            bytes.push(u8::try_from(item.salt.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(&item.salt);
            bytes.extend_from_slice(&item.value);
        }
        Content::Raw(value) => bytes.extend_from_slice(value),
        Content::Peer { seed } => bytes.push(u8::from(*seed)),
    }
    bytes
}

/// Decodes the record stored under `key`.
///
/// # Errors
///
/// [`DiskError`] names what was expected.
pub fn decode_record(key: &RecordKey, bytes: &[u8]) -> Result<Record, DiskError> {
    let mut reader = Reader { bytes, part: "value" };
    if reader.array("a version")? != [VERSION] {
        return Err(reader.error("version 1"));
    }
    let expires = UnixTime::from_secs(u64::from_be_bytes(reader.array("an expiry")?));
    let content = match key {
        RecordKey::Item(_) => Content::Item(decode_item(&mut reader)?),
        RecordKey::Raw(_) => Content::Raw(reader.rest().to_vec()),
        RecordKey::Peer(..) => match reader.array("a seed mark")? {
            [0] => Content::Peer { seed: false },
            [1] => Content::Peer { seed: true },
            _ => return Err(reader.error("a seed mark of 0 or 1")),
        },
    };
    reader.end()?;
    Ok(Record { content, expires })
}

fn decode_item(reader: &mut Reader<'_>) -> Result<Item, DiskError> {
    match reader.array("an item form")? {
        [0] => Ok(Item::Immutable { value: reader.rest().to_vec() }),
        [1] => {
            let public_key = reader.array("a public key")?;
            let signature = reader.array("a signature")?;
            let seq = i64::from_be_bytes(reader.array("a sequence number")?);
            let [salt_len] = reader.array("a salt length")?;
            let salt = reader.take(salt_len.into(), "a salt")?.to_vec();
            let value = reader.rest().to_vec();
            Ok(Item::Mutable(MutableItem { public_key, salt, seq, signature, value }))
        }
        _ => Err(reader.error("an item form of 0 or 1")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    part: &'static str,
}

impl<'a> Reader<'a> {
    const fn error(&self, expected: &'static str) -> DiskError {
        DiskError { part: self.part, expected }
    }

    fn take(&mut self, len: usize, expected: &'static str) -> Result<&'a [u8], DiskError> {
        let (head, tail) = self.bytes.split_at_checked(len).ok_or(self.error(expected))?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], DiskError> {
        let (head, tail) = self.bytes.split_first_chunk().ok_or(self.error(expected))?;
        self.bytes = tail;
        Ok(*head)
    }

    const fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes;
        self.bytes = &[];
        rest
    }

    const fn end(&self) -> Result<(), DiskError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(self.error("no more bytes")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn content() -> impl Strategy<Value = (RecordKey, Content)> {
        let key = any::<[u8; 20]>().prop_map(Key::new);
        let value = prop::collection::vec(any::<u8>(), 0..100);
        let immutable = (key.clone(), value.clone()).prop_map(|(key, value)| {
            (RecordKey::Item(key), Content::Item(Item::Immutable { value }))
        });
        let mutable = (
            key.clone(),
            value.clone(),
            any::<([u8; 32], i64)>(),
            prop::collection::vec(any::<u8>(), 0..=64),
        )
            .prop_map(|(key, value, (public_key, seq), salt)| {
                let signature = [9; 64];
                let item = MutableItem { public_key, salt, seq, signature, value };
                (RecordKey::Item(key), Content::Item(Item::Mutable(item)))
            });
        let raw =
            (key.clone(), value).prop_map(|(k, value)| (RecordKey::Raw(k), Content::Raw(value)));
        let peer = (key, any::<(IpAddr, u16, bool)>()).prop_map(|(key, (ip, port, seed))| {
            (RecordKey::Peer(key, SocketAddr::new(ip, port)), Content::Peer { seed })
        });
        prop_oneof![immutable, mutable, raw, peer]
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding((key, content) in content(), expires: u64) {
            let record = Record { content, expires: UnixTime::from_secs(expires) };
            prop_assert_eq!(decode_key(&encode_key(&key)), Ok(key));
            prop_assert_eq!(decode_record(&key, &encode_record(&record)), Ok(record));
        }

        #[test]
        fn a_cut_key_is_refused((key, _) in content()) {
            let bytes = encode_key(&key);
            for len in 0..bytes.len() {
                prop_assert!(decode_key(&bytes[..len]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_decoded_or_refused((key, _) in content(), bytes: Vec<u8>) {
            let _ = decode_key(&bytes);
            let _ = decode_record(&key, &bytes);
        }
    }
}
