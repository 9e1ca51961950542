//! The store: typed tables over an engine, one writer at a time.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex},
};

use crate::{
    batch::Batch,
    checksum,
    codec::{KeyCodec, ValueCodec},
    directory::{Directory, StoreOptions},
    engine::{Durability, Engine, MemoryEngine},
    error::StoreError,
    schema::{self, Schema},
    snapshot::Snapshot,
    table::Table,
};

/// A handle on an open store; cheap to clone, safe to share. The directory is released when the last handle and the last
/// [`Snapshot`] are gone.
///
/// Calls block on the disk: an async caller wraps commits and long scans in `spawn_blocking`.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// Field order matters: the engine closes its files before the directory is unlocked.
pub(crate) struct Inner {
    engine: Arc<dyn Engine>,
    writer: Mutex<Writer>,
    _directory: Option<Directory>,
}

/// Held during each commit, so that none can follow a failed one unnoticed.
#[derive(Default)]
struct Writer {
    /// Why no more writes are taken.
    failed: Option<String>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.inner.engine).finish()
    }
}

impl Store {
    /// Opens the store in `directory`, creating it if the directory is empty or absent, and migrates it to `schema`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the directory is in use, holds something else, another schema, a newer version, or cannot be read.
    pub fn open(
        directory: &Path,
        schema: &Schema,
        options: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let (directory, engine) = Directory::open(directory, options)?;
        let store = Self::assemble(engine, Some(directory));
        schema::open(&store, schema)?;
        Ok(store)
    }

    /// Opens a store on an engine that the caller made.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for [`Store::open`].
    pub fn with_engine(engine: Arc<dyn Engine>, schema: &Schema) -> Result<Self, StoreError> {
        let store = Self::assemble(engine, None);
        schema::open(&store, schema)?;
        Ok(store)
    }

    /// Opens an empty store in memory.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; none is known to happen.
    pub fn memory(schema: &Schema) -> Result<Self, StoreError> {
        Self::with_engine(Arc::new(MemoryEngine::new()), schema)
    }

    /// Puts the parts together without looking at the schema.
    pub(crate) fn assemble(engine: Arc<dyn Engine>, directory: Option<Directory>) -> Self {
        Self { inner: Arc::new(Inner { engine, writer: Mutex::default(), _directory: directory }) }
    }

    /// Returns the engine's name.
    #[must_use]
    pub fn engine_name(&self) -> &'static str {
        self.inner.engine.name()
    }

    /// Returns the value of `key` as of the last commit.
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
        let sealed = self.inner.engine.get(table.name(), &bytes)?;
        sealed
            .map(|sealed| table.decode_value(&bytes, &sealed))
            .transpose()
            .map_err(|source| StoreError::corrupt(table.name(), &bytes, source))
    }

    /// Hands the encoding of the value of `key`, verified, to `read`: for values that are taken as they are, without a copy
    /// or an allocation more than the engine's own.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for [`Store::get`].
    pub fn get_with<K: KeyCodec, V: ValueCodec, R>(
        &self,
        table: &Table<K, V>,
        key: &K,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, StoreError> {
        let mut bytes = Vec::with_capacity(48);
        key.encode_key(&mut bytes);
        let Some(sealed) = self.inner.engine.get(table.name(), &bytes)? else { return Ok(None) };
        match checksum::unseal(table.name(), &bytes, &sealed) {
            Ok(value) => Ok(Some(read(value))),
            Err(source) => Err(StoreError::corrupt(table.name(), &bytes, source)),
        }
    }

    /// Applies `batch` as a whole. When this returns, readers see it, and it is as durable as asked.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyLength`], [`StoreError::ValueLength`], [`StoreError::BatchBytes`]: nothing was written, the store goes on.
    /// Any other: the outcome is unknown until the store is opened again, and every later write is [`StoreError::Poisoned`].
    pub fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let ops = batch.into_ops()?;
        self.write(|engine| match (ops.is_empty(), durability) {
            (true, Durability::Buffered) => Ok(()),
            (true, Durability::Sync) => engine.flush(),
            (false, durability) => engine.commit(ops, durability),
        })
    }

    /// Returns a view of all tables as of the last commit.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the files cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::new(self.inner.engine.snapshot()?, Arc::clone(&self.inner)))
    }

    /// Puts every commit so far on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for [`Store::commit`].
    pub fn flush(&self) -> Result<(), StoreError> {
        self.write(|engine| engine.flush())
    }

    /// Gives back space that deleted and overwritten values hold. Writes wait meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::SnapshotsOpen`] if the engine needs the file to itself; otherwise as for [`Store::commit`].
    pub fn compact(&self) -> Result<(), StoreError> {
        self.write(|engine| engine.compact())
    }

    /// Returns the bytes the store takes on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the files cannot be measured.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.inner.engine.disk_bytes()
    }

    /// Returns why the store takes no more writes, if so. Reads go on; a health check reports this.
    #[must_use]
    pub fn poisoned(&self) -> Option<String> {
        match self.inner.writer.lock() {
            Ok(writer) => writer.failed.clone(),
            Err(_) => Some(PANICKED.to_owned()),
        }
    }

    /// Runs the one write that is under way, and remembers if it was not carried out.
    fn write(
        &self,
        change: impl FnOnce(&dyn Engine) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let poisoned = |reason: &str| StoreError::Poisoned { reason: reason.to_owned() };
        let mut writer = self.inner.writer.lock().map_err(|_| poisoned(PANICKED))?;
        if let Some(reason) = &writer.failed {
            return Err(poisoned(reason));
        }
        let outcome = change(&*self.inner.engine);
        if let Err(error) = &outcome
            && !matches!(error, StoreError::SnapshotsOpen { .. })
        {
            tracing::error!(engine = self.engine_name(), %error, "store takes no more writes");
            writer.failed = Some(error.to_string());
        }
        outcome
    }
}

/// What [`StoreError::Poisoned`] says after a panic inside an engine.
const PANICKED: &str = "the engine panicked during a write";
