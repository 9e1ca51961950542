//! Write batches: what one commit changes, encoded and sealed as it is added.

use std::{borrow::Cow, ops::RangeBounds};

use crate::{
    checksum::{self, CHECKSUM_BYTES},
    codec::{KeyCodec, ValueCodec},
    engine::Op,
    error::StoreError,
    snapshot::Snapshot,
    table::Table,
};

/// Longest encoded key, bytes. Long keys cost in every index block; hash what is longer.
pub const KEY_BYTES_MAX: usize = 4096;

/// Longest encoded value, bytes. Larger things belong in files of their own.
pub const VALUE_BYTES_MAX: usize = 64 << 20;

/// Most key and value bytes in one batch. Engines hold a batch in memory several times over while they commit it.
pub const BATCH_BYTES_MAX: usize = 256 << 20;

/// Counted for each operation on top of its key and value, so that a batch of deletes is bounded too. Bytes.
const OP_OVERHEAD_BYTES: usize = 64;

/// Changes that take effect together, in any number of tables. Of several changes to one key the last one counts.
///
/// Adding never fails; a key, value or batch over its limit is reported by [`Store::commit`](crate::Store::commit),
/// which then writes nothing.
#[derive(Debug, Default)]
pub struct Batch {
    ops: Vec<Op>,
    bytes: usize,
    refused: Option<StoreError>,
}

impl Batch {
    /// Starts an empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns whether nothing has been added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.refused.is_none()
    }

    /// Returns the number of changes added.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ops.len()
    }

    /// Returns the bytes counted against [`BATCH_BYTES_MAX`].
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets `key` to `value`.
    pub fn put<K: KeyCodec, V: ValueCodec>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) -> &mut Self {
        let key = encoded(key);
        let mut sealed = vec![0; CHECKSUM_BYTES];
        value.encode_value(&mut sealed);
        self.push(Cow::Borrowed(table.name()), key, Some(sealed));
        self
    }

    /// Sets `key` to a value that is encoded already; it must be what `V` would have written.
    pub fn put_encoded<K: KeyCodec, V: ValueCodec>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &[u8],
    ) -> &mut Self {
        let mut sealed = Vec::with_capacity(CHECKSUM_BYTES + value.len());
        sealed.extend_from_slice(&[0; CHECKSUM_BYTES]);
        sealed.extend_from_slice(value);
        self.push(Cow::Borrowed(table.name()), encoded(key), Some(sealed));
        self
    }

    /// Removes `key`, if it is there.
    pub fn delete<K: KeyCodec, V: ValueCodec>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
    ) -> &mut Self {
        self.push(Cow::Borrowed(table.name()), encoded(key), None);
        self
    }

    /// Removes the first `limit` keys that `snapshot` holds in `range`; returns how many that were. Fewer than `limit` means
    /// the range will be empty. Cost: a scan of what is removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the scan meets one. A corrupt value can still be removed; a corrupt key is an error.
    pub fn delete_range<K: KeyCodec, V: ValueCodec>(
        &mut self,
        snapshot: &Snapshot,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut removed = 0;
        for key in snapshot.raw_keys(table, range)?.take(limit) {
            self.push(Cow::Borrowed(table.name()), key?, None);
            removed += 1;
        }
        Ok(removed)
    }

    /// Adds a change of encoded bytes. `sealed` begins with room for the checksum.
    pub(crate) fn push(
        &mut self,
        table: Cow<'static, str>,
        key: Vec<u8>,
        mut sealed: Option<Vec<u8>>,
    ) {
        if let Err(error) = self.check(&table, &key, sealed.as_deref()) {
            self.refused.get_or_insert(error);
            return;
        }
        if let Some(sealed) = &mut sealed {
            checksum::seal(&table, &key, sealed);
        }
        self.ops.push(Op { table, key, value: sealed });
    }

    fn check(&mut self, table: &str, key: &[u8], sealed: Option<&[u8]>) -> Result<(), StoreError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(StoreError::KeyLength {
                table: table.to_owned(),
                expected: KEY_BYTES_MAX,
                actual: key.len(),
            });
        }
        let value_bytes = sealed.map_or(0, |sealed| sealed.len() - CHECKSUM_BYTES);
        if value_bytes > VALUE_BYTES_MAX {
            return Err(StoreError::ValueLength {
                table: table.to_owned(),
                expected: VALUE_BYTES_MAX,
                actual: value_bytes,
            });
        }
        self.bytes = self.bytes.saturating_add(key.len() + value_bytes + OP_OVERHEAD_BYTES);
        if self.bytes > BATCH_BYTES_MAX {
            return Err(StoreError::BatchBytes { expected: BATCH_BYTES_MAX, actual: self.bytes });
        }
        Ok(())
    }

    /// Returns the changes as an engine takes them: sorted by table and key, each key once.
    pub(crate) fn into_ops(self) -> Result<Vec<Op>, StoreError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let mut ops = self.ops;
        // The sort is stable, so of equal keys the last added is last; keep that one.
        ops.sort_by(|a, b| (&a.table, &a.key).cmp(&(&b.table, &b.key)));
        ops.dedup_by(|later, earlier| {
            let same = later.table == earlier.table && later.key == earlier.key;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Ok(ops)
    }
}

fn encoded<K: KeyCodec>(key: &K) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(48);
    key.encode_key(&mut bytes);
    bytes
}
