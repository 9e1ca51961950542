//! The redb engine: a copy-on-write B-tree in one file.
//!
//! Small when the data is small, exact about what a commit means, and the file can be placed on any
//! [`StorageBackend`], which is how the crash tests run this very code on a disk that loses power.
//!
//! # Deviations
//!
//! - A `Buffered` commit lives in memory only, and the pages it frees stay taken until the next durable one. So each
//!   [`RedbEngine::BUFFERED_COMMITS_MAX`] commits or [`RedbEngine::BUFFERED_BYTES_MAX`] bytes one commit is made durable unasked.
//! - After a crash redb walks the whole file before it opens; seconds per gigabyte, which is one reason why large state is
//!   fjall's.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
};

use redb::{ReadableDatabase as _, StorageBackend, TableDefinition, TableError, TableHandle as _};

use super::{Direction, Durability, Engine, EngineSnapshot, KeyRange, Op, RawScan};
use crate::error::StoreError;

const NAME: &str = "redb";

type Guard<'a> = redb::AccessGuard<'a, &'static [u8]>;

type Rows = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

const fn rows(table: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(table)
}

/// A redb database.
pub struct RedbEngine {
    /// Exclusive for compaction alone.
    database: RwLock<redb::Database>,
    buffered: Mutex<Buffered>,
    /// The file, if the storage is one.
    path: Option<PathBuf>,
}

/// What was committed since the last durable commit.
#[derive(Debug, Default, Clone, Copy)]
struct Buffered {
    commits: u32,
    bytes: usize,
}

impl fmt::Debug for RedbEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbEngine").field("path", &self.path).finish_non_exhaustive()
    }
}

impl RedbEngine {
    /// The engine's name.
    pub const NAME: &'static str = NAME;

    /// Buffered commits in a row before one is made durable.
    pub const BUFFERED_COMMITS_MAX: u32 = 64;

    /// Bytes of buffered commits before one is made durable.
    pub const BUFFERED_BYTES_MAX: usize = 16 << 20;

    /// Opens or creates the database file.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file is in use, damaged or cannot be read.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = redb::Builder::new()
            .set_cache_size(cache_bytes)
            .create(path)
            .map_err(during("open"))?;
        Ok(Self::new(database, Some(path.to_owned())))
    }

    /// Opens or creates a database on other storage than a file.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for [`RedbEngine::open`].
    pub fn open_on(backend: impl StorageBackend, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = redb::Builder::new()
            .set_cache_size(cache_bytes)
            .create_with_backend(backend)
            .map_err(during("open"))?;
        Ok(Self::new(database, None))
    }

    fn new(database: redb::Database, path: Option<PathBuf>) -> Self {
        Self { database: RwLock::new(database), buffered: Mutex::default(), path }
    }

    fn begin_read(&self) -> Result<RedbSnapshot, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.begin_read().map_err(during("begin a read"))?;
        Ok(RedbSnapshot { transaction })
    }

    /// Returns whether this commit has to be durable, asked or not.
    fn is_durable(durability: Durability, buffered: Buffered) -> bool {
        durability == Durability::Sync
            || buffered.commits >= Self::BUFFERED_COMMITS_MAX
            || buffered.bytes >= Self::BUFFERED_BYTES_MAX
    }
}

impl Engine for RedbEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.begin_read()?.get(table, key)
    }

    fn commit(&self, ops: Vec<Op>, durability: Durability) -> Result<(), StoreError> {
        let mut buffered = self.buffered.lock().unwrap_or_else(PoisonError::into_inner);
        let added = Buffered {
            commits: buffered.commits + 1,
            bytes: ops.iter().fold(buffered.bytes, |bytes, op| {
                bytes.saturating_add(op.key.len() + op.value.as_ref().map_or(0, Vec::len))
            }),
        };
        let durable = Self::is_durable(durability, added);

        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = database.begin_write().map_err(during("begin a write"))?;
        transaction
            .set_durability(if durable {
                redb::Durability::Immediate
            } else {
                redb::Durability::None
            })
            .map_err(during("set the durability"))?;
        for of_one_table in ops.chunk_by(|a, b| a.table == b.table) {
            let Some(first) = of_one_table.first() else { continue };
            let mut table =
                transaction.open_table(rows(&first.table)).map_err(during("open a table"))?;
            for op in of_one_table {
                let key = op.key.as_slice();
                match &op.value {
                    Some(value) => table.insert(key, value.as_slice()).map(drop),
                    None => table.remove(key).map(drop),
                }
                .map_err(during("change a record"))?;
            }
        }
        transaction.commit().map_err(during("commit"))?;
        *buffered = if durable { Buffered::default() } else { added };
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn EngineSnapshot>, StoreError> {
        Ok(Box::new(self.begin_read()?))
    }

    fn flush(&self) -> Result<(), StoreError> {
        // A durable commit carries every buffered one before it.
        self.commit(Vec::new(), Durability::Sync)
    }

    fn compact(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        match database.compact() {
            Ok(_) => Ok(()),
            Err(redb::CompactionError::TransactionInProgress) => {
                Err(StoreError::SnapshotsOpen { engine: NAME })
            }
            Err(error) => Err(during("compact")(error)),
        }
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        match &self.path {
            Some(path) => {
                Ok(std::fs::metadata(path).map_err(StoreError::io("measure the file", path))?.len())
            }
            None => {
                let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
                let transaction = database.begin_write().map_err(during("begin a write"))?;
                let stats = transaction.stats().map_err(during("measure the file"))?;
                let bytes = stats.allocated_pages().saturating_mul(stats.page_size() as u64);
                transaction.abort().map_err(during("end a write"))?;
                Ok(bytes)
            }
        }
    }
}

struct RedbSnapshot {
    transaction: redb::ReadTransaction,
}

impl fmt::Debug for RedbSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbSnapshot").finish_non_exhaustive()
    }
}

impl RedbSnapshot {
    fn rows(&self, table: &str) -> Result<Option<Rows>, StoreError> {
        match self.transaction.open_table(rows(table)) {
            Ok(rows) => Ok(Some(rows)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(during("open a table")(error)),
        }
    }
}

impl EngineSnapshot for RedbSnapshot {
    fn tables(&self) -> Result<Vec<String>, StoreError> {
        let tables = self.transaction.list_tables().map_err(during("list the tables"))?;
        let names: BTreeSet<String> = tables.map(|table| table.name().to_owned()).collect();
        Ok(names.into_iter().collect())
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(rows) = self.rows(table)? else { return Ok(None) };
        let value = rows.get(key).map_err(during("read a record"))?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn scan(
        &self,
        table: &str,
        range: KeyRange,
        direction: Direction,
    ) -> Result<RawScan<'_>, StoreError> {
        let Some(rows) = self.rows(table)? else {
            return Ok(Box::new(std::iter::empty()));
        };
        let found = rows.range::<&[u8]>(range.bounds()).map_err(during("begin a scan"))?;
        let owned = |row: Result<(Guard<'_>, Guard<'_>), redb::StorageError>| {
            let (key, value) = row.map_err(during("scan"))?;
            Ok((key.value().to_vec(), value.value().to_vec()))
        };
        Ok(match direction {
            Direction::Forward => Box::new(found.map(owned)),
            Direction::Reverse => Box::new(found.rev().map(owned)),
        })
    }
}

/// Turns an error of redb into one of the store.
fn during<E: Into<redb::Error>>(action: &'static str) -> impl FnOnce(E) -> StoreError + Copy {
    move |error| match error.into() {
        redb::Error::Corrupted(reason) => StoreError::Damaged { engine: NAME, reason },
        error => StoreError::Engine { engine: NAME, action, source: Box::new(error) },
    }
}
