//! Consistent reads: what the store held when the snapshot was taken.

use std::{
    fmt,
    ops::{Bound, RangeBounds},
    sync::Arc,
};

use crate::{
    codec::{KeyCodec, KeyPrefix, ValueCodec},
    engine::{Direction, EngineSnapshot, KeyRange, RawScan},
    error::StoreError,
    store::Inner,
    table::Table,
};

/// A view of every table as of one moment; cheap to clone.
///
/// An open snapshot keeps what it can see on disk, keeps the store's directory locked, and stops redb from compacting:
/// drop it when done.
#[derive(Clone)]
pub struct Snapshot {
    /// Released before the store it belongs to.
    raw: Arc<dyn EngineSnapshot>,
    _store: Arc<Inner>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(&self.raw).finish()
    }
}

impl Snapshot {
    pub(crate) fn new(raw: Box<dyn EngineSnapshot>, store: Arc<Inner>) -> Self {
        Self { raw: raw.into(), _store: store }
    }

    pub(crate) fn raw(&self) -> &dyn EngineSnapshot {
        &*self.raw
    }

    /// Returns the value of `key`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if the value is damaged; [`StoreError`] if it cannot be read.
    pub fn get<K: KeyCodec, V: ValueCodec>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, StoreError> {
        let mut bytes = Vec::new();
        key.encode_key(&mut bytes);
        let sealed = self.raw.get(table.name(), &bytes)?;
        sealed
            .map(|sealed| table.decode_value(&bytes, &sealed))
            .transpose()
            .map_err(|source| StoreError::corrupt(table.name(), &bytes, source))
    }

    /// Walks a range in ascending key order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the walk cannot begin; later errors come as items.
    pub fn range<K: KeyCodec, V: ValueCodec>(
        &self,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
    ) -> Result<Scan<'_, K, V>, StoreError> {
        self.scan(table, encoded(&range), Direction::Forward)
    }

    /// Walks a range in descending key order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for [`Snapshot::range`].
    pub fn range_rev<K: KeyCodec, V: ValueCodec>(
        &self,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
    ) -> Result<Scan<'_, K, V>, StoreError> {
        self.scan(table, encoded(&range), Direction::Reverse)
    }

    /// Walks the keys that begin with `prefix`, ascending.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for [`Snapshot::range`].
    pub fn prefix<K: KeyCodec, V: ValueCodec>(
        &self,
        table: &Table<K, V>,
        prefix: &impl KeyPrefix<K>,
    ) -> Result<Scan<'_, K, V>, StoreError> {
        self.scan(table, encoded_prefix(prefix), Direction::Forward)
    }

    /// Walks the keys that begin with `prefix`, descending.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for [`Snapshot::range`].
    pub fn prefix_rev<K: KeyCodec, V: ValueCodec>(
        &self,
        table: &Table<K, V>,
        prefix: &impl KeyPrefix<K>,
    ) -> Result<Scan<'_, K, V>, StoreError> {
        self.scan(table, encoded_prefix(prefix), Direction::Reverse)
    }

    /// Walks the encoded keys of a range, whatever state their values are in.
    pub(crate) fn raw_keys<K: KeyCodec, V>(
        &self,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
    ) -> Result<impl Iterator<Item = Result<Vec<u8>, StoreError>> + '_, StoreError> {
        let rows = self.raw_scan(table.name(), encoded(&range), Direction::Forward)?;
        Ok(rows.map(|row| row.map(|(key, _)| key)))
    }

    fn scan<K, V>(
        &self,
        table: &Table<K, V>,
        range: KeyRange,
        direction: Direction,
    ) -> Result<Scan<'_, K, V>, StoreError> {
        let rows = self.raw_scan(table.name(), range, direction)?;
        Ok(Scan { rows: Some(rows), table: *table })
    }

    /// Keeps the promise of [`Engine`](crate::Engine) that ranges are not empty.
    fn raw_scan(
        &self,
        table: &str,
        range: KeyRange,
        direction: Direction,
    ) -> Result<RawScan<'_>, StoreError> {
        if range.is_empty() {
            return Ok(Box::new(std::iter::empty()));
        }
        self.raw.scan(table, range, direction)
    }
}

fn encoded<K: KeyCodec>(range: &impl RangeBounds<K>) -> KeyRange {
    let bytes = |bound: Bound<&K>| {
        bound.map(|key| {
            let mut bytes = Vec::new();
            key.encode_key(&mut bytes);
            bytes
        })
    };
    KeyRange { start: bytes(range.start_bound()), end: bytes(range.end_bound()) }
}

fn encoded_prefix<K>(prefix: &impl KeyPrefix<K>) -> KeyRange {
    let mut bytes = Vec::new();
    prefix.encode_prefix(&mut bytes);
    KeyRange::prefix(bytes)
}

/// A lazy walk over typed records. A corrupt record is an error item and the walk goes on behind it; an error of the engine
/// ends the walk.
pub struct Scan<'a, K, V> {
    rows: Option<RawScan<'a>>,
    table: Table<K, V>,
}

impl<K, V> fmt::Debug for Scan<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("table", &self.table).finish_non_exhaustive()
    }
}

impl<K: KeyCodec, V: ValueCodec> Iterator for Scan<'_, K, V> {
    type Item = Result<(K, V), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.as_mut().and_then(Iterator::next);
        let Some(Ok((key, sealed))) = row else {
            // The end, or an error that an engine might repeat for ever.
            self.rows = None;
            return row.and_then(Result::err).map(Err);
        };
        let decoded = Table::<K, V>::decode_key(&key)
            .and_then(|decoded| Ok((decoded, self.table.decode_value(&key, &sealed)?)))
            .map_err(|source| StoreError::corrupt(self.table.name(), &key, source));
        Some(decoded)
    }
}
