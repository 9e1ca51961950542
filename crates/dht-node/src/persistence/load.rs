//! Reading everything back at start, and clearing away what is no longer worth having.

use std::ops::Bound;

use quintet_dht_protocol::{
    contact::Contact,
    record::{Record, RecordKey},
};
use quintet_primitives::time::UnixTime;
use quintet_store::{Batch, Durability, Store, StoreError, Table, ValueCodec};
use tracing::warn;

use super::{
    CONTACTS, IDENTITY, PUBLICATIONS, RECORDS,
    rows::{Identity, StoredKey, StoredRecord},
};

/// What a node knew when it ended.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// None at the first start, or when it was damaged.
    pub(crate) identity: Option<Identity>,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) records: Vec<(RecordKey, Record)>,
    /// Records that were damaged, and are gone.
    pub(crate) damaged: usize,
    /// Records that had expired, and are gone.
    pub(crate) expired: usize,
}

/// Reads what a node needs before it can answer. Blocks on the disk.
///
/// # Errors
///
/// [`StoreError`] if the store as a whole cannot be read or written; damaged rows are no error.
pub(crate) fn load(store: &Store, wall: UnixTime) -> Result<Loaded, StoreError> {
    let Rows { mut records, damaged } = rows(store, &RECORDS)?;
    let mut batch = Batch::new();
    let before = records.len();
    records.retain(|(key, record)| {
        let lives = record.expires > wall;
        if !lives {
            batch.delete(&RECORDS, &StoredKey(*key));
        }
        lives
    });
    if !batch.is_empty() {
        store.commit(batch, Durability::Sync)?;
    }
    Ok(Loaded {
        identity: single(store, &IDENTITY)?,
        contacts: single(store, &CONTACTS)?.map(super::ContactList::into_inner).unwrap_or_default(),
        expired: before - records.len(),
        records,
        damaged,
    })
}

/// Reads what the node keeps published: records whose expiry is the next time to publish them.
/// Blocks on the disk.
///
/// # Errors
///
/// As for [`load`].
pub(crate) fn load_publications(store: &Store) -> Result<Vec<(RecordKey, Record)>, StoreError> {
    rows(store, &PUBLICATIONS).map(|rows| rows.records)
}

/// Reads the one row of a table; a damaged one is as good as none.
fn single<V: ValueCodec>(store: &Store, table: &Table<(), V>) -> Result<Option<V>, StoreError> {
    match store.get(table, &()) {
        Err(error @ StoreError::Corrupt { .. }) => {
            warn!(table = table.name(), %error, "row is damaged: starting without it");
            Ok(None)
        }
        other => other,
    }
}

struct Rows {
    records: Vec<(RecordKey, Record)>,
    damaged: usize,
}

/// Reads a table of records, and removes the damaged ones. Such a row may not even have a readable
/// key, so it is removed as what lies between its readable neighbours.
fn rows(store: &Store, table: &Table<StoredKey, StoredRecord>) -> Result<Rows, StoreError> {
    let snapshot = store.snapshot()?;
    let mut found = Rows { records: Vec::new(), damaged: 0 };
    let mut batch = Batch::new();
    let mut last = Bound::Unbounded;
    let mut gap = 0_usize;
    for row in snapshot.range::<StoredKey, StoredRecord>(table, ..)? {
        match row {
            Ok((key, stored)) => {
                if gap > 0 {
                    batch.delete_range(&snapshot, table, (last, Bound::Excluded(key)), gap)?;
                    gap = 0;
                }
                last = Bound::Excluded(key);
                match stored.decode(&key.0) {
                    Ok(record) => found.records.push((key.0, record)),
                    Err(error) => {
                        warn!(table = table.name(), key = %key.0.key(), %error, "record is damaged");
                        found.damaged += 1;
                        batch.delete(table, &key);
                    }
                }
            }
            Err(error @ StoreError::Corrupt { .. }) => {
                warn!(table = table.name(), %error, "record is damaged");
                found.damaged += 1;
                gap += 1;
            }
            Err(error) => return Err(error),
        }
    }
    if gap > 0 {
        batch.delete_range(&snapshot, table, (last, Bound::Unbounded), gap)?;
    }
    drop(snapshot);
    if !batch.is_empty() {
        store.commit(batch, Durability::Sync)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use quintet_dht_protocol::{key::Key, record::Content};

    use super::*;
    use crate::persistence::{ContactList, SCHEMA};

    /// The records table, seen by somebody who writes anything.
    const RAW_RECORDS: Table<[u8; 21], u64> = Table::new("records");
    const RAW_CONTACTS: Table<(), u64> = Table::new("contacts");
    const RAW_IDENTITY: Table<(), u8> = Table::new("identity");

    fn raw(key: u8) -> RecordKey {
        RecordKey::Raw(Key::new([key; 20]))
    }

    fn put(batch: &mut Batch, key: u8, expires: u64) {
        let expires = UnixTime::from_secs(expires);
        let record = Record { content: Content::Raw(vec![key]), expires };
        batch.put(&RECORDS, &StoredKey(raw(key)), &StoredRecord::of(&record));
    }

    #[test]
    fn records_that_expired_meanwhile_are_removed() {
        let store = Store::memory(&SCHEMA).unwrap();
        let mut batch = Batch::new();
        (1..=4).for_each(|key| put(&mut batch, key, u64::from(key) * 100));
        store.commit(batch, Durability::Sync).unwrap();
        let loaded = load(&store, UnixTime::from_secs(200)).unwrap();
        let keys: Vec<_> = loaded.records.iter().map(|(key, _)| *key).collect();
        assert_eq!((keys, loaded.expired), (vec![raw(3), raw(4)], 2));
        let again = load(&store, UnixTime::from_secs(0)).unwrap();
        assert_eq!(again.records.len(), 2);
    }

    #[test]
    fn damaged_records_are_dropped_and_the_others_stay() {
        let store = Store::memory(&SCHEMA).unwrap();
        let mut batch = Batch::new();
        (1..=3).for_each(|key| put(&mut batch, key * 10, 1_000));
        // Kind 2, and a value that does not begin with a version; kind 9, which is no key.
        for (kind, key) in [(2, 5), (2, 15), (2, 16), (2, 40), (9, 1)] {
            let mut bytes = [key; 21];
            bytes[0] = kind;
            batch.put(&RAW_RECORDS, &bytes, &7);
        }
        store.commit(batch, Durability::Sync).unwrap();
        let loaded = load(&store, UnixTime::from_secs(1)).unwrap();
        let keys: Vec<_> = loaded.records.iter().map(|(key, _)| *key).collect();
        assert_eq!((keys, loaded.damaged), (vec![raw(10), raw(20), raw(30)], 5));
        assert_eq!(load(&store, UnixTime::from_secs(1)).unwrap().damaged, 0);
    }

    #[test]
    fn damaged_contacts_and_identity_mean_a_cold_start() {
        let store = Store::memory(&SCHEMA).unwrap();
        let mut batch = Batch::new();
        let addr: SocketAddr = "1.2.3.4:5".parse().unwrap();
        let contacts = ContactList::new(vec![Contact::new(Key::new([1; 20]), addr)]);
        batch.put(&CONTACTS, &(), &contacts);
        batch.put(&IDENTITY, &(), &Identity { id: Key::new([2; 20]), v4: Some(addr), v6: None });
        store.commit(batch, Durability::Sync).unwrap();
        let loaded = load(&store, UnixTime::from_secs(1)).unwrap();
        assert_eq!((loaded.contacts.len(), loaded.identity.is_some()), (1, true));

        let mut batch = Batch::new();
        batch.put(&RAW_CONTACTS, &(), &u64::MAX).put(&RAW_IDENTITY, &(), &1);
        store.commit(batch, Durability::Sync).unwrap();
        let loaded = load(&store, UnixTime::from_secs(1)).unwrap();
        assert_eq!((loaded.contacts.len(), loaded.identity), (0, None));
    }
}
