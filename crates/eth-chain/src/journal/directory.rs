//! The directory of a chain.
//!
//! ```text
//!   journal/       records of commits, in segments; locked while open
//!   tables/        the engine's own: fjall's directory, or
//!   tables.redb    redb's file
//!   creating/      the engine's own until it is complete
//! ```

use std::{fs, path::Path, sync::Arc};

use quintet_store::{
    Engine, EngineKind, FjallEngine, RedbEngine, Schema, Store, StoreError, StoreOptions,
    segment::{SegmentLog, SegmentOptions},
};

use super::engine::JournalEngine;

const JOURNAL: &str = "journal";
const CREATING: &str = "creating";

/// The journal's name in its files.
const LOG: &str = "eth-chain";

/// Bytes of a segment; what the tables hold is freed by whole ones.
const SEGMENT_BYTES: u32 = 16 << 20;

/// Longest record: the largest batch of a store, and what surrounds its rows.
const RECORD_BYTES_MAX: u32 = 512 << 20;

/// Opens the store of a chain, creating it if the directory is absent or empty.
///
/// # Errors
///
/// [`StoreError`] if the directory is in use, holds something else, is damaged or cannot be read.
pub(crate) fn open(
    directory: &Path,
    schema: &Schema,
    options: &StoreOptions,
) -> Result<Store, StoreError> {
    let journal = directory.join(JOURNAL);
    if !there(&journal)? && holds_something(directory)? {
        let reason = format!("there is no {JOURNAL}");
        return Err(StoreError::NotAStore { path: directory.to_owned(), reason });
    }
    let log = SegmentOptions {
        segment_bytes_max: SEGMENT_BYTES,
        record_bytes_max: RECORD_BYTES_MAX,
        // Nothing acknowledged stays in this process.
        buffer_bytes: 0,
        ..SegmentOptions::new(LOG)
    };
    // Locks the directory for what follows.
    let log = SegmentLog::open(&journal, log)?;
    let tables = open_tables(directory, options)?;
    Store::with_engine(Arc::new(JournalEngine::recover(tables, log)?), schema)
}

const fn file_name(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Fjall => "tables",
        EngineKind::Redb => "tables.redb",
    }
}

/// Opens the tables, creating their files whole or not at all.
fn open_tables(
    directory: &Path,
    &StoreOptions { engine, cache_bytes }: &StoreOptions,
) -> Result<Arc<dyn Engine>, StoreError> {
    for other in [EngineKind::Fjall, EngineKind::Redb] {
        if other != engine && there(&directory.join(file_name(other)))? {
            return Err(StoreError::EngineMismatch {
                path: directory.to_owned(),
                expected: engine.to_string(),
                actual: other.to_string(),
            });
        }
    }
    let path = directory.join(file_name(engine));
    if !there(&path)? {
        let creating = directory.join(CREATING);
        if there(&creating)? {
            fs::remove_dir_all(&creating).map_err(during("remove", &creating))?;
        }
        fs::create_dir(&creating).map_err(during("create the directory", &creating))?;
        let unfinished = creating.join(file_name(engine));
        drop(open_engine(engine, &unfinished, cache_bytes)?);
        sync(&creating)?;
        fs::rename(&unfinished, &path).map_err(during("rename into place", &path))?;
        fs::remove_dir(&creating).map_err(during("remove", &creating))?;
        sync(directory)?;
    }
    open_engine(engine, &path, cache_bytes)
}

fn open_engine(
    engine: EngineKind,
    path: &Path,
    cache_bytes: usize,
) -> Result<Arc<dyn Engine>, StoreError> {
    Ok(match engine {
        EngineKind::Fjall => Arc::new(FjallEngine::open(path, cache_bytes)?),
        EngineKind::Redb => Arc::new(RedbEngine::open(path, cache_bytes)?),
    })
}

fn there(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(during("look for", path))
}

fn holds_something(directory: &Path) -> Result<bool, StoreError> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(during("read the directory", directory)(error)),
    }
}

/// Makes names in a directory durable.
fn sync(directory: &Path) -> Result<(), StoreError> {
    let opened = fs::File::open(directory).map_err(during("open", directory))?;
    opened.sync_all().map_err(during("sync", directory))
}

fn during(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}
