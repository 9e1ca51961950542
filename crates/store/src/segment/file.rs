//! Files read and written by position, and how a log's directory names them.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use super::{SegmentOptions, header};
use crate::{
    directory::LOCK,
    durable_file::{self, PARTIAL},
    error::StoreError,
};

const SUFFIX: &str = ".seg";

/// A log's directory and options.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    pub(super) options: SegmentOptions,
}

impl Place {
    pub(super) fn path(&self, segment: u32) -> PathBuf {
        self.directory.join(format!("{segment:08}{SUFFIX}"))
    }

    pub(super) fn damaged(
        &self,
        segment: u32,
        offset: u64,
        reason: impl Into<String>,
    ) -> StoreError {
        StoreError::SegmentDamaged { path: self.path(segment), offset, reason: reason.into() }
    }

    /// Lists the segments there are, ascending, and removes files that were never completed.
    pub(super) fn segments(&self) -> Result<Vec<u32>, StoreError> {
        let reading = || StoreError::io("read the directory", &self.directory);
        let mut numbers = Vec::new();
        let mut stranger = None;
        for entry in fs::read_dir(&self.directory).map_err(reading())? {
            let path = entry.map_err(reading())?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(number) = number_of(name) {
                numbers.push(number);
            } else if name.strip_suffix(PARTIAL).and_then(number_of).is_some() {
                fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            } else if name != LOCK {
                stranger.get_or_insert_with(|| name.to_owned());
            }
        }
        if let (true, Some(name)) = (numbers.is_empty(), stranger) {
            return Err(StoreError::NotAStore {
                path: self.directory.clone(),
                reason: format!("there is {name:?} and no segment"),
            });
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Creates a segment that holds its header alone; it is durable when this returns.
    pub(super) fn create(
        &self,
        segment: u32,
        previous_bytes: u64,
    ) -> Result<PositionedFile, StoreError> {
        let path = self.path(segment);
        let header = header::encode(self.options.name, segment, previous_bytes);
        durable_file::write(&path, &header)?;
        self.open(segment)
    }

    /// Opens a segment for reading and writing.
    pub(super) fn open(&self, segment: u32) -> Result<PositionedFile, StoreError> {
        let path = self.path(segment);
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map(PositionedFile::new)
            .map_err(StoreError::io("open", path))
    }

    pub(super) fn remove(&self, segment: u32) -> Result<(), StoreError> {
        let path = self.path(segment);
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))
    }

    pub(super) fn sync_directory(&self) -> Result<(), StoreError> {
        durable_file::sync_parent(&self.directory.join(LOCK))
    }
}

/// Returns the number in a segment's file name: eight digits or, from a hundred million on, more.
fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(SUFFIX)?;
    let number = digits.parse().ok()?;
    (format!("{number:08}") == digits).then_some(number)
}

/// A file read and written at positions, by many at once.
#[derive(Debug)]
pub(super) struct PositionedFile {
    #[cfg(unix)]
    file: File,
    /// Elsewhere there is one cursor, so one at a time.
    #[cfg(not(unix))]
    file: std::sync::Mutex<File>,
}

#[cfg(unix)]
impl PositionedFile {
    const fn new(file: File) -> Self {
        Self { file }
    }

    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, offset)
    }

    pub(super) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, offset)
    }

    fn with<T>(&self, use_file: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        use_file(&self.file)
    }
}

#[cfg(not(unix))]
impl PositionedFile {
    const fn new(file: File) -> Self {
        Self { file: std::sync::Mutex::new(file) }
    }

    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        use io::{Read as _, Seek as _};
        self.with(|mut file| {
            file.seek(io::SeekFrom::Start(offset))?;
            file.read_exact(bytes)
        })
    }

    pub(super) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        use io::{Seek as _, Write as _};
        self.with(|mut file| {
            file.seek(io::SeekFrom::Start(offset))?;
            file.write_all(bytes)
        })
    }

    fn with<T>(&self, use_file: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        use_file(&self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl PositionedFile {
    pub(super) fn length(&self) -> io::Result<u64> {
        self.with(|file| Ok(file.metadata()?.len()))
    }

    pub(super) fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.with(|file| file.set_len(bytes))
    }

    /// Makes contents and length durable (fdatasync).
    pub(super) fn sync(&self) -> io::Result<()> {
        self.with(File::sync_data)
    }
}

/// Opens a segment for one sequential reader.
pub(super) fn open_sequential(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(StoreError::io("open", path))
}
