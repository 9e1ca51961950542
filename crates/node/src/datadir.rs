//! The data directory: where it is, whose it is, and that only one process uses it.
//!
//! ```text
//!   $XDG_DATA_HOME/quintet/<kind>/<network>/
//!   ├── lock        held exclusively while a node runs; holds its process id as text
//!   └── …           whatever the kind stores
//! ```
//!
//! # Invariants
//!
//! - A new directory is readable by its owner alone (mode 0700): it holds keys.
//! - While a [`DataDir`] or a clone of it lives, no other one can be opened on the same path, in
//!   this process or another. The operating system releases the lock when a process dies, so a lock
//!   file that was left behind locks nothing.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use etcetera::BaseStrategy;

/// Name of the lock file.
const LOCK_FILE: &str = "lock";

/// Bytes of the lock file that are read for the holder's process id.
const PID_MAX_BYTES: u64 = 32;

/// The data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another node runs on it.
    #[error(
        "data directory {path} is in use by {}: stop it, or choose another directory with --data-dir",
        holder(*.pid)
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, if it could be read.
        pid: Option<u32>,
    },
    /// The file system said no.
    #[error("data directory {path}: cannot {action}: {source}; choose another with --data-dir")]
    Io {
        /// The directory or the file in it.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The user has no home directory to derive a path from.
    #[error("expected a home directory to keep data in; found none: set HOME or use --data-dir")]
    NoHome,
    /// A name cannot be part of a path.
    #[error("expected a name of letters, digits, '-' and '_' for the {what}; found {found:?}")]
    Name {
        /// What is named: the kind or the network.
        what: &'static str,
        /// The name.
        found: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// Returns `$XDG_DATA_HOME/quintet/<kind>/<network>`.
///
/// # Errors
///
/// [`DataDirError::NoHome`] without a home directory, [`DataDirError::Name`] if a name would lead
/// out of the directory.
pub fn default_path(kind: &str, network: &str) -> Result<PathBuf, DataDirError> {
    for (what, name) in [("kind", kind), ("network", network)] {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(DataDirError::Name { what, found: name.to_owned() });
        }
    }
    let base = etcetera::choose_base_strategy().map_err(|_| DataDirError::NoHome)?;
    Ok(base.data_dir().join("quintet").join(kind).join(network))
}

/// A data directory that is ours until the last clone is dropped.
#[derive(Debug, Clone)]
pub struct DataDir {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Closing it releases the lock.
    _lock: File,
}

impl DataDir {
    /// Creates the directory if need be and locks it.
    ///
    /// # Errors
    ///
    /// [`DataDirError::Locked`] if a node runs on it, [`DataDirError::Io`] if the file system
    /// refuses.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        create_private(&path).map_err(io_error(&path, "create it"))?;
        let lock_path = path.join(LOCK_FILE);
        let mut lock =
            open_lock_file(&lock_path).map_err(io_error(&lock_path, "open the lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::Locked { path, pid: read_pid(&mut lock) });
            }
            Err(TryLockError::Error(source)) => {
                return Err(io_error(&lock_path, "lock it")(source));
            }
        }
        write_pid(&mut lock).map_err(io_error(&lock_path, "write the process id"))?;
        Ok(Self { inner: Arc::new(Inner { path, _lock: lock }) })
    }

    /// Opens [`default_path`] of a kind and network.
    ///
    /// # Errors
    ///
    /// As for [`default_path`] and [`Self::open`].
    pub fn open_default(kind: &str, network: &str) -> Result<Self, DataDirError> {
        Self::open(default_path(kind, network)?)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The path of a file or directory in it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.inner.path.join(name)
    }
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { path, action, source }
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    warn_if_open_to_others(path)
}

/// A directory that existed keeps the mode its owner gave it; it is worth a warning, not a refusal.
#[cfg(unix)]
fn warn_if_open_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "data directory has mode {mode:o}; expected 700");
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "one signature on every system")]
fn warn_if_open_to_others(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn open_lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The holder's process id. None if it is being written, or where a locked file cannot be read.
fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(PID_MAX_BYTES).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())?;
    lock.flush()
}
