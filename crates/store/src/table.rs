//! Tables: a name, and the types of key and value that live under it.

use std::{fmt, marker::PhantomData};

use crate::{
    checksum,
    codec::{DecodeError, KeyCodec, Reader, ValueCodec},
};

/// Longest table name, bytes.
pub const TABLE_NAME_BYTES_MAX: usize = 64;

/// The store's own table. Its name is outside what [`Table::new`] accepts, so no application table meets it.
pub(crate) const META_TABLE: &str = "_meta";

/// A typed keyspace. Declare each once, as a constant, beside the types it holds.
///
/// The name is part of the disk format: changing it, or the encoding of `K` or `V`, takes a
/// [`Migration`](crate::Migration).
pub struct Table<K, V> {
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Table<K, V> {
    /// Names a table: 1 to [`TABLE_NAME_BYTES_MAX`] bytes of `a-z`, `0-9`, `-` and `_`, beginning with a letter.
    ///
    /// # Panics
    ///
    /// On any other name. In a constant, as tables are declared, that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(
            is_application_name(name.as_bytes()),
            "a table name is 1 to 64 of a-z 0-9 - _, beginning with a letter"
        );
        Self { name, types: PhantomData }
    }

    /// Names a table of the store's own.
    pub(crate) const fn internal(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.name).finish()
    }
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<K, V> {}

const fn is_application_name(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > TABLE_NAME_BYTES_MAX || !name[0].is_ascii_lowercase() {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if !matches!(name[at], b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        at += 1;
    }
    true
}

/// Returns whether a name read from a file may be a table of an application.
pub(crate) const fn may_be_table(name: &str) -> bool {
    is_application_name(name.as_bytes())
}

impl<K: KeyCodec, V: ValueCodec> Table<K, V> {
    /// Decodes a stored key.
    pub(crate) fn decode_key(key: &[u8]) -> Result<K, DecodeError> {
        let mut reader = Reader::new(key);
        let decoded = K::decode_key(&mut reader)?;
        reader.finish()?;
        Ok(decoded)
    }

    /// Verifies and decodes a stored value.
    pub(crate) fn decode_value(&self, key: &[u8], sealed: &[u8]) -> Result<V, DecodeError> {
        let mut reader = Reader::new(checksum::unseal(self.name, key, sealed)?);
        let decoded = V::decode_value(&mut reader)?;
        reader.finish()?;
        Ok(decoded)
    }
}
