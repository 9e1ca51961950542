//! The rows of the tables, and their byte forms.
//!
//! Addresses are `4 · 4 bytes · port` or `6 · 16 bytes · port`, integers big-endian.

use std::net::{IpAddr, SocketAddr};

use quintet_dht_protocol::{
    contact::Contact,
    key::Key,
    record::{Record, RecordKey, disk},
};
use quintet_store::{DecodeError, KeyCodec, Reader, ValueCodec, put_varint};

/// Contacts kept through a restart: as many as two full tables of an ordinary node hold.
pub(crate) const CONTACTS_MAX: usize = 1_024;

/// A record's key. No encoding is a prefix of another: the kind fixes the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredKey(pub(crate) RecordKey);

impl KeyCodec for StoredKey {
    fn encode_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&disk::encode_key(&self.0));
    }

    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.bytes(reader.rest().len())?;
        let invalid = |error| DecodeError::invalid("a record's key", error);
        disk::decode_key(bytes).map(Self).map_err(invalid)
    }
}

/// A record's bytes, which can be read only with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRecord(Vec<u8>);

impl StoredRecord {
    pub(crate) fn of(record: &Record) -> Self {
        Self(disk::encode_record(record))
    }

    pub(crate) fn decode(&self, key: &RecordKey) -> Result<Record, disk::DiskError> {
        disk::decode_record(key, &self.0)
    }
}

impl ValueCodec for StoredRecord {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.bytes(reader.rest().len()).map(|bytes| Self(bytes.to_vec()))
    }
}

/// The contacts of a table, at most [`CONTACTS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ContactList(Vec<Contact>);

impl ContactList {
    /// Keeps the first [`CONTACTS_MAX`].
    pub(crate) fn new(mut contacts: Vec<Contact>) -> Self {
        contacts.truncate(CONTACTS_MAX);
        Self(contacts)
    }

    pub(crate) fn into_inner(self) -> Vec<Contact> {
        self.0
    }
}

impl ValueCodec for ContactList {
    fn encode_value(&self, out: &mut Vec<u8>) {
        put_varint(self.0.len() as u64, out);
        for contact in &self.0 {
            out.extend_from_slice(contact.id.as_bytes());
            put_addr(contact.addr, out);
        }
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.varint()?;
        if count > CONTACTS_MAX as u64 {
            return Err(DecodeError::invalid("at most 1,024 contacts", count));
        }
        let contact = |_| Ok(Contact::new(Key::new(reader.array()?), addr(reader)?));
        (0..count).map(contact).collect::<Result<_, _>>().map(Self)
    }
}

/// Who the node is, and where others saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: Key,
    pub(crate) v4: Option<SocketAddr>,
    pub(crate) v6: Option<SocketAddr>,
}

impl ValueCodec for Identity {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        for seen in [self.v4, self.v6] {
            match seen {
                Some(seen) => put_addr(seen, out),
                None => out.push(0),
            }
        }
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = Key::new(reader.array()?);
        let mut seen = || match reader.rest().first() {
            Some(0) => reader.u8().map(|_| None),
            _ => addr(reader).map(Some),
        };
        Ok(Self { id, v4: seen()?, v6: seen()? })
    }
}

fn put_addr(addr: SocketAddr, out: &mut Vec<u8>) {
    match addr.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
    out.extend_from_slice(&addr.port().to_be_bytes());
}

fn addr(reader: &mut Reader<'_>) -> Result<SocketAddr, DecodeError> {
    let ip = match reader.u8()? {
        4 => IpAddr::from(reader.array::<4>()?),
        6 => IpAddr::from(reader.array::<16>()?),
        other => return Err(DecodeError::invalid("an address family of 4 or 6", other)),
    };
    Ok(SocketAddr::new(ip, reader.u16()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip<T: ValueCodec + PartialEq + core::fmt::Debug>(
        value: &T,
    ) -> Result<(), TestCaseError> {
        let mut bytes = Vec::new();
        value.encode_value(&mut bytes);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(&T::decode_value(&mut reader).unwrap(), value);
        prop_assert!(reader.finish().is_ok());
        for len in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..len]);
            prop_assert!(T::decode_value(&mut reader).is_err(), "cut at {}", len);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding_and_refuses_what_is_cut(
            contacts in prop::collection::vec(any::<([u8; 20], SocketAddr)>(), 0..20),
            id: [u8; 20],
            seen: (Option<std::net::SocketAddrV4>, Option<std::net::SocketAddrV6>),
        ) {
            let contacts = contacts.into_iter().map(|(id, addr)| {
                // Scope and flow of an IPv6 address mean nothing to others and are not kept.
                Contact::new(Key::new(id), SocketAddr::new(addr.ip(), addr.port()))
            });
            round_trip(&ContactList::new(contacts.collect()))?;
            let v6 = seen.1.map(|addr| SocketAddr::new((*addr.ip()).into(), addr.port()));
            round_trip(&Identity { id: Key::new(id), v4: seen.0.map(Into::into), v6 })?;
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
            let _ = ContactList::decode_value(&mut Reader::new(&bytes));
            let _ = Identity::decode_value(&mut Reader::new(&bytes));
            let _ = StoredKey::decode_key(&mut Reader::new(&bytes));
        }
    }
}
