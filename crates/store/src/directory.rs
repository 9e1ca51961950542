//! A store's directory: who holds it, and which engine wrote it.
//!
//! ```text
//!   LOCK        locked while open; names the process for people
//!   ENGINE      "fjall" or "redb", written before the engine's first file
//!   fjall/      or
//!   store.redb  the engine's own
//!   creating/   the engine's own until it is complete
//! ```
//!
//! An engine that is interrupted while it creates its files may leave some it does not open again (redb: a file without its
//! magic number). So they are created under another name and renamed; a leftover is thrown away.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use crate::{
    durable_file::{self, PARTIAL},
    engine::Engine,
    error::StoreError,
};

pub(crate) const LOCK: &str = "LOCK";
const ENGINE: &str = "ENGINE";
const CREATING: &str = "creating";

/// Bytes of the lock or engine file that are looked at.
const SMALL_FILE_BYTES: u64 = 64;

/// The persistent engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// Log-structured: random state that outgrows its cache.
    Fjall,
    /// B-tree in one file: small state, peer books, wallets.
    Redb,
}

impl EngineKind {
    /// Returns the name used in configuration and on disk.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fjall => "fjall",
            Self::Redb => "redb",
        }
    }

    /// Returns the name of the engine's file or directory.
    const fn file_name(self) -> &'static str {
        match self {
            Self::Fjall => "fjall",
            Self::Redb => "store.redb",
        }
    }

    fn open(self, path: &Path, cache_bytes: usize) -> Result<Arc<dyn Engine>, StoreError> {
        match self {
            #[cfg(feature = "fjall")]
            Self::Fjall => Ok(Arc::new(crate::engine::FjallEngine::open(path, cache_bytes)?)),
            #[cfg(feature = "redb")]
            Self::Redb => Ok(Arc::new(crate::engine::RedbEngine::open(path, cache_bytes)?)),
            #[cfg(not(all(feature = "fjall", feature = "redb")))]
            other => {
                let _ = (path, cache_bytes);
                Err(StoreError::EngineNotBuilt { engine: other.name() })
            }
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        match name {
            "fjall" => Ok(Self::Fjall),
            "redb" => Ok(Self::Redb),
            other => Err(StoreError::EngineUnknown { actual: other.to_owned() }),
        }
    }
}

/// How to open a store's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// The engine. A directory written by another one is refused.
    pub engine: EngineKind,
    /// What the engine may cache, bytes. Resident memory goes to about twice this with fjall.
    pub cache_bytes: usize,
}

impl StoreOptions {
    /// Returns options for state that grows beyond memory: coins, tries, block indexes.
    #[must_use]
    pub const fn for_state(cache_bytes: usize) -> Self {
        Self { engine: EngineKind::Fjall, cache_bytes }
    }

    /// Returns options for state of some megabytes: peers, bans, routing tables, wallets.
    #[must_use]
    pub const fn for_metadata() -> Self {
        Self { engine: EngineKind::Redb, cache_bytes: 1 << 20 }
    }
}

/// A directory held by this process; released on drop.
#[derive(Debug)]
pub(crate) struct Directory {
    lock: File,
}

impl Drop for Directory {
    /// Unlocks by name rather than by closing the file: a process that this one is starting just now holds a copy of the
    /// file until it runs its own program, and would hold the lock with it.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the store's lock is released when this process ends");
        }
    }
}

impl Directory {
    /// Creates the directory `path` if need be and locks it, for files that are no engine's.
    pub(crate) fn hold(path: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(StoreError::io("create the directory", path))?;
        Ok(Self { lock: lock(path)? })
    }

    /// Locks `path`, claims it for the engine and opens that.
    pub(crate) fn open(
        path: &Path,
        options: &StoreOptions,
    ) -> Result<(Self, Arc<dyn Engine>), StoreError> {
        // Looked at before anything is created, so that a wrong path is left as it was.
        let claimed = claimed_by(path)?;
        fs::create_dir_all(path).map_err(StoreError::io("create the directory", path))?;
        let held = Self { lock: lock(path)? };
        // Looked at again under the lock: another process may have been first.
        let claimed = if claimed.is_some() { claimed } else { claimed_by(path)? };
        match claimed {
            Some(actual) if actual != options.engine.name() => {
                return Err(StoreError::EngineMismatch {
                    path: path.to_owned(),
                    expected: options.engine.to_string(),
                    actual,
                });
            }
            Some(_) => {}
            None => {
                let line = format!("{}\n", options.engine);
                durable_file::write(&path.join(ENGINE), line.as_bytes())?;
                durable_file::sync_parent(path)?;
            }
        }
        let engine = open_engine(path, options)?;
        Ok((held, engine))
    }
}

/// Opens the engine in a locked directory, creating its files whole or not at all.
fn open_engine(
    directory: &Path,
    &StoreOptions { engine, cache_bytes }: &StoreOptions,
) -> Result<Arc<dyn Engine>, StoreError> {
    let path = directory.join(engine.file_name());
    if !path.try_exists().map_err(StoreError::io("look for", &path))? {
        let creating = directory.join(CREATING);
        if creating.try_exists().map_err(StoreError::io("look for", &creating))? {
            fs::remove_dir_all(&creating).map_err(StoreError::io("remove", &creating))?;
        }
        fs::create_dir(&creating).map_err(StoreError::io("create the directory", &creating))?;
        let unfinished = creating.join(engine.file_name());
        drop(engine.open(&unfinished, cache_bytes)?);
        durable_file::sync_parent(&unfinished)?;
        fs::rename(&unfinished, &path).map_err(StoreError::io("rename into place", &path))?;
        fs::remove_dir(&creating).map_err(StoreError::io("remove", &creating))?;
        durable_file::sync_parent(&path)?;
    }
    engine.open(&path, cache_bytes)
}

/// Returns the engine named in `path`, or `None` if the directory is absent or empty.
fn claimed_by(path: &Path) -> Result<Option<String>, StoreError> {
    if let Some(engine) = small_file(&path.join(ENGINE))? {
        return Ok(Some(engine));
    }
    if is_vacant(path)? {
        return Ok(None);
    }
    Err(StoreError::NotAStore {
        path: path.to_owned(),
        reason: format!("there is no file {ENGINE}"),
    })
}

/// Returns whether `path` is absent, or holds no more than a store leaves that was never completed.
pub(crate) fn is_vacant(path: &Path) -> Result<bool, StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(StoreError::io("read the directory", path)(error)),
    };
    let unfinished = format!("{ENGINE}{PARTIAL}");
    for entry in entries {
        let name = entry.map_err(StoreError::io("read the directory", path))?.file_name();
        if name != LOCK && name != unfinished.as_str() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file_path = path.join(LOCK);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&file_path)
        .map_err(StoreError::io("open the lock file", &file_path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = small_file(&file_path)?.filter(|holder| !holder.is_empty());
            return Err(StoreError::Locked {
                path: path.to_owned(),
                holder: holder.unwrap_or_else(|| "unknown".to_owned()),
            });
        }
        Err(TryLockError::Error(error)) => {
            return Err(StoreError::io("lock", &file_path)(error));
        }
    }
    // For people alone; the lock is what counts.
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(StoreError::io("write the lock file", &file_path))?;
    Ok(file)
}

/// Returns the trimmed text of a file that may be absent, at most [`SMALL_FILE_BYTES`] of it.
fn small_file(path: &PathBuf) -> Result<Option<String>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(SMALL_FILE_BYTES).read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
    Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
}
