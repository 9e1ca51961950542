//! The fjall engine: log-structured trees behind one journal.
//!
//! A commit appends to the journal and to memory tables; sorted files are written in the background. That writes several
//! times fewer bytes than a B-tree does under random updates, which is why large state lives here.
//!
//! # Deviations
//!
//! - The journal is a sparse file of 64 MiB from the start; [`FjallEngine::disk_bytes`] counts the blocks in use.
//! - Reopening replays the journal, up to [`FjallEngine::JOURNAL_BYTES_MAX`].
//! - fjall bounds the memory of each table, not of all; here all tables of a database share one bound, and the one that holds most is
//!   written out when it is reached. A database of twenty tables with little in each would hold twenty times as much otherwise.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use fjall::{Keyspace, KeyspaceCreateOptions, PersistMode, Readable as _};

use super::{Direction, Durability, Engine, EngineSnapshot, KeyRange, Op, RawScan, gather::Gather};
use crate::error::StoreError;

const NAME: &str = "fjall";

/// The least fjall takes for the journals on disk, bytes.
const JOURNAL_BYTES_MIN: u64 = 64 << 20;

/// What a row takes in a memory table besides its key and value, bytes: its node, and the heads of two slices.
const ROW_BYTES: u64 = 96;

/// Time between two looks at the memory tables while compaction waits.
const COMPACT_FLUSH_POLL: Duration = Duration::from_millis(5);

/// A fjall database.
pub struct FjallEngine {
    shared: Arc<Shared>,
    path: PathBuf,
}

/// What snapshots need too.
struct Shared {
    database: fjall::Database,
    /// Memory all tables take before one of them is written to the disk, bytes.
    memory_tables_bytes: u64,
    tables: RwLock<BTreeMap<String, Keyspace>>,
    /// What each table took since it was last written out, bytes.
    waiting: Mutex<BTreeMap<String, u64>>,
    gather: Gather,
}

impl fmt::Debug for FjallEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallEngine").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Shared {
    fn table(&self, name: &str) -> Option<Keyspace> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn table_or_new(&self, name: &str) -> Result<Keyspace, StoreError> {
        if let Some(table) = self.table(name) {
            return Ok(table);
        }
        // Twice: it is for this side to say when, so that one table is not written out by both.
        let options =
            || KeyspaceCreateOptions::default().max_memtable_size(2 * self.memory_tables_bytes);
        let table = self.database.keyspace(name, options).map_err(during("create a table"))?;
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.insert(name.to_owned(), table.clone());
        Ok(table)
    }

    /// Counts what a commit put into memory, and begins to write out the table that holds most once all together hold too much.
    fn took(&self, taken: Vec<(String, u64)>) -> Result<(), StoreError> {
        let full = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for (table, bytes) in taken {
                let held = waiting.entry(table).or_default();
                *held = held.saturating_add(bytes);
            }
            if waiting.values().sum::<u64>() < self.memory_tables_bytes {
                return Ok(());
            }
            let most = waiting.iter().max_by_key(|&(_, &bytes)| bytes);
            let most = most.map(|(table, _)| table.clone());
            most.and_then(|table| waiting.remove_entry(&table)).map(|(table, _)| table)
        };
        let Some(name) = full else { return Ok(()) };
        let Some(table) = self.table(&name) else { return Ok(()) };
        table.rotate_memtable().map_err(during("write out a table"))?;
        self.gather.look(&name, &table);
        Ok(())
    }

    fn tables(&self) -> Vec<Keyspace> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl FjallEngine {
    /// The engine's name.
    pub const NAME: &'static str = NAME;

    /// Journals on disk before memory tables are forced out, bytes; of a small cache the least fjall takes, 64 MiB.
    pub const JOURNAL_BYTES_MAX: u64 = 256 << 20;

    /// Least and most memory the tables take before the largest is written to the disk, bytes. Between them it is twice what the cache may
    /// take: who has little memory for what is read has no more for what is written.
    pub const MEMORY_TABLES_BYTES: (u64, u64) = (1 << 20, 128 << 20);

    /// Time compaction waits for memory tables to reach the disk before it goes on without the rest.
    pub const COMPACT_FLUSH_WAIT: Duration = Duration::from_secs(30);

    /// Opens or creates the database directory.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the directory is in use, damaged or cannot be read.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let cache_bytes = cache_bytes as u64;
        let (least, most) = Self::MEMORY_TABLES_BYTES;
        let memory_tables_bytes = cache_bytes.saturating_mul(2).clamp(least, most);
        let database = fjall::Database::builder(path)
            .cache_size(cache_bytes)
            .max_journaling_size(
                (memory_tables_bytes * 4).clamp(JOURNAL_BYTES_MIN, Self::JOURNAL_BYTES_MAX),
            )
            // Each commit names its own durability.
            .manual_journal_persist(true)
            .open()
            .map_err(during("open"))?;
        let shared = Shared {
            database,
            memory_tables_bytes,
            tables: RwLock::default(),
            waiting: Mutex::default(),
            gather: Gather::default(),
        };
        for name in shared.database.list_keyspace_names() {
            shared.table_or_new(&name)?;
        }
        Ok(Self { shared: Arc::new(shared), path: path.to_owned() })
    }
}

impl Engine for FjallEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(table) = self.shared.table(table) else { return Ok(None) };
        let value = table.get(key).map_err(during("read a record"))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn commit(&self, ops: Vec<Op>, durability: Durability) -> Result<(), StoreError> {
        let mode = match durability {
            Durability::Buffered => PersistMode::Buffer,
            Durability::Sync => PersistMode::SyncData,
        };
        let mut batch =
            fjall::OwnedWriteBatch::with_capacity(self.shared.database.clone(), ops.len())
                .durability(Some(mode));
        let mut table: Option<Keyspace> = None;
        let mut taken: Vec<(String, u64)> = Vec::new();
        for op in ops {
            let keyspace = match &table {
                Some(keyspace) if taken.last().is_some_and(|(name, _)| *name == op.table) => {
                    keyspace
                }
                _ => {
                    let keyspace = self.shared.table_or_new(&op.table)?;
                    taken.push((op.table.into_owned(), 0));
                    table.insert(keyspace)
                }
            };
            let bytes = op.key.len() + op.value.as_ref().map_or(0, Vec::len);
            if let Some((_, held)) = taken.last_mut() {
                *held += bytes as u64 + ROW_BYTES;
            }
            match op.value {
                Some(value) => batch.insert(keyspace, op.key, value),
                None => batch.remove(keyspace, op.key),
            }
        }
        batch.commit().map_err(during("commit"))?;
        self.shared.took(taken)
    }

    fn snapshot(&self) -> Result<Box<dyn EngineSnapshot>, StoreError> {
        let snapshot = self.shared.database.snapshot();
        Ok(Box::new(FjallSnapshot { snapshot, shared: Arc::clone(&self.shared) }))
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.shared.database.persist(PersistMode::SyncAll).map_err(during("flush"))
    }

    fn compact(&self) -> Result<(), StoreError> {
        self.flush()?;
        let tables = self.shared.tables();
        for table in &tables {
            table.rotate_memtable().map_err(during("flush a table"))?;
        }
        let started = Instant::now();
        while tables.iter().any(|table| table.sealed_memtable_count() > 0)
            && started.elapsed() < Self::COMPACT_FLUSH_WAIT
        {
            thread::sleep(COMPACT_FLUSH_POLL);
        }
        tables.iter().try_for_each(|table| table.major_compact().map_err(during("compact")))
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        blocks_under(&self.path).map_err(StoreError::io("measure", &self.path))
    }
}

/// Sums what the files below `path` take on disk. A file the background threads remove meanwhile counts nothing.
fn blocks_under(path: &Path) -> io::Result<u64> {
    let mut total = 0_u64;
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(found) if found.is_dir() => open.push(entry.path()),
                Ok(found) => total = total.saturating_add(blocks_of(&found)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(total)
}

#[cfg(unix)]
fn blocks_of(file: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    const BLOCK_BYTES: u64 = 512; // what `st_blocks` counts, whatever the file system's own size
    file.blocks().saturating_mul(BLOCK_BYTES)
}

#[cfg(not(unix))]
fn blocks_of(file: &fs::Metadata) -> u64 {
    file.len()
}

/// Field order matters: the snapshot is released before the database it belongs to.
struct FjallSnapshot {
    snapshot: fjall::Snapshot,
    shared: Arc<Shared>,
}

impl fmt::Debug for FjallSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallSnapshot").finish_non_exhaustive()
    }
}

impl EngineSnapshot for FjallSnapshot {
    fn tables(&self) -> Result<Vec<String>, StoreError> {
        let tables = self.shared.tables.read().unwrap_or_else(PoisonError::into_inner);
        Ok(tables.keys().cloned().collect())
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(table) = self.shared.table(table) else { return Ok(None) };
        let value = self.snapshot.get(&table, key).map_err(during("read a record"))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        table: &str,
        range: KeyRange,
        direction: Direction,
    ) -> Result<RawScan<'_>, StoreError> {
        let Some(table) = self.shared.table(table) else {
            return Ok(Box::new(std::iter::empty()));
        };
        let found = self.snapshot.range(&table, range);
        let owned = |row: fjall::Guard| {
            let (key, value) = row.into_inner().map_err(during("scan"))?;
            Ok((key.to_vec(), value.to_vec()))
        };
        Ok(match direction {
            Direction::Forward => Box::new(found.map(owned)),
            Direction::Reverse => Box::new(found.rev().map(owned)),
        })
    }
}

/// Turns an error of fjall into one of the store.
fn during(action: &'static str) -> impl FnOnce(fjall::Error) -> StoreError + Copy {
    move |error| match error {
        fjall::Error::Storage(
            error @ (fjall::LsmError::ChecksumMismatch { .. }
            | fjall::LsmError::Unrecoverable
            | fjall::LsmError::Decompress(_)
            | fjall::LsmError::InvalidTag(_)
            | fjall::LsmError::InvalidTrailer
            | fjall::LsmError::InvalidHeader(_)),
        ) => StoreError::Damaged { engine: NAME, reason: error.to_string() },
        error @ (fjall::Error::Unrecoverable
        | fjall::Error::InvalidTrailer
        | fjall::Error::InvalidTag(_)
        | fjall::Error::JournalRecovery(_)) => {
            StoreError::Damaged { engine: NAME, reason: error.to_string() }
        }
        error => StoreError::Engine { engine: NAME, action, source: Box::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: u8 = 8;
    const ROW: usize = 4096;

    /// Twelve times what the tables may hold together, each taking less than all may hold.
    #[test]
    fn many_tables_together_hold_no_more_than_their_bound() {
        let folder = tempfile::tempdir().unwrap();
        let engine = FjallEngine::open(&folder.path().join("tables"), 0).unwrap();
        let (bound, _) = FjallEngine::MEMORY_TABLES_BYTES;
        assert_eq!(engine.shared.memory_tables_bytes, bound);
        let op = |table: u8, row: u64| Op {
            table: format!("table{table}").into(),
            key: row.to_be_bytes().to_vec(),
            value: Some(vec![table; ROW]),
        };
        let rows = 12 * bound / (ROW as u64) / u64::from(TABLES);
        for row in 0..rows {
            let ops = (0..TABLES).map(|table| op(table, row)).collect();
            engine.commit(ops, Durability::Buffered).unwrap();
        }
        let started = Instant::now();
        while engine.shared.database.write_buffer_size() > bound + bound / 4 {
            assert!(
                started.elapsed() < FjallEngine::COMPACT_FLUSH_WAIT,
                "memory is not given back"
            );
            thread::sleep(COMPACT_FLUSH_POLL);
        }
        for table in 0..TABLES {
            let name = format!("table{table}");
            let found = engine.get(&name, &(rows - 1).to_be_bytes()).unwrap();
            assert_eq!(found, Some(vec![table; ROW]));
            let keyspace = engine.shared.table(&name).unwrap();
            assert!(keyspace.table_count() > 0, "{name} was never written out");
        }
    }

    #[test]
    fn tables_of_keys_that_only_rise_do_not_become_more_and_more() {
        let folder = tempfile::tempdir().unwrap();
        let engine = FjallEngine::open(&folder.path().join("tables"), 0).unwrap();
        let (bound, _) = FjallEngine::MEMORY_TABLES_BYTES;
        let rows_at_once = bound / (ROW as u64) + 1;
        let rounds = 120;
        for round in 0..rounds {
            let op = |row: u64| Op {
                table: "rising".into(),
                key: (round * rows_at_once + row).to_be_bytes().to_vec(),
                value: Some(vec![7; ROW]),
            };
            engine.commit((0..rows_at_once).map(op).collect(), Durability::Buffered).unwrap();
        }
        let table = engine.shared.table("rising").unwrap();
        let started = Instant::now();
        while table.sealed_memtable_count() > 0 && started.elapsed() < Duration::from_secs(30) {
            thread::sleep(COMPACT_FLUSH_POLL);
        }
        engine.shared.gather.finish();
        // Each commit fills the memory there is, and is a table.
        let tables = table.table_count();
        assert!(tables < 60, "{tables} tables of {rounds} written out");
        let mut found = 0;
        let snapshot = engine.snapshot().unwrap();
        for row in snapshot.scan("rising", KeyRange::all(), Direction::Forward).unwrap() {
            let (key, value) = row.unwrap();
            assert_eq!((key, value), (u64::to_be_bytes(found).to_vec(), vec![7; ROW]));
            found += 1;
        }
        assert_eq!(found, rounds * rows_at_once);
    }
}
