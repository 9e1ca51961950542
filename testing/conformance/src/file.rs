//! Finding and reading vector files, plain or gzip-compressed.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use thiserror::Error;

/// Longest file read, in bytes after decompression.
pub const FILE_MAX: u64 = 1 << 28;

/// Deepest folder walked into, counted from the one given.
pub const FOLDER_DEPTH_MAX: usize = 16;

/// A file that was read whole.
#[derive(Debug)]
pub struct File {
    /// Folder of the run.
    pub folder: PathBuf,
    /// Path relative to the folder of the run, without `.gz`.
    pub name: PathBuf,
    /// Content, decompressed.
    pub bytes: Vec<u8>,
}

/// Why a file cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system or the decompressor says so.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is longer than anybody's vectors.
    #[error("{}: expected at most {FILE_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Folders are nested deeper than anybody's vectors.
    #[error("{}: expected folders at most {FOLDER_DEPTH_MAX} deep", path.display())]
    TooDeep {
        /// The folder.
        path: PathBuf,
    },
}

/// Returns `path` without a `.gz` at its end: the name by which suites claim it.
#[must_use]
pub fn plain_name(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "gz") {
        path.with_extension("")
    } else {
        path.to_owned()
    }
}

impl File {
    /// Reads the file at `folder`/`relative`.
    ///
    /// # Errors
    ///
    /// [`FileError`] if it cannot be read or decompressed, or is too long.
    pub fn read(folder: &Path, relative: &Path) -> Result<Self, FileError> {
        let path = folder.join(relative);
        let failed = |source| FileError::Read { path: path.clone(), source };
        let file = fs::File::open(&path).map_err(failed)?;
        let name = plain_name(relative);
        let mut bytes = Vec::new();
        let read = if name == relative {
            file.take(FILE_MAX + 1).read_to_end(&mut bytes)
        } else {
            MultiGzDecoder::new(file).take(FILE_MAX + 1).read_to_end(&mut bytes)
        };
        read.map_err(failed)?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(FileError::TooLong { path });
        }
        Ok(Self { folder: folder.to_owned(), name, bytes })
    }

    /// Reads the first file of the run's folder whose path (relative, without `.gz`) is `wanted`.
    ///
    /// For vectors that speak of a file beside them. `None` if there is none or it cannot be read.
    #[must_use]
    pub fn other(&self, wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let files = walk(&self.folder).ok()?;
        let named = |path: &PathBuf| plain_name(path).to_str().is_some_and(&wanted);
        Self::read(&self.folder, files.iter().find(|path| named(path))?).ok()
    }

    /// Returns the file's own name without folders and `.gz`.
    #[must_use]
    pub fn own_name(&self) -> &str {
        self.name.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// Returns the paths of all files under `folder`, relative to it and sorted.
///
/// # Errors
///
/// [`FileError`] if a folder cannot be listed or lies too deep.
pub fn walk(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((relative, depth)) = folders.pop() {
        let path = folder.join(&relative);
        if depth > FOLDER_DEPTH_MAX {
            return Err(FileError::TooDeep { path });
        }
        let failed = |source| FileError::Read { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(failed)? {
            let name = relative.join(entry.map_err(failed)?.file_name());
            // Through links: a folder of links to vectors is a folder of vectors.
            if folder.join(&name).is_dir() {
                folders.push((name, depth + 1));
            } else {
                files.push(name);
            }
        }
    }
    files.sort();
    Ok(files)
}
