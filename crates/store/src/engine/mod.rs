//! The narrow waist: what an engine must be able to do, in bytes.
//!
//! Everything above (types, checksums, schema, poison, backup) is written once against these two traits;
//! everything below is one file an engine. The shared suite in `tests/it/engines.rs` runs for each of them.

#[cfg(feature = "fjall")]
mod fjall;
#[cfg(feature = "fjall")]
mod gather;
mod memory;
mod range;
#[cfg(feature = "redb")]
mod redb;

use std::{borrow::Cow, fmt};

#[cfg(feature = "fjall")]
pub use fjall::FjallEngine;
pub use memory::MemoryEngine;
pub use range::KeyRange;
#[cfg(feature = "redb")]
pub use redb::RedbEngine;

use crate::error::StoreError;

/// What must have happened before a commit returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Visible to readers; written to disk soon. A crash may lose it, and then every later commit with it, but never
    /// a part of it.
    Buffered,
    /// On disk, and every earlier commit too.
    Sync,
}

/// Which end of a range a scan starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Reverse,
}

/// One change: set a key, or remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// The table.
    pub table: Cow<'static, str>,
    /// The encoded key, 1 to [`KEY_BYTES_MAX`](crate::KEY_BYTES_MAX) bytes.
    pub key: Vec<u8>,
    /// The new value, or `None` to remove the key.
    pub value: Option<Vec<u8>>,
}

/// A lazy scan over key and value bytes. It does not outlive its snapshot.
pub type RawScan<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + Send + 'a>;

/// An ordered key-value engine with named tables.
///
/// [`Store`](crate::Store) is the only caller, and keeps these promises: commits come one at a time; their operations are sorted by
/// table and key and name each key once; keys are within the length limits; ranges are not empty; after a
/// failed commit no other follows.
pub trait Engine: fmt::Debug + Send + Sync {
    /// Returns the engine's name, as configuration and the store directory spell it.
    fn name(&self) -> &'static str;

    /// Returns the value of `key`, or `None` if the key or the whole table is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the files cannot be read or are damaged.
    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Applies all operations or none, creating tables as needed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if anything could not be written; what is on disk is then unknown until the next open.
    fn commit(&self, ops: Vec<Op>, durability: Durability) -> Result<(), StoreError>;

    /// Returns a view of every table as of now, unmoved by later commits.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the files cannot be read.
    fn snapshot(&self) -> Result<Box<dyn EngineSnapshot>, StoreError>;

    /// Puts every commit so far on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for [`Engine::commit`].
    fn flush(&self) -> Result<(), StoreError>;

    /// Gives back space that deleted and overwritten values hold. Takes long on large stores; reads and writes may wait.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::SnapshotsOpen`] if the engine needs the file to itself.
    fn compact(&self) -> Result<(), StoreError>;

    /// Returns the bytes the store takes on disk (in memory, for engines without one).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the files cannot be measured.
    fn disk_bytes(&self) -> Result<u64, StoreError>;
}

/// A consistent view of an [`Engine`].
pub trait EngineSnapshot: fmt::Debug + Send + Sync {
    /// Returns the names of all tables, ascending.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the files cannot be read.
    fn tables(&self) -> Result<Vec<String>, StoreError>;

    /// Returns the value of `key`, or `None` if the key or the whole table is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the files cannot be read or are damaged.
    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Walks `range` lazily. An absent table is an empty one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the walk cannot begin; later errors come as items.
    fn scan(
        &self,
        table: &str,
        range: KeyRange,
        direction: Direction,
    ) -> Result<RawScan<'_>, StoreError>;
}
